//! One of each message of the protocol, signed by fixed keys. Signatures are deterministic (RFC 6979), so that every run makes
//! the same bytes.

use countersign_jose::clock::Timestamp;
use countersign_jose::key::{P256Signer, PrivateKey, Signer as _};
use countersign_protocol::challenge::VerifiedChallenge;
use countersign_protocol::dispute::Dispute;
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::enrollment::{ApprovalKeyType, ConfirmedBy, EnrollmentStatement, StatedProtection};
use countersign_protocol::evidence::TrustAnchor;
use countersign_protocol::id::{DeviceId, Subject};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::manifest::{Manifest, ManifestChain, ManifestKey, TrustedKeys};
use countersign_protocol::notice::{DeviceEvent, DeviceNotice};
use countersign_protocol::refusal::{Refusal, RefusalCode};
use countersign_protocol::registration::{
    Confirm, DeviceClass, DeviceDescription, KeyProof, KeyProtection, KeySet, RegistrationRequest, RegistrationToken,
};
use countersign_protocol::revocation::{Revocation, RevokedBy};

use crate::passkey::TestPasskey;
use crate::random::CountingRandom;

mod approval;
mod tampering;

pub use tampering::{forge, one_byte_changed};

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
        TrustAnchor { issuer: self.issuer.clone(), root: *self.root.public_key().thumbprint(), manifest: None }
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
        let proof = RegistrationRequest::unsigned_proof(
            &token,
            &claims,
            self.transport.public_key(),
            self.approval.public_key(),
            KeyProtection::FilePin,
            self.now,
        )
        .sign(&self.approval)
        .expect("the approval key signs");
        let request = RegistrationRequest {
            registration_token: token,
            public_key: self.transport.public_key().clone(),
            approval_key: Some(self.approval.public_key().clone()),
            approval_key_type: ApprovalKeyType::P256,
            approval_proof: KeyProof::Signed(proof),
            device: DeviceDescription {
                countersign_version: 1,
                interaction_types: InteractionType::ALL.to_vec(),
                device_class: DeviceClass::Interactive,
                key_protection: KeyProtection::FilePin,
                shared: false,
                push_address: None,
                code_origin: None,
                platform: "linux".into(),
                device_name: "Alice's laptop".into(),
            },
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
            subject_label: Some("Alice Example".into()),
            transport_key: self.transport.public_key().clone(),
            approval_key: self.approval.public_key().clone(),
            approval_key_type: ApprovalKeyType::P256,
            webauthn: None,
            shared: false,
            code_origin: None,
            on_behalf_of: None,
            device_class: DeviceClass::Interactive,
            key_protection: StatedProtection { claimed: KeyProtection::FilePin, verified: None },
            confirmed_by: ConfirmedBy::Code,
            sequence: 1,
            prev: None,
            must_understand: Vec::new(),
        };
        Compact::sign(&claims, &self.gateway).expect("the gateway signs")
    }

    /// The first enrollment statement of the device if its approval key is this passkey.
    pub fn passkey_statement(&self, passkey: &TestPasskey) -> Compact<EnrollmentStatement> {
        let claims = EnrollmentStatement {
            approval_key: passkey.public_key().clone(),
            approval_key_type: ApprovalKeyType::Webauthn,
            webauthn: Some(passkey.stated()),
            code_origin: Some(passkey.origin.clone()),
            key_protection: StatedProtection { claimed: KeyProtection::Passkey, verified: None },
            must_understand: EnrollmentStatement::PASSKEY_MEMBERS.map(str::to_owned).to_vec(),
            ..self.statement().peek().expect("a statement")
        };
        Compact::sign(&claims, &self.gateway).expect("the gateway signs")
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
        let key = self.transport.public_key();
        DpopProof::unsigned(key, "GET", &url, "credential", Some("nonce"), "proof-1".into(), self.now)
            .sign(&self.transport)
            .expect("the transport key signs")
    }
}

fn manifest_key(signer: &P256Signer, from: u64) -> ManifestKey {
    let jwk = signer.public_key().clone();
    ManifestKey { kid: *jwk.thumbprint(), jwk, from, until: from + 365 * 86_400, revoked_at: None }
}
