//! The provider's record of one approval: the bytes that were signed, and their claims.

use countersign_device::transcript::{self, DeviceFacts, Locale, RenderedRequest, Role};
use countersign_gateway::ChallengeRecord;
use countersign_jose::clock::Timestamp;
use countersign_protocol::challenge::{Challenge, VerifiedChallenge};
use countersign_protocol::evidence::Evidence;
use countersign_protocol::json;
use countersign_protocol::kind::Kind;
use countersign_protocol::manifest::ManifestChain;
use countersign_protocol::outcome::Ending;
use countersign_protocol::transcript::{Line, LineValue, Transcript};
use serde::Serialize;

use crate::request_text;

/// The provider's record of one request, as seen from the device that answered it, or from the first that was asked.
pub struct RecordedApproval {
    asked: ChallengeRecord,
    challenge: VerifiedChallenge,
    lines: Vec<Line>,
}

/// A line of the device's screen, for the page.
#[derive(Serialize, Clone, PartialEq, Eq)]
pub struct ScreenLine {
    role: Role,
    label: String,
    text: String,
}

impl RecordedApproval {
    /// Reads a record; `None` unless its challenge verifies.
    pub fn from_record(mut all: Vec<ChallengeRecord>) -> Option<RecordedApproval> {
        let at = all.iter().position(|asked| asked.decided).or(if all.is_empty() { None } else { Some(0) })?;
        let asked = all.swap_remove(at);
        let challenge = verified(&asked)?;
        let lines = match &asked.evidence.transcript {
            Some(text) => json::parse::<Transcript>(text.as_bytes()).ok()?.lines,
            None => {
                let statement = asked.evidence.statements.last()?.peek().ok()?;
                let facts = DeviceFacts { test: true, ..DeviceFacts::default() };
                let asked = RenderedRequest { challenge: &challenge, statement: &statement, facts };
                transcript::render(&asked, Locale::En).transcript.lines
            }
        };
        Some(RecordedApproval { asked, challenge, lines })
    }

    /// When the provider received the answer.
    pub fn answered_at(&self) -> Option<Timestamp> {
        self.asked.answer.as_ref().map(|(_, at)| *at)
    }

    /// Name of the device that answered.
    pub fn by(&self) -> Option<String> {
        self.asked.decided.then(|| countersign_protocol::text::escape(&self.asked.device_name))
    }

    /// Whether it was held: no notification on the device.
    pub fn held(&self) -> bool {
        self.challenge.claims().held
    }

    /// Whether it ended because the number was wrong.
    pub fn was_mismatch(&self) -> bool {
        let outcome = self.asked.outcome.as_ref().and_then(|outcome| outcome.peek().ok());
        outcome.is_some_and(|outcome| outcome.outcome == Ending::Mismatch)
    }

    /// The lines on the device's screen.
    pub fn lines(&self) -> Vec<ScreenLine> {
        self.lines.iter().map(ScreenLine::of).collect()
    }

    /// The authorization details, as signed.
    pub fn details(&self) -> Option<&str> {
        self.challenge.claims().authorization_details_json.as_deref()
    }

    /// The kind of the request.
    pub fn kind(&self) -> Kind {
        self.challenge.claims().kind
    }

    /// Whether there is an amount to tamper with.
    pub fn has_amount(&self) -> bool {
        super::tamper::amount_in(self.challenge.claims()).is_some()
    }

    /// Whether it ended by an answer, so that there is evidence.
    pub fn is_complete(&self) -> bool {
        self.asked.answer.is_some() && self.asked.outcome.is_some()
    }

    /// The evidence.
    pub fn evidence(&self) -> &Evidence {
        &self.asked.evidence
    }

    /// The challenge, verified.
    pub fn challenge(&self) -> &VerifiedChallenge {
        &self.challenge
    }

    /// The record as the gateway keeps it.
    pub fn record(&self) -> &ChallengeRecord {
        &self.asked
    }
}

/// The challenge, verified with the keys of the provider's manifests.
pub fn verified(asked: &ChallengeRecord) -> Option<VerifiedChallenge> {
    verify(asked, &asked.challenge).ok()
}

/// Verifies a challenge, which may be altered, as a device does.
pub fn verify(
    asked: &ChallengeRecord,
    challenge: &countersign_protocol::jws::Compact<Challenge>,
) -> Result<VerifiedChallenge, String> {
    let claims = asked.challenge.peek().map_err(|error| error.to_string())?;
    let chain = ManifestChain { manifests: asked.evidence.manifests.clone() };
    let first = chain.manifests.first().and_then(|manifest| manifest.peek().ok()).ok_or("no manifest")?;
    let root = *first.root.thumbprint();
    let keys = chain.verify(&claims.iss, &root, None).map_err(|error| error.to_string())?;
    Challenge::verify_signed(challenge, &claims.aud, &claims.sub, &[], &keys).map_err(|error| error.to_string())
}

impl ScreenLine {
    /// Label and text.
    pub fn sentence(&self) -> String {
        format!("{}: {}", self.label, self.text)
    }

    fn of(line: &Line) -> ScreenLine {
        let text = match &line.value {
            LineValue::Money(money) => request_text::money(money),
            LineValue::Text(text) | LineValue::Date(text) | LineValue::Account(text) => text.clone(),
            _ => String::new(),
        };
        ScreenLine { role: line.role, label: line.label.clone(), text }
    }
}
