//! Evidence: everything signed about one approval, enough to verify it offline against a pinned root.

use std::collections::BTreeSet;

use countersign_jose::hash::Hash;
use countersign_jose::json::{Json, JsonError};
use countersign_jose::key::Thumbprint;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Decision};
use crate::challenge::{Challenge, ChallengeError, VerifiedChallenge};
use crate::enrollment::{EnrollmentError, EnrollmentStatement, VerifiedEnrollment};
use crate::interaction::UserVerification;
use crate::issuer::Issuer;
use crate::json;
use crate::jws::{Compact, JwsError};
use crate::manifest::{self, Manifest, ManifestError, TrustedKeys};
use crate::outcome::{Ending, ExpectedOutcome, Outcome, OutcomeError, VerifiedOutcome};
use crate::text;
use crate::transcript::{Line, LineValue, Transcript};

/// Largest evidence file, in bytes.
pub const FILE_BYTES: usize = 512 * 1024;

/// The members of an evidence file; there is no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The chain of key manifests, oldest first.
    pub manifests: Vec<Compact<Manifest>>,
    /// The device's enrollment statements, oldest first.
    pub statements: Vec<Compact<EnrollmentStatement>>,
    /// The challenge as the device received it.
    pub challenge: Compact<Challenge>,
    /// The answer as the device sent it; absent if it gave none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answer: Option<Compact<Answer>>,
    /// The transcript's exact JSON; present if an answer is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transcript: Option<String>,
    /// The outcome, which never changes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outcome: Option<Compact<Outcome>>,
    /// The second outcome after a dispute; its `replaces` is the hash of the first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub disputed: Option<Compact<Outcome>>,
}

/// An issuer and the thumbprint of its evidence root, obtained out of band. The format of a trust file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustAnchor {
    /// The issuer.
    pub issuer: Issuer,
    /// The RFC 7638 thumbprint of its evidence root.
    pub root: Thumbprint,
}

/// Why evidence was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// Larger than 512 KiB.
    #[error("the file is larger than 512 KiB, the limit for evidence")]
    TooLarge,
    /// Not evidence at all.
    #[error("the file is not evidence: {0}")]
    Json(#[from] JsonError),
    /// Evidence, but not in its canonical form.
    #[error("the file was changed: it is not in the canonical form of evidence")]
    NotCanonical,
    /// The key manifests are invalid.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The enrollment statements are invalid.
    #[error(transparent)]
    Enrollment(#[from] EnrollmentError),
    /// The challenge is invalid.
    #[error("the challenge is invalid: {0}")]
    Challenge(#[from] ChallengeError),
    /// The answer's signature, form or type.
    #[error("the answer can't be verified: {0}")]
    AnswerJws(JwsError),
    /// The answer is for another challenge, or by the wrong key.
    #[error("the answer does not belong to this challenge")]
    Answer,
    /// The transcript is not what the answer signed.
    #[error("the transcript is not the one that was signed")]
    Transcript,
    /// The outcome is invalid.
    #[error(transparent)]
    Outcome(#[from] OutcomeError),
    /// The outcome contradicts the answer.
    #[error("the outcome contradicts the answer")]
    Contradiction,
    /// Everything is consistent, but under an issuer or root that is not trusted.
    #[error("the evidence is by another issuer or root than the one you trust")]
    Untrusted,
}

impl Evidence {
    /// The file: canonical JSON and one line feed.
    pub fn to_file(&self) -> String {
        let mut text = serde_json::to_string(self).expect("evidence has only strings, which are JSON");
        text.push('\n');
        text
    }

    /// Reads a file; it must be byte for byte what [`Evidence::to_file`] writes.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub fn from_file(bytes: &[u8]) -> Result<Self, EvidenceError> {
        if bytes.len() > FILE_BYTES {
            return Err(EvidenceError::TooLarge);
        }
        let evidence: Self = json::parse(bytes)?;
        if evidence.to_file().as_bytes() != bytes {
            return Err(EvidenceError::NotCanonical);
        }
        Ok(evidence)
    }

    /// Verifies everything. With `trust`, the issuer and root must be among those given; without, the report says that the issuer
    /// is not authenticated.
    ///
    /// # Errors
    /// [`EvidenceError`] with the first thing that is invalid.
    pub fn verify(&self, trust: Option<&[TrustAnchor]>) -> Result<Report, EvidenceError> {
        let keys = manifest::verify_chain(&self.manifests)?;
        let authenticated = match trust {
            None => false,
            Some(trust) if trust.iter().any(|t| t.issuer == *keys.issuer() && t.root == *keys.root()) => true,
            Some(_) => return Err(EvidenceError::Untrusted),
        };
        let enrollment = VerifiedEnrollment::verify(&self.statements, &keys)?;
        let (statement, _) = enrollment.current();
        let challenge = Challenge::verify_signed(&self.challenge, &statement.device_id, &statement.sub, &keys)?;
        let answered = self.verify_answer(&enrollment, &challenge, &keys)?;
        let outcome = self.verify_outcome(&enrollment, &challenge, answered.as_ref(), &keys)?;
        let disputed = self.verify_dispute(&challenge, answered.as_ref(), outcome.as_ref(), &keys)?;
        Ok(Report {
            disputed,
            ending: outcome.as_ref().map(VerifiedOutcome::ending),
            ..Report::new(authenticated, &keys, statement, &challenge, answered)
        })
    }

    fn verify_answer(
        &self,
        enrollment: &VerifiedEnrollment,
        challenge: &VerifiedChallenge,
        keys: &TrustedKeys,
    ) -> Result<Option<VerifiedAnswer>, EvidenceError> {
        let (answer, text) = match (&self.answer, &self.transcript) {
            (None, None) => return Ok(None),
            (Some(answer), Some(transcript)) => (answer, transcript),
            _ => return Err(EvidenceError::Transcript),
        };
        // The statement that the gateway names in the outcome; without an outcome the newest.
        let named = self.outcome.as_ref().and_then(|outcome| outcome.peek().ok()).map(|o| o.enrollment_hash);
        let statement = match named {
            Some(hash) => enrollment.by_hash(&hash).ok_or(EvidenceError::Answer)?,
            None => enrollment.current().0,
        };
        let opened = answer
            .verify(|kid| {
                [&statement.approval_key, &statement.transport_key].into_iter().find(|k| k.thumbprint() == kid)
            })
            .map_err(EvidenceError::AnswerJws)?;
        let claims = opened.claims;
        let asked = challenge.claims();
        let by_approval_key = opened.key == statement.approval_key;
        let gate_passed = claims.decision == Decision::Denied
            || by_approval_key
            || asked.user_verification == UserVerification::Discouraged;
        let belongs = claims.iss == asked.aud
            && claims.aud == *keys.issuer()
            && claims.sub == asked.sub
            && claims.challenge == asked.jti
            && claims.challenge_hash == *challenge.hash()
            && claims.exp == asked.exp
            && (claims.decision == Decision::Approved || claims.interaction_value.is_none());
        if !belongs || !gate_passed {
            return Err(EvidenceError::Answer);
        }
        let transcript: Transcript = json::parse(text.as_bytes()).map_err(|_| EvidenceError::Transcript)?;
        let same = claims.display_hash == Hash::of(text)
            && transcript.challenge == asked.jti
            && transcript.locale == claims.locale;
        if !same {
            return Err(EvidenceError::Transcript);
        }
        Ok(Some(VerifiedAnswer { claims, hash: opened.hash, by_approval_key, transcript }))
    }

    fn verify_outcome(
        &self,
        enrollment: &VerifiedEnrollment,
        challenge: &VerifiedChallenge,
        answered: Option<&VerifiedAnswer>,
        keys: &TrustedKeys,
    ) -> Result<Option<VerifiedOutcome>, EvidenceError> {
        let Some(outcome) = &self.outcome else { return Ok(None) };
        let asked = challenge.claims();
        let outcome = Outcome::verify(outcome, keys, &about(challenge, answered))?;
        let claims = outcome.claims();
        if claims.approval != asked.approval || enrollment.by_hash(&claims.enrollment_hash).is_none() {
            return Err(EvidenceError::Contradiction);
        }
        let decision = answered.map(|answered| answered.claims.decision);
        let number = answered.and_then(|answered| answered.claims.interaction_value.as_deref());
        let right_number = match (&asked.interaction.commitment, &claims.opening) {
            (None, _) => true,
            (Some(_), Some(opening)) => number.is_some_and(|number| opening.matches(number)),
            (Some(_), None) => false,
        };
        let fits = match claims.outcome {
            Ending::Approved => decision == Some(Decision::Approved) && right_number,
            Ending::Denied => decision == Some(Decision::Denied),
            _ => true,
        };
        if fits { Ok(Some(outcome)) } else { Err(EvidenceError::Contradiction) }
    }

    /// Whether the person disputed it afterwards. The second statement must follow from the first.
    fn verify_dispute(
        &self,
        challenge: &VerifiedChallenge,
        answered: Option<&VerifiedAnswer>,
        outcome: Option<&VerifiedOutcome>,
        keys: &TrustedKeys,
    ) -> Result<bool, EvidenceError> {
        let Some(disputed) = &self.disputed else { return Ok(false) };
        let disputed = Outcome::verify(disputed, keys, &about(challenge, answered))?;
        let first = outcome.ok_or(EvidenceError::Contradiction)?;
        let follows = disputed.ending() == Ending::Disputed
            && disputed.claims().replaces == Some(*first.hash())
            && disputed.claims().approval == first.claims().approval
            && first.ending() != Ending::Disputed;
        if follows { Ok(true) } else { Err(EvidenceError::Contradiction) }
    }
}

/// What an outcome in evidence must be about.
fn about<'a>(challenge: &'a VerifiedChallenge, answered: Option<&'a VerifiedAnswer>) -> ExpectedOutcome<'a> {
    let asked = challenge.claims();
    ExpectedOutcome {
        device: &asked.aud,
        subject: &asked.sub,
        challenge: &asked.jti,
        challenge_hash: challenge.hash(),
        commitment: asked.interaction.commitment.as_ref(),
        answer_hash: answered.map(|answered| &answered.hash),
    }
}

/// An answer that was verified, with its transcript.
struct VerifiedAnswer {
    claims: Answer,
    hash: Hash,
    by_approval_key: bool,
    transcript: Transcript,
}

/// The contents of verified evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whether issuer and root are among the trusted ones.
    pub authenticated: bool,
    /// The issuer and root that signed, trusted or not.
    pub signed_by: TrustAnchor,
    /// The enrollment statement in force.
    pub statement: EnrollmentStatement,
    /// The challenge.
    pub challenge: Challenge,
    /// The answer, if one was given.
    pub answer: Option<Answer>,
    /// Whether the answer is by the approval key, after user verification.
    pub by_approval_key: bool,
    /// The lines that were shown, and the basis of each.
    pub lines: Vec<(Line, Basis)>,
    /// How it ended, if known.
    pub ending: Option<Ending>,
    /// Whether the person disputed it afterwards.
    pub disputed: bool,
}

/// What signature backs a line of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// Its value is in the challenge that the gateway signed.
    Challenge,
    /// The device's own wording, signed by the device alone.
    Device,
}

impl Report {
    fn new(
        authenticated: bool,
        keys: &TrustedKeys,
        statement: &EnrollmentStatement,
        challenge: &VerifiedChallenge,
        answered: Option<VerifiedAnswer>,
    ) -> Self {
        let said = values_of(challenge);
        let (answer, by_approval_key, lines) = match answered {
            None => (None, false, Vec::new()),
            Some(answered) => {
                let lines = answered.transcript.lines.into_iter().map(|line| {
                    let basis = if stands_in(&line.value, &said) { Basis::Challenge } else { Basis::Device };
                    (line, basis)
                });
                (Some(answered.claims), answered.by_approval_key, lines.collect())
            }
        };
        Self {
            authenticated,
            signed_by: TrustAnchor { issuer: keys.issuer().clone(), root: *keys.root() },
            statement: statement.clone(),
            challenge: challenge.claims().clone(),
            answer,
            by_approval_key,
            lines,
            ending: None,
            disputed: false,
        }
    }
}

fn stands_in(value: &LineValue, said: &BTreeSet<String>) -> bool {
    match value {
        LineValue::Money(money) => said.contains(&money.amount) && said.contains(&money.currency),
        LineValue::Text(text) | LineValue::Date(text) | LineValue::Account(text) => said.contains(text),
        LineValue::Section(_) => false,
    }
}

/// Every string and number literal in the challenge, also as a device would escape it.
fn values_of(challenge: &VerifiedChallenge) -> BTreeSet<String> {
    let claims = challenge.claims();
    let mut values = BTreeSet::new();
    let mut add = |text: &str| {
        values.insert(text.to_owned());
        values.insert(text::escape(text));
    };
    add(&claims.client.name);
    add(&claims.client.id);
    add(&claims.provider.name);
    add(claims.provider.issuer.as_str());
    add(&claims.provider.issuer.host());
    add(&claims.iss.host());
    claims.binding_message.iter().for_each(|text| add(text));
    claims.scope.iter().for_each(|text| add(text));
    claims.scope.iter().flat_map(|scope| scope.split(' ')).for_each(&mut add);
    claims.context.iter().flatten().for_each(|(_, context)| add(&context.value));
    challenge.details().into_iter().flat_map(|d| d.elements()).for_each(|e| add_values(&e.object, &mut add));
    values
}

fn add_values(value: &Json, add: &mut impl FnMut(&str)) {
    match value {
        Json::String(text) | Json::Number(text) => add(text),
        Json::Bool(value) => add(if *value { "true" } else { "false" }),
        Json::Null => add("null"),
        Json::Array(elements) => elements.iter().for_each(|element| add_values(element, add)),
        Json::Object(members) => members.iter().for_each(|(_, value)| add_values(value, add)),
    }
}
