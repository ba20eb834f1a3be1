//! A small world with fixed keys: an issuer, a user's device, and one of each message. Signatures are deterministic (RFC 6979),
//! so that whatever is made here is the same every time.
#![allow(dead_code, reason = "each test file uses its part of the world")]

use std::sync::atomic::{AtomicU64, Ordering};

use countersign_protocol::answer::{
    Answer, AnswerDraft, ApprovalKey, DenialReason, HistoryPlace, TransportKey, VerifiedBy, VerifiedUser,
};
use countersign_protocol::challenge::{
    Challenge, Client, ContextSource, ContextValue, Expected, Party, VerifiedChallenge,
};
use countersign_protocol::clock::Timestamp;
use countersign_protocol::dispute::Dispute;
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::enrollment::{ConfirmedBy, EnrollmentStatement, StatedProtection};
use countersign_protocol::evidence::{Evidence, Trust};
use countersign_protocol::hash::Hash;
use countersign_protocol::id::{DeviceId, Subject};
use countersign_protocol::interaction::{self, Interaction, InteractionType, Opening, UserVerification};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::key::{P256Signer, PrivateKey, Signer};
use countersign_protocol::kind::{self, Kind};
use countersign_protocol::manifest::{Manifest, ManifestChain, ManifestKey, TrustedKeys};
use countersign_protocol::notice::{DeviceEvent, DeviceNotice};
use countersign_protocol::outcome::{Concerned, Ending, Outcome};
use countersign_protocol::random::Random;
use countersign_protocol::refusal::{Refusal, RefusalCode};
use countersign_protocol::registration::{
    Confirm, DeviceClass, KeyProtection, KeySet, RegistrationRequest, RegistrationToken,
};
use countersign_protocol::revocation::{Revocation, RevokedBy};
use countersign_protocol::transcript::{Line, LineValue, Money, Shown, Transcript};

/// 2026-11-21T12:00:00Z.
pub const NOW: u64 = 1_795_262_400;

pub const PAYMENT: &str = r#"[{"type":"payment_initiation", "instructedAmount":{"currency":"EUR","amount":"4.20"}, "creditorName":"Acme Coffee"}]"#;

/// Random bytes that are the same every time: SHA-256 of a counter.
pub struct Counter(AtomicU64);

impl Counter {
    pub const fn new(start: u64) -> Self {
        Self(AtomicU64::new(start))
    }
}

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = Hash::of(self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

pub struct World {
    pub issuer: Issuer,
    pub subject: Subject,
    pub device: DeviceId,
    pub random: Counter,
    pub root: P256Signer,
    pub gateway: P256Signer,
    pub link: P256Signer,
    pub transport: P256Signer,
    pub approval: P256Signer,
    pub now: Timestamp,
}

fn key(seed: u8) -> P256Signer {
    P256Signer::new(&private_key(seed))
}

/// A fixed private key; `seed` tells them apart.
pub fn private_key(seed: u8) -> PrivateKey {
    PrivateKey::generate(&Counter::new(u64::from(seed) << 32))
}

impl World {
    pub fn new() -> Self {
        Self::named("https://id.acme.example", 0)
    }

    /// Another world: other name, other keys.
    pub fn named(issuer: &str, seed: u8) -> Self {
        let random = Counter::new(u64::from(seed) << 48);
        Self {
            issuer: issuer.parse().expect("an issuer"),
            subject: "alice".parse().expect("a subject"),
            device: DeviceId::random(&random),
            random,
            root: key(seed + 1),
            gateway: key(seed + 2),
            link: key(seed + 3),
            transport: key(seed + 4),
            approval: key(seed + 5),
            now: Timestamp::from_seconds(NOW),
        }
    }

    pub fn manifests(&self) -> Vec<Compact<Manifest>> {
        let first = Manifest {
            iss: self.issuer.clone(),
            iat: NOW - 86_400,
            sequence: 1,
            prev: None,
            root: self.root.public_key().clone(),
            keys: vec![manifest_key(&self.gateway, NOW - 86_400)],
        };
        let first_compact = Compact::sign(&first, &self.root).expect("the root signs");
        let second = Manifest {
            iat: NOW - 3600,
            sequence: 2,
            prev: Some(first_compact.hash()),
            keys: vec![manifest_key(&self.gateway, NOW - 86_400), manifest_key(&key(9), NOW + 86_400)],
            ..first
        };
        vec![first_compact, Compact::sign(&second, &self.root).expect("the root signs")]
    }

    pub fn chain(&self) -> ManifestChain {
        ManifestChain { manifests: self.manifests() }
    }

    pub fn keys(&self) -> TrustedKeys {
        self.chain()
            .verify(&self.issuer, self.root.public_key().thumbprint(), None)
            .expect("the world's own chain holds")
    }

    pub fn trust(&self) -> Trust {
        Trust { issuer: self.issuer.clone(), root: *self.root.public_key().thumbprint() }
    }

    pub fn registration_token(&self) -> RegistrationToken {
        RegistrationToken {
            iss: self.issuer.clone(),
            sub: self.subject.clone(),
            subject_label: "Alice Example".into(),
            aud: self.issuer.endpoint("/push/register"),
            iat: NOW - 10,
            exp: NOW + 290,
            jti: countersign_protocol::id::RegistrationTokenId::random(&self.random),
            confirm: Confirm::Code,
            allow_automated: false,
            evidence_root: *self.root.public_key().thumbprint(),
        }
    }

    pub fn device_keys(&self) -> KeySet {
        KeySet { keys: vec![self.link.public_key().clone()] }
    }

    pub fn registration_request(&self) -> (RegistrationToken, RegistrationRequest) {
        let claims = self.registration_token();
        let token = Compact::sign(&claims, &self.link).expect("the link key signs");
        let proof = RegistrationRequest::prove(
            &token,
            &claims,
            self.transport.public_key(),
            &self.approval,
            KeyProtection::FilePin,
            self.now,
        )
        .expect("the approval key signs");
        let request = RegistrationRequest {
            countersign_version: 1,
            registration_token: token,
            public_key: self.transport.public_key().clone(),
            approval_key: self.approval.public_key().clone(),
            approval_proof: proof,
            interaction_types: InteractionType::ALL.to_vec(),
            device_class: DeviceClass::Interactive,
            key_protection: KeyProtection::FilePin,
            push_address: None,
            platform: "linux".into(),
            device_name: "Alice's laptop".into(),
            attestation: None,
        };
        (claims, request)
    }

    pub fn statement(&self) -> Compact<EnrollmentStatement> {
        let claims = EnrollmentStatement {
            iss: self.issuer.clone(),
            sub: self.subject.clone(),
            jti: "ms_statement".parse().expect("an id"),
            iat: NOW - 600,
            device_id: self.device.clone(),
            device_name: "Alice's laptop".into(),
            transport_key: self.transport.public_key().clone(),
            approval_key: self.approval.public_key().clone(),
            device_class: DeviceClass::Interactive,
            key_protection: StatedProtection { claimed: KeyProtection::FilePin, verified: None },
            confirmed_by: ConfirmedBy::Code,
            sequence: 1,
            prev: None,
        };
        Compact::sign(&claims, &self.gateway).expect("the gateway signs")
    }

    /// The claims of a payment with number entry.
    pub fn challenge(&self) -> Challenge {
        Challenge {
            iss: self.issuer.clone(),
            aud: self.device.clone(),
            sub: self.subject.clone(),
            jti: "ch_coffee".parse().expect("an id"),
            iat: NOW,
            exp: NOW + 113,
            approval: "ap_coffee".parse().expect("an id"),
            kind: Kind::Payment,
            kind_table: kind::TABLE,
            provider: Party { issuer: self.issuer.clone(), name: "Acme ID".into() },
            client: Client { id: "coffee-pos".into(), name: "Acme Coffee".into(), verified: true },
            binding_message: Some("POS terminal #14: Approve €4.20 at Acme Coffee?".into()),
            scope: Some("openid".into()),
            acr_values: None,
            authorization_details_json: Some(PAYMENT.into()),
            interaction: Interaction {
                kind: InteractionType::InputManual,
                choices: None,
                length: Some(6),
                commitment: self.opening().commitment(),
            },
            user_verification: UserVerification::Required,
            held: false,
            context: Some(
                [("place".to_owned(), ContextValue { value: "Berlin".into(), source: ContextSource::Client })].into(),
            ),
            requested_at: NOW,
            must_understand: None,
        }
    }

    pub fn opening(&self) -> Opening {
        interaction::draw(InteractionType::InputManual, &Counter::new(77)).expect("a number").1
    }

    pub fn sign_challenge(&self, claims: &Challenge) -> Compact<Challenge> {
        Compact::sign(claims, &self.gateway).expect("the gateway signs")
    }

    pub fn verified(&self) -> VerifiedChallenge {
        let compact = self.sign_challenge(&self.challenge());
        let keys = self.keys();
        Challenge::verify(&compact, &self.expected(&keys)).expect("the world's own challenge holds")
    }

    pub fn expected<'a>(&'a self, keys: &'a TrustedKeys) -> Expected<'a> {
        Expected { device: &self.device, subject: &self.subject, keys, now: self.now }
    }

    pub fn shown(&self, challenge: &VerifiedChallenge) -> Shown {
        let line = |label: &str, value, prominence| Line { label: label.into(), value, prominence };
        Transcript::draw(
            challenge,
            "en",
            vec![
                line("Payment to", LineValue::Text("Acme Coffee".into()), 1),
                line("Amount", LineValue::Money(Money { amount: "4.20".into(), currency: "EUR".into() }), 1),
                line(
                    "Message from Acme Coffee",
                    LineValue::Text("POS terminal #14: Approve €4.20 at Acme Coffee?".into()),
                    1,
                ),
                line("Question", LineValue::Text("Did you start this yourself, just now?".into()), 2),
            ],
        )
        .freeze()
    }

    pub fn draft(&self, challenge: &VerifiedChallenge, shown: &Shown) -> AnswerDraft {
        let place = HistoryPlace { seq: 1, prev: self.statement().hash() };
        AnswerDraft::new(challenge, shown, "ms_answer".parse().expect("an id"), place, self.now.plus_seconds(5))
            .expect("the transcript is of this challenge")
    }

    pub fn approval_of(&self, challenge: &VerifiedChallenge) -> Compact<Answer> {
        let user = VerifiedUser::vouch(VerifiedBy::Pin, false, self.now.plus_seconds(4));
        let draft = self.draft(challenge, &self.shown(challenge));
        ApprovalKey::new(&self.approval)
            .approve(draft, &user, Some(self.opening().value))
            .expect("the approval key signs")
    }

    pub fn denial_of(&self, challenge: &VerifiedChallenge) -> Compact<Answer> {
        let draft = self.draft(challenge, &self.shown(challenge));
        TransportKey::new(&self.transport).deny(draft, Some(DenialReason::NotMe)).expect("the transport key signs")
    }

    pub fn outcome(&self, challenge: &VerifiedChallenge, ending: Ending, answer: Option<&Compact<Answer>>) -> Outcome {
        Outcome {
            iss: self.issuer.clone(),
            aud: self.device.clone(),
            sub: self.subject.clone(),
            jti: "ms_outcome".parse().expect("an id"),
            iat: NOW + 6,
            approval: challenge.claims().approval.clone(),
            challenge: challenge.id().clone(),
            challenge_hash: *challenge.hash(),
            answer_hash: answer.map(Compact::hash),
            outcome: ending,
            by: None,
            enrollment_hash: self.statement().hash(),
            opening: Some(self.opening()),
            held_until: None,
            replaces: None,
        }
    }

    pub fn sign_outcome(&self, claims: &Outcome) -> Compact<Outcome> {
        Compact::sign(claims, &self.gateway).expect("the gateway signs")
    }

    pub fn concerned<'a>(&'a self, challenge: &'a VerifiedChallenge, answer_hash: Option<&'a Hash>) -> Concerned<'a> {
        Concerned {
            device: &self.device,
            subject: &self.subject,
            challenge: challenge.id(),
            challenge_hash: challenge.hash(),
            commitment: challenge.claims().interaction.commitment.as_ref(),
            answer_hash,
        }
    }

    pub fn evidence(&self) -> Evidence {
        let challenge = self.verified();
        let answer = self.approval_of(&challenge);
        let outcome = self.outcome(&challenge, Ending::Approved, Some(&answer));
        Evidence {
            manifests: self.manifests(),
            statements: vec![self.statement()],
            challenge: challenge.compact().clone(),
            transcript: Some(self.shown(&challenge).text().to_owned()),
            answer: Some(answer),
            outcome: Some(self.sign_outcome(&outcome)),
            disputed: None,
        }
    }

    /// The same after the person disputed it.
    pub fn disputed_evidence(&self) -> Evidence {
        let challenge = self.verified();
        let evidence = self.evidence();
        let second = Outcome {
            jti: "ms_second".parse().expect("an id"),
            iat: NOW + 90,
            replaces: evidence.outcome.as_ref().map(Compact::hash),
            ..self.outcome(&challenge, Ending::Disputed, None)
        };
        Evidence { disputed: Some(self.sign_outcome(&second)), ..evidence }
    }

    pub fn refusal(&self, challenge: &VerifiedChallenge) -> Refusal {
        Refusal {
            iss: self.device.clone(),
            aud: self.issuer.clone(),
            sub: self.subject.clone(),
            jti: "ms_refusal".parse().expect("an id"),
            iat: NOW + 1,
            challenge: challenge.id().clone(),
            challenge_hash: *challenge.hash(),
            code: RefusalCode::Unsupported,
        }
    }

    pub fn dispute(&self, challenge: &VerifiedChallenge) -> Dispute {
        Dispute {
            iss: self.device.clone(),
            aud: self.issuer.clone(),
            sub: self.subject.clone(),
            jti: "ms_dispute".parse().expect("an id"),
            iat: NOW + 60,
            challenge: challenge.id().clone(),
            challenge_hash: *challenge.hash(),
            outcome_hash: None,
        }
    }

    pub fn revocation(&self) -> Revocation {
        Revocation {
            iss: self.issuer.clone(),
            aud: self.device.clone(),
            sub: self.subject.clone(),
            jti: "ms_revocation".parse().expect("an id"),
            iat: NOW,
            device_id: self.device.clone(),
            device_name: "Alice's laptop".into(),
            by: RevokedBy::User,
        }
    }

    pub fn notice(&self) -> DeviceNotice {
        DeviceNotice {
            iss: self.issuer.clone(),
            aud: self.device.clone(),
            sub: self.subject.clone(),
            jti: "ms_notice".parse().expect("an id"),
            iat: NOW,
            event: DeviceEvent::DeviceAdded,
            device_id: Some("dv_phone".parse().expect("an id")),
            device_name: Some("Alice's phone".into()),
            device_class: Some(DeviceClass::Interactive),
        }
    }

    pub fn dpop(&self) -> Compact<DpopProof> {
        let url = self.issuer.endpoint("/push/challenges?wait=25").parse().expect("a URL");
        DpopProof::make(&self.transport, "GET", &url, "credential", Some("nonce"), "proof-1".into(), self.now)
            .expect("the transport key signs")
    }
}

fn manifest_key(signer: &P256Signer, from: u64) -> ManifestKey {
    let jwk = signer.public_key().clone();
    ManifestKey { kid: *jwk.thumbprint(), jwk, from, until: from + 365 * 86_400, revoked_at: None }
}

/// Signs any JSON under any header: what an attacker with some key can do.
pub fn forge(header: &serde_json::Value, payload: &[u8], signer: &dyn Signer) -> String {
    use countersign_protocol::encoding::encode;
    let input = format!("{}.{}", encode(header.to_string().as_bytes()), encode(payload));
    let signature = signer.sign(input.as_bytes()).expect("a key in memory signs");
    format!("{input}.{}", encode(&signature))
}

/// Every text that differs from this one in one byte, three ways per position. What is no longer UTF-8 is left out: it can't
/// even be received as text.
pub fn one_byte_changed(text: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    (0..text.len()).flat_map(move |at| {
        let other = |byte: u8| {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = byte;
            (bytes[at] != text.as_bytes()[at]).then(|| String::from_utf8(bytes).ok()).flatten().map(|text| (at, text))
        };
        let byte = text.as_bytes()[at];
        let letter = if byte == b'A' { b'B' } else { b'A' };
        [other(byte ^ 1), other(byte ^ 2), other(letter)].into_iter().flatten()
    })
}
