//! One of each message of the protocol, signed by fixed keys. Signatures are deterministic (RFC 6979), so that every run makes
//! the same bytes.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::key::{P256Signer, PrivateKey, Signer};
use countersign_protocol::answer::{
    Answer, AnswerDraft, ApprovalKey, DenialReason, HistoryPosition, TransportKey, VerifiedBy, VerifiedUser,
};
use countersign_protocol::challenge::{
    Challenge, Client, ContextSource, ContextValue, ExpectedChallenge, Party, VerifiedChallenge,
};
use countersign_protocol::dispute::Dispute;
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::enrollment::{ConfirmedBy, EnrollmentStatement, StatedProtection};
use countersign_protocol::evidence::{Evidence, TrustAnchor};
use countersign_protocol::id::{DeviceId, Subject};
use countersign_protocol::interaction::{self, Interaction, InteractionType, Opening, UserVerification};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::kind::{self, Kind};
use countersign_protocol::manifest::{Manifest, ManifestChain, ManifestKey, TrustedKeys};
use countersign_protocol::notice::{DeviceEvent, DeviceNotice};
use countersign_protocol::outcome::{Ending, ExpectedOutcome, Outcome};
use countersign_protocol::refusal::{Refusal, RefusalCode};
use countersign_protocol::registration::{
    Confirm, DeviceClass, KeyProtection, KeySet, RegistrationRequest, RegistrationToken,
};
use countersign_protocol::revocation::{Revocation, RevokedBy};
use countersign_protocol::transcript::{Line, LineValue, Money, ShownTranscript, Transcript};

use crate::random::CountingRandom;

/// 2026-11-21T12:00:00Z.
pub const NOW: u64 = 1_795_262_400;

/// The `authorization_details` of the fixture's challenge, as sent.
pub const PAYMENT: &str = r#"[{"type":"payment_initiation", "instructedAmount":{"currency":"EUR","amount":"4.20"}, "creditorName":"Acme Coffee"}]"#;

/// An issuer with its keys, and a device of a user there.
pub struct Fixture {
    /// The issuer.
    pub issuer: Issuer,
    /// The user there.
    pub subject: Subject,
    /// The user's device.
    pub device: DeviceId,
    /// Where ids come from.
    pub random: CountingRandom,
    /// Signs manifests.
    pub root: P256Signer,
    /// Signs challenges, outcomes and statements.
    pub gateway: P256Signer,
    /// Signs registration tokens.
    pub link: P256Signer,
    /// The device's transport key.
    pub transport: P256Signer,
    /// The device's approval key.
    pub approval: P256Signer,
    /// The time at which everything is signed or verified.
    pub now: Timestamp,
}

fn key(seed: u8) -> P256Signer {
    P256Signer::new(&private_key(seed))
}

/// A fixed private key; `seed` tells them apart.
pub fn private_key(seed: u8) -> PrivateKey {
    PrivateKey::generate(&CountingRandom::seeded(u64::from(seed)))
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}

impl Fixture {
    /// The issuer `https://id.acme.example`.
    pub fn new() -> Self {
        Self::named("https://id.acme.example", 0)
    }

    /// Another issuer with other keys. Seeds are at least 10 apart.
    pub fn named(issuer: &str, seed: u8) -> Self {
        let random = CountingRandom::seeded(u64::from(seed) << 16);
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

    /// Two manifests: the second adds a key that is valid from tomorrow.
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

    /// The manifests as a device fetches them.
    pub fn chain(&self) -> ManifestChain {
        ManifestChain { manifests: self.manifests() }
    }

    /// What the manifests make a verifier trust.
    pub fn keys(&self) -> TrustedKeys {
        self.chain()
            .verify(&self.issuer, self.root.public_key().thumbprint(), None)
            .expect("the fixture's own chain holds")
    }

    /// The issuer and its root, as a verifier of evidence pins them.
    pub fn trust(&self) -> TrustAnchor {
        TrustAnchor { issuer: self.issuer.clone(), root: *self.root.public_key().thumbprint() }
    }

    /// The claims of a registration token that asks for a confirmation code.
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

    /// The keys that sign registration tokens (`device_jwks_uri`).
    pub fn device_keys(&self) -> KeySet {
        KeySet { keys: vec![self.link.public_key().clone()] }
    }

    /// A registration token's claims, and what the device posts for it.
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

    /// The first enrollment statement of the device.
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
            kind_table: kind::TABLE_VERSION,
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

    /// The opening of the challenge's number commitment.
    pub fn opening(&self) -> Opening {
        interaction::generate(InteractionType::InputManual, &CountingRandom::from_count(77)).expect("a number").1
    }

    /// A challenge signed by the gateway's key.
    pub fn sign_challenge(&self, claims: &Challenge) -> Compact<Challenge> {
        Compact::sign(claims, &self.gateway).expect("the gateway signs")
    }

    /// The challenge as the device verified it.
    pub fn verified(&self) -> VerifiedChallenge {
        let compact = self.sign_challenge(&self.challenge());
        let keys = self.keys();
        Challenge::verify(&compact, &self.expected(&keys)).expect("the fixture's own challenge holds")
    }

    /// What a device at this time expects of a challenge.
    pub fn expected<'a>(&'a self, keys: &'a TrustedKeys) -> ExpectedChallenge<'a> {
        ExpectedChallenge { device: &self.device, subject: &self.subject, keys, now: self.now }
    }

    /// The transcript of the challenge in English.
    pub fn shown(&self, challenge: &VerifiedChallenge) -> ShownTranscript {
        let line = |label: &str, value, prominence| Line { label: label.into(), value, prominence };
        Transcript::new(
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

    /// An answer five seconds after the challenge, the first of the device's history.
    pub fn draft(&self, challenge: &VerifiedChallenge, shown: &ShownTranscript) -> AnswerDraft {
        let place = HistoryPosition { seq: 1, prev: self.statement().hash() };
        AnswerDraft::new(challenge, shown, "ms_answer".parse().expect("an id"), place, self.now.plus_seconds(5))
            .expect("the transcript is of this challenge")
    }

    /// The challenge approved with the right number, by PIN.
    pub fn approval_of(&self, challenge: &VerifiedChallenge) -> Compact<Answer> {
        let user = VerifiedUser::vouch(VerifiedBy::Pin, false, self.now.plus_seconds(4));
        let draft = self.draft(challenge, &self.shown(challenge));
        ApprovalKey::new(&self.approval)
            .approve(draft, &user, Some(self.opening().value))
            .expect("the approval key signs")
    }

    /// The challenge denied as `not_me`.
    pub fn denial_of(&self, challenge: &VerifiedChallenge) -> Compact<Answer> {
        let draft = self.draft(challenge, &self.shown(challenge));
        TransportKey::new(&self.transport).deny(draft, Some(DenialReason::NotMe)).expect("the transport key signs")
    }

    /// The claims of an outcome of the challenge.
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

    /// An outcome signed by the gateway's key.
    pub fn sign_outcome(&self, claims: &Outcome) -> Compact<Outcome> {
        Compact::sign(claims, &self.gateway).expect("the gateway signs")
    }

    /// What a device knows when it verifies an outcome.
    pub fn concerned<'a>(
        &'a self,
        challenge: &'a VerifiedChallenge,
        answer_hash: Option<&'a Hash>,
    ) -> ExpectedOutcome<'a> {
        ExpectedOutcome {
            device: &self.device,
            subject: &self.subject,
            challenge: challenge.id(),
            challenge_hash: challenge.hash(),
            commitment: challenge.claims().interaction.commitment.as_ref(),
            answer_hash,
        }
    }

    /// The evidence of an approval.
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

    /// The same evidence after the person disputed it.
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

    /// The device can't show the challenge.
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

    /// The person says that it was not them, without an outcome in hand.
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

    /// The user revoked the device.
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

    /// Another device was added.
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

    /// A DPoP proof of the device for fetching challenges.
    pub fn dpop(&self) -> Compact<DpopProof> {
        let url = self.issuer.endpoint("/push/challenges?wait=25").parse().expect("a URL");
        DpopProof::sign(&self.transport, "GET", &url, "credential", Some("nonce"), "proof-1".into(), self.now)
            .expect("the transport key signs")
    }
}

fn manifest_key(signer: &P256Signer, from: u64) -> ManifestKey {
    let jwk = signer.public_key().clone();
    ManifestKey { kid: *jwk.thumbprint(), jwk, from, until: from + 365 * 86_400, revoked_at: None }
}

/// Signs any JSON under any header: what an attacker with some key can do.
pub fn forge(header: &serde_json::Value, payload: &[u8], signer: &dyn Signer) -> String {
    use countersign_jose::base64url::encode;
    let input = format!("{}.{}", encode(header.to_string().as_bytes()), encode(payload));
    let signature = signer.sign(input.as_bytes()).expect("a key in memory signs");
    format!("{input}.{}", encode(&signature))
}

/// Every string that differs from this one in one byte, three ways per position. Those that are not UTF-8 are left out.
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
