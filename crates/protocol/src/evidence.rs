//! Evidence: everything signed about one approval, enough to verify it offline against a pinned root.

use countersign_jose::hash::Hash;
use countersign_jose::json::JsonError;
use countersign_jose::key::Thumbprint;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Decision};
use crate::challenge::{Challenge, ChallengeError, VerifiedChallenge};
use crate::enrollment::{EnrollmentError, EnrollmentStatement, VerifiedEnrollment};
use crate::interaction::{InteractionType, UserVerification};
use crate::issuer::Issuer;
use crate::json;
use crate::jws::{Compact, JwsError, VerifyingKey};
use crate::manifest::{self, Manifest, ManifestError, TrustedKeys};
use crate::outcome::{Ending, ExpectedOutcome, Outcome, OutcomeError, VerifiedOutcome};
use crate::transcript::{self, DisplayError, Line, TranscriptBasis};
use crate::webauthn::VerifiedAssertion;

mod report;
mod statements;

pub use report::{Basis, Report, ShownLine};

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

/// An issuer and the thumbprint of its evidence root, obtained out of band. The format of a trust file: unknown members are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustAnchor {
    /// The issuer.
    pub issuer: Issuer,
    /// The RFC 7638 thumbprint of its evidence root.
    pub root: Thumbprint,
    /// The hash of the newest key manifest that its owner knows: evidence whose chain lacks it is incomplete, for a key that it
    /// revoked would still count.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub manifest: Option<Hash>,
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
    /// The request was practice: nothing was approved by it, whatever was answered.
    #[error("a practice request has no evidence: it moved nothing")]
    Practice,
    /// The answer's signature, form or type.
    #[error("the answer can't be verified: {0}")]
    AnswerJws(JwsError),
    /// The answer is for another challenge, or by the wrong key.
    #[error("the answer does not belong to this challenge")]
    Answer,
    /// The transcript is not what the answer signed.
    #[error("the transcript is not the one that was signed")]
    Transcript,
    /// The transcript does not say what was asked.
    #[error("what was shown is not what was asked: {0}")]
    Display(#[from] DisplayError),
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
        let is_trusted = |anchor: &&TrustAnchor| anchor.issuer == *keys.issuer() && anchor.root == *keys.root();
        let anchors = trust.map(|trust| trust.iter().filter(is_trusted).collect::<Vec<_>>());
        if anchors.as_ref().is_some_and(Vec::is_empty) {
            return Err(EvidenceError::Untrusted);
        }
        let in_chain = |hash: &Hash| self.manifests.iter().any(|manifest| manifest.hash() == *hash);
        let named = anchors.iter().flatten().filter_map(|anchor| anchor.manifest.as_ref());
        let lacks_manifest = !named.into_iter().all(in_chain);
        let enrollment = VerifiedEnrollment::verify(&self.statements, &keys)?;
        let mut by_first = None;
        for statement in self.statements_in_question(&enrollment)? {
            match self.verify_by(statement, &enrollment, &keys) {
                Ok(report) => return Ok(Report { authenticated: anchors.is_some(), lacks_manifest, ..report }),
                Err(error) => by_first.get_or_insert(error),
            };
        }
        Err(by_first.unwrap_or(EvidenceError::Contradiction))
    }

    /// Verifies challenge, answer and outcome by one of the device's statements. The report is not authenticated, and lacks nothing.
    fn verify_by(
        &self,
        statement: &EnrollmentStatement,
        enrollment: &VerifiedEnrollment,
        keys: &TrustedKeys,
    ) -> Result<Report, EvidenceError> {
        let foreign = statement.on_behalf_of.as_deref().unwrap_or_default();
        let challenge = Challenge::verify_signed(&self.challenge, &statement.device_id, &statement.sub, foreign, keys)?;
        if challenge.claims().practice {
            return Err(EvidenceError::Practice);
        }
        let asked = TranscriptBasis::new(&challenge, statement);
        let answered = self.verify_answer(statement, &asked, &challenge, keys)?;
        let outcome = self.verify_outcome(enrollment, &challenge, answered.as_ref(), keys)?;
        let disputed = self.verify_dispute(&challenge, answered.as_ref(), outcome.as_ref(), keys)?;
        let assertion = answered.as_ref().and_then(|answered| answered.assertion.as_ref());
        let backup_state = assertion.map(|assertion| assertion.backup_state);
        let page = assertion.map(|assertion| assertion.origin.clone()).or_else(|| statement.code_origin.clone());
        let (answer, by_approval_key, lines) = match answered {
            None => (None, false, Vec::new()),
            Some(answered) => (Some(answered.claims), answered.by_approval_key, report::shown(answered.lines, &asked)),
        };
        Ok(Report {
            authenticated: false,
            signed_by: TrustAnchor { issuer: keys.issuer().clone(), root: *keys.root(), manifest: Some(*keys.head()) },
            statement: statement.clone(),
            asked: asked.expected(),
            challenge: challenge.claims().clone(),
            answer,
            by_approval_key,
            page,
            backup_state,
            lines,
            ending: outcome.as_ref().map(VerifiedOutcome::ending),
            disputed,
            lacks_manifest: false,
        })
    }

    fn verify_answer(
        &self,
        statement: &EnrollmentStatement,
        about: &TranscriptBasis<'_>,
        challenge: &VerifiedChallenge,
        keys: &TrustedKeys,
    ) -> Result<Option<VerifiedAnswer>, EvidenceError> {
        let Some(answer) = &self.answer else {
            return if self.transcript.is_none() { Ok(None) } else { Err(EvidenceError::Transcript) };
        };
        let opened = answer
            .verify_by(|kid| {
                let keys = [statement.approval_verifying_key(), VerifyingKey::P256(&statement.transport_key)];
                keys.into_iter().find(|key| key.public_key().thumbprint() == kid)
            })
            .map_err(EvidenceError::AnswerJws)?;
        let claims = opened.claims;
        let asked = challenge.claims();
        let by_approval_key = opened.key == statement.approval_key;
        let by_passkey = opened.assertion.is_some();
        let gate_passed = match claims.decision {
            Decision::Denied => !by_passkey,
            Decision::Approved => by_approval_key || asked.user_verification == UserVerification::Discouraged,
        };
        // Written before the person was verified: what it would say is derived from the passkey's own signature.
        let silent = !by_passkey || (claims.amr.is_empty() && claims.uv_at.is_none());
        let belongs = claims.iss == asked.aud
            && claims.aud == *keys.issuer()
            && claims.sub == asked.sub
            && claims.challenge == asked.jti
            && claims.challenge_hash == *challenge.hash()
            && claims.exp == asked.exp
            && claims.seq > 0
            && match claims.decision {
                Decision::Approved => {
                    let has_number = asked.interaction.kind != InteractionType::Boolean;
                    claims.reason.is_none() && claims.interaction_value.is_some() == has_number
                }
                Decision::Denied => claims.interaction_value.is_none(),
            };
        if !belongs || !gate_passed || !silent {
            return Err(EvidenceError::Answer);
        }
        let lines = match &self.transcript {
            Some(text) if claims.display_hash != Hash::of(text) => return Err(EvidenceError::Transcript),
            Some(text) => transcript::check(text, about, &claims.locale)?,
            // A denial counts whatever was shown, and the gateway takes it without.
            None if claims.decision == Decision::Denied => Vec::new(),
            None => return Err(EvidenceError::Transcript),
        };
        Ok(Some(VerifiedAnswer { claims, hash: opened.hash, by_approval_key, assertion: opened.assertion, lines }))
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
            // By another device's number, or this one's, which then was not the right one.
            Ending::Mismatch => {
                let has_number = asked.interaction.commitment.is_some();
                claims.answer_hash.is_none() || (decision == Some(Decision::Approved) && has_number && !right_number)
            }
            // The second statement has a place of its own.
            Ending::Disputed => false,
            _ => true,
        };
        if fits && claims.replaces.is_none() { Ok(Some(outcome)) } else { Err(EvidenceError::Contradiction) }
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
    assertion: Option<VerifiedAssertion>,
    lines: Vec<Line>,
}
