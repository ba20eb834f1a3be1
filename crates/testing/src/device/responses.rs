//! What the device says about a challenge: answers, refusals, disputes; and the outcomes it gets for them.

use countersign_jose::hash::Hash;
use countersign_jose::key::Signer as _;
use countersign_protocol::answer::{
    Answer, AnswerDraft, ApprovalKey, DenialReason, HistoryPosition, TransportKey, VerifiedUser,
};
use countersign_protocol::challenge::VerifiedChallenge;
use countersign_protocol::dispute::Dispute;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::{Claims, Compact};
use countersign_protocol::outcome::{ExpectedOutcome, Outcome, VerifiedOutcome};
use countersign_protocol::refusal::{Refusal, RefusalCode};
use countersign_protocol::registration::DeviceClass;
use countersign_protocol::transcript::{Line, Locale, Transcript, TranscriptBasis};

use super::TestDevice;

impl TestDevice {
    /// What it shows of a challenge: the lines that every device must show, in English.
    pub fn lines(&self, challenge: &VerifiedChallenge) -> Vec<Line> {
        let statement = self.statements.last().expect("a confirmed device").peek().expect("a statement");
        TranscriptBasis::new(challenge, &statement).lines(Locale::En)
    }

    /// Begins an answer at the next place of the device's history.
    pub fn draft(&mut self, challenge: &VerifiedChallenge) -> AnswerDraft {
        let lines = self.lines(challenge);
        self.draft_showing(challenge, lines)
    }

    /// As [`TestDevice::draft`], saying that it showed these lines.
    pub fn draft_showing(&mut self, challenge: &VerifiedChallenge, lines: Vec<Line>) -> AnswerDraft {
        let shown = Transcript::new(challenge, "en", lines).freeze();
        self.transcripts.insert(*shown.hash(), shown.text().to_owned());
        self.seq += 1;
        let place = HistoryPosition { seq: self.seq, prev: Hash::of(self.seq.to_string()) };
        AnswerDraft::new(challenge, &shown, self.message_id(), place, self.clock.now()).expect("the same challenge")
    }

    /// Signs an approval, with the number that the person typed or chose.
    pub fn approve(&mut self, challenge: &VerifiedChallenge, value: Option<&str>) -> Compact<Answer> {
        let lines = self.lines(challenge);
        self.approve_showing(challenge, lines, value)
    }

    /// As [`TestDevice::approve`], saying that it showed these lines.
    pub fn approve_showing(
        &mut self,
        challenge: &VerifiedChallenge,
        lines: Vec<Line>,
        value: Option<&str>,
    ) -> Compact<Answer> {
        #[expect(clippy::disallowed_methods, reason = "this device has no person")]
        let user = match self.class {
            DeviceClass::Automated => VerifiedUser::by_script(self.clock.now()),
            DeviceClass::Interactive => VerifiedUser::by_pin(self.clock.now()),
        };
        let draft = self.draft_showing(challenge, lines);
        if let Some(passkey) = &self.passkey {
            return passkey.sign_message(&draft.passkey_claims(value.map(str::to_owned)));
        }
        let key = ApprovalKey::new(self.approval.public_key());
        key.approve(draft, &user, value.map(str::to_owned)).sign(&*self.approval).expect("a key in memory signs")
    }

    /// Signs a denial.
    pub fn deny(&mut self, challenge: &VerifiedChallenge, reason: Option<DenialReason>) -> Compact<Answer> {
        let draft = self.draft(challenge);
        let answer = TransportKey::new(self.transport.public_key()).deny(draft, reason);
        answer.sign(&*self.transport).expect("a key in memory signs")
    }

    /// The path and body that send an answer, with the transcript whose hash it signs, where this device has it.
    pub fn answer_post(&self, id: &ChallengeId, answer: &Compact<Answer>) -> (String, Vec<u8>) {
        let transcript = answer.peek().ok().and_then(|claims| self.transcripts.get(&claims.display_hash));
        let mut body = serde_json::json!({ "answer": answer });
        if let Some(transcript) = transcript {
            body["transcript"] = transcript.as_str().into();
        }
        (format!("/push/challenges/{id}/answer"), body.to_string().into_bytes())
    }

    /// Verifies an outcome; `answer` is this device's own, if it sent one.
    pub fn verify_outcome(
        &self,
        challenge: &VerifiedChallenge,
        answer: Option<&Compact<Answer>>,
        outcome: &Compact<Outcome>,
    ) -> VerifiedOutcome {
        let answer_hash = answer.map(Compact::hash);
        let about = ExpectedOutcome {
            device: self.id(),
            subject: self.subject(),
            challenge: challenge.id(),
            challenge_hash: challenge.hash(),
            commitment: challenge.claims().interaction.commitment.as_ref(),
            answer_hash: answer_hash.as_ref(),
        };
        Outcome::verify(outcome, self.keys(), &about).expect("a sound outcome")
    }

    /// The path and body of a refusal: the device can't show the challenge.
    pub fn refusal_post(&self, challenge: &VerifiedChallenge) -> (String, Vec<u8>) {
        let refusal = Refusal {
            iss: self.id().clone(),
            aud: self.issuer.clone(),
            sub: self.subject().clone(),
            jti: self.message_id(),
            iat: self.clock.now().seconds(),
            challenge: challenge.id().clone(),
            challenge_hash: *challenge.hash(),
            code: RefusalCode::Unshowable,
        };
        self.signed_post(challenge, "refuse", "refusal", &refusal)
    }

    /// The path and body of a dispute.
    pub fn dispute_post(&self, challenge: &VerifiedChallenge) -> (String, Vec<u8>) {
        let dispute = Dispute {
            iss: self.id().clone(),
            aud: self.issuer.clone(),
            sub: self.subject().clone(),
            jti: self.message_id(),
            iat: self.clock.now().seconds(),
            challenge: challenge.id().clone(),
            challenge_hash: *challenge.hash(),
            outcome_hash: None,
        };
        self.signed_post(challenge, "dispute", "dispute", &dispute)
    }

    /// The path below the challenge, and a body whose one member is the message, signed by the transport key.
    fn signed_post<M: Claims>(
        &self,
        challenge: &VerifiedChallenge,
        action: &str,
        member: &str,
        message: &M,
    ) -> (String, Vec<u8>) {
        let message = Compact::sign(message, &*self.transport).expect("a key in memory signs");
        let body = serde_json::json!({ member: message });
        (format!("/push/challenges/{}/{action}", challenge.id()), body.to_string().into_bytes())
    }
}
