//! Activity: every request this device received, and saving the evidence about one.

use countersign_device as device;
use countersign_device::ports::vault::Stage;
use countersign_jose::clock::Timestamp;
use countersign_protocol::answer::Decision;
use countersign_protocol::kind::Kind;
use countersign_protocol::limits;
use countersign_protocol::outcome::Ending;
use countersign_protocol::text::escape;
use countersign_protocol::transcript::{Line, Money};
use serde::Serialize;

use crate::answer::parse;
use crate::app::App;
use crate::failure::Failure;
use crate::snapshot::amount_of;

/// A request in the activity, open or ended.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ActivityEntry {
    /// The challenge's id.
    pub id: String,
    /// The account's id on this device.
    pub account: String,
    /// What people call it; `null` while it waits for an answer, and where the challenge could not be read.
    #[serde(rename = "ref")]
    pub approval_ref: Option<String>,
    /// The provider's host.
    pub host: String,
    /// The user's name, for whom it was.
    pub subject_label: String,
    /// What was asked for; `null` where the challenge could not be read.
    #[cfg_attr(test, ts(type = "\"login\" | \"payment\" | \"consent\" | \"device\" | \"other\" | null"))]
    pub kind: Option<Kind>,
    /// The client's name; `null` where the challenge could not be read.
    pub client_name: Option<String>,
    /// Whether the provider's operator had verified that name.
    pub client_verified: bool,
    /// The client's `binding_message`.
    pub message: Option<String>,
    /// The amount of a payment.
    #[cfg_attr(test, ts(type = "Money | null"))]
    pub amount: Option<Money>,
    /// When the challenge was issued, seconds since the epoch.
    #[cfg_attr(test, ts(type = "number"))]
    pub issued_at: u64,
    /// How far it has come on this device.
    #[cfg_attr(test, ts(type = "\"received\" | \"shown\" | \"answering\" | \"refused\" | \"ended\""))]
    pub stage: Stage,
    /// This device's decision, if it answered.
    #[cfg_attr(test, ts(type = "\"approved\" | \"denied\" | null"))]
    pub decision: Option<Decision>,
    /// When it answered, seconds since the epoch.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub answered_at: Option<u64>,
    /// How it ended, by the newest verified outcome.
    #[cfg_attr(test, ts(type = "Ending | null"))]
    pub outcome: Option<Ending>,
    /// The device that answered, where another did.
    pub by: Option<String>,
    /// The lines that were on the screen when it was answered.
    #[cfg_attr(test, ts(type = "TranscriptLine[] | null"))]
    pub lines: Option<Vec<Line>>,
    /// Whether it can still be disputed.
    pub can_dispute: bool,
    /// Whether there is evidence to save.
    pub has_evidence: bool,
}

impl App {
    /// Every request this device received, newest first.
    ///
    /// # Errors
    /// [`Failure`], `history_broken` where the history was changed.
    pub async fn activity(&self) -> Result<Vec<ActivityEntry>, Failure> {
        let device = self.device()?;
        let accounts = device.accounts().await?;
        let own = self.now_seconds();
        // Whether something is recent is told by the provider's clock; this device's may be wrong.
        let known: std::collections::BTreeMap<_, _> = accounts
            .into_iter()
            .map(|view| (view.account, (view.issuer.host(), view.provider_time.map_or(own, Timestamp::seconds))))
            .collect();
        let history = device.history().await?;
        let of = |item: &device::HistoryItem| known.get(&item.account).cloned().unwrap_or((String::new(), own));
        let render = |item: device::HistoryItem| {
            let (host, now) = of(&item);
            ActivityEntry::render(host, item, now)
        };
        Ok(history.into_iter().map(render).collect())
    }

    /// Saves the evidence about a request among the person's downloads. Returns where it is; an existing file is never
    /// replaced.
    ///
    /// # Errors
    /// [`Failure`], `not_saved` where nothing can be saved there.
    pub async fn save_evidence(&self, challenge_id: &str) -> Result<String, Failure> {
        let id = parse(challenge_id)?;
        let evidence = self.device()?.evidence(&id).await?;
        let saved = self.downloads().save(&format!("countersign-{id}.json"), &evidence).await;
        saved.map_err(|error| Failure::new("not_saved", error))
    }
}

impl ActivityEntry {
    fn render(host: String, item: device::HistoryItem, now: u64) -> ActivityEntry {
        let lines = item.transcript.map(|transcript| transcript.lines);
        let recent = now.saturating_sub(item.issued_at) < limits::DISPUTE_SECONDS;
        ActivityEntry {
            id: item.id.to_string(),
            account: item.account.to_string(),
            approval_ref: item.approval_ref.map(|name| name.to_string()),
            host,
            subject_label: escape(&item.subject_label),
            kind: item.kind,
            client_verified: item.client.as_ref().is_some_and(|client| client.verified),
            client_name: item.client.map(|client| escape(&client.name)),
            message: item.binding_message.as_deref().map(escape),
            amount: lines.as_deref().and_then(amount_of),
            issued_at: item.issued_at,
            stage: item.stage,
            decision: item.decision,
            answered_at: item.answered_at,
            outcome: item.outcome,
            by: item.by.as_deref().map(escape),
            lines,
            can_dispute: recent && matches!(item.outcome, Some(Ending::Approved | Ending::AnsweredElsewhere)),
            has_evidence: item.decision.is_some() || item.outcome.is_some(),
        }
    }
}
