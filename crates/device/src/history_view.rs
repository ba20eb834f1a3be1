//! The history of all accounts, and the evidence about one request.

use countersign_protocol::answer::{Answer, Decision, DenialReason};
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::challenge::{Challenge, Client};
use countersign_protocol::evidence::Evidence;
use countersign_protocol::id::{ChallengeId, Subject};
use countersign_protocol::json;
use countersign_protocol::jws::Compact;
use countersign_protocol::kind::Kind;
use countersign_protocol::outcome::{Ending, Outcome};
use countersign_protocol::transcript::Transcript;
use serde::Serialize;

use crate::account::{Account, AccountId, AccountStatus};
use crate::answering::ending_of;
use crate::device::Device;
use crate::error::ExportError;
use crate::history::{self, Head};
use crate::ports::vault::{Stage, StoredChallenge};

/// A request in the history, open or ended.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryItem {
    /// The account it was sent to.
    pub account: AccountId,
    /// The user's id at the provider, for whom it was.
    pub subject: Subject,
    /// The user's name, not escaped.
    pub subject_label: String,
    /// The challenge's id.
    pub id: ChallengeId,
    /// What people call the approval; `None` while the request waits for an answer, so that nobody compares it in place of what
    /// they approve, and where the challenge could not be read.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub approval_ref: Option<ApprovalRef>,
    /// What was asked for; `None` where the challenge could not be read.
    pub kind: Option<Kind>,
    /// The client that asked; `None` where the challenge could not be read.
    pub client: Option<Client>,
    /// Whether it is practice: forgotten once it has ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub practice: bool,
    /// The client's message, verbatim.
    pub binding_message: Option<String>,
    /// When the challenge was issued, seconds since the epoch.
    pub issued_at: u64,
    /// Answers that arrive at this time or later do not count; seconds since the epoch, by the provider's clock.
    pub expires_at: u64,
    /// How far it has come on this device. What waited for an answer when its account ended has ended.
    pub stage: Stage,
    /// This device's decision, if it answered.
    pub decision: Option<Decision>,
    /// Why it denied, if it said so.
    pub reason: Option<DenialReason>,
    /// When it answered, seconds since the epoch.
    pub answered_at: Option<u64>,
    /// How it ended, by the newest verified outcome.
    pub outcome: Option<Ending>,
    /// The device that answered, where another did.
    pub by: Option<String>,
    /// How its account ended before this device heard of an outcome, which it will not hear of any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_with: Option<AccountEnd>,
    /// The transcript that was on the screen when it was answered.
    #[serde(skip)]
    pub transcript: Option<Transcript>,
}

/// How an account ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountEnd {
    /// The provider revoked this device.
    Revocation,
    /// The person took the account off this device.
    Unenrollment,
}

impl AccountEnd {
    fn of(account: &Account) -> Option<AccountEnd> {
        match account.status {
            AccountStatus::Revoked { .. } => Some(AccountEnd::Revocation),
            _ => account.unenrolled_at.map(|_| AccountEnd::Unenrollment),
        }
    }
}

impl Device {
    /// Every request this device received, newest first. Checks first that each account's history is one chain.
    ///
    /// # Errors
    /// [`ExportError::Broken`] where an entry was changed, removed or put in.
    pub async fn history(&self) -> Result<Vec<HistoryItem>, ExportError> {
        let vault = &self.inner.services.vault;
        let mut all = Vec::new();
        for account in vault.accounts().await? {
            let entries = vault.history(&account.id).await?;
            if let Some(statement) = account.statements.first() {
                history::check(Head::beginning(statement.as_str()), &entries)?;
            }
            all.extend(vault.challenges(&account.id).await?.iter().map(|kept| history_item(&account, kept)));
        }
        all.sort_by_key(|past| std::cmp::Reverse(past.issued_at));
        Ok(all)
    }

    /// Everything signed about one request, as the JSON of an evidence file that anybody can verify offline.
    ///
    /// # Errors
    /// [`ExportError`] where the request is unknown or nothing about it was signed by this device or its provider yet.
    pub async fn evidence(&self, id: &ChallengeId) -> Result<String, ExportError> {
        let vault = &self.inner.services.vault;
        for account in vault.accounts().await? {
            if let Some(kept) = vault.challenge(&account.id, id).await? {
                return Ok(evidence(&account, kept)?.to_file());
            }
        }
        Err(ExportError::Unknown)
    }
}

fn evidence(account: &Account, kept: StoredChallenge) -> Result<Evidence, ExportError> {
    if Compact::<Challenge>::from_text(kept.compact.clone()).peek().is_ok_and(|challenge| challenge.practice) {
        return Err(ExportError::Incomplete("it is a practice request, by which nothing can be approved"));
    }
    if kept.answer.is_none() && kept.outcomes.is_empty() {
        return Err(ExportError::Incomplete("the request was neither answered here nor has it ended"));
    }
    let (outcome, disputed) = first_and_disputed(kept.outcomes);
    Ok(Evidence {
        manifests: account.manifests.manifests.clone(),
        statements: Evidence::statements_for(outcome.as_ref(), account.statements.clone()),
        challenge: Compact::from_text(kept.compact),
        answer: kept.answer.map(Compact::from_text),
        transcript: kept.transcript,
        outcome,
        disputed,
    })
}

/// The first outcome, and the second one that follows it after a dispute. A second one without the first is no
/// evidence.
fn first_and_disputed(outcomes: Vec<String>) -> (Option<Compact<Outcome>>, Option<Compact<Outcome>>) {
    let mut outcomes = outcomes.into_iter().map(Compact::<Outcome>::from_text);
    let is_second = |outcome: &Compact<Outcome>| outcome.peek().is_ok_and(|claims| claims.replaces.is_some());
    let first = outcomes.next().filter(|outcome| !is_second(outcome));
    let disputed = outcomes.find(is_second).filter(|_| first.is_some());
    (first, disputed)
}

fn history_item(account: &Account, kept: &StoredChallenge) -> HistoryItem {
    let challenge = Compact::<Challenge>::from_text(kept.compact.clone()).peek().ok();
    let answer = kept.answer.clone().and_then(|text| Compact::<Answer>::from_text(text).peek().ok());
    let ending = ending_of(kept);
    let is_open = kept.stage <= Stage::Answering && ending.is_none();
    let ended_with = AccountEnd::of(account).filter(|_| is_open);
    let stage = match ended_with {
        Some(_) if kept.stage <= Stage::Shown => Stage::Ended,
        _ => kept.stage,
    };
    HistoryItem {
        account: account.id.clone(),
        subject: account.subject.clone(),
        subject_label: account.subject_label.clone(),
        id: kept.id.clone(),
        approval_ref: challenge.as_ref().filter(|_| stage > Stage::Shown).map(|asked| ApprovalRef::of(&asked.approval)),
        kind: challenge.as_ref().map(|challenge| challenge.kind),
        client: challenge.as_ref().map(|challenge| challenge.client.clone()),
        practice: challenge.as_ref().is_some_and(|challenge| challenge.practice),
        binding_message: challenge.and_then(|challenge| challenge.binding_message),
        issued_at: kept.issued_at,
        expires_at: kept.expires_at,
        stage,
        decision: answer.as_ref().map(|answer| answer.decision),
        reason: answer.as_ref().and_then(|answer| answer.reason),
        answered_at: answer.map(|answer| answer.iat),
        outcome: ending.as_ref().map(|(ending, _)| *ending),
        by: ending.and_then(|(_, by)| by),
        ended_with,
        transcript: kept.transcript.as_ref().and_then(|text| json::parse(text.as_bytes()).ok()),
    }
}
