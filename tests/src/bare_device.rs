//! A device of protocol types and hand-made HTTP, for what a real device would never do: to send one answer many times at once.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_protocol::COUNTERSIGN_VERSION;
use countersign_protocol::answer::{
    Answer, AnswerDraft, ApprovalKey, HistoryPlace, TransportKey, VerifiedBy, VerifiedUser,
};
use countersign_protocol::challenge::{Challenge, Expected, VerifiedChallenge};
use countersign_protocol::clock::Timestamp;
use countersign_protocol::discovery::Discovery;
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::fetch::Fetched;
use countersign_protocol::hash::Hash;
use countersign_protocol::id::{ChallengeId, DeviceId, MessageId, Subject};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::key::{LocalSigner, PrivateKey, Signer as _};
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::manifest::{ManifestChain, TrustedKeys};
use countersign_protocol::outcome::{Concerned, Outcome, VerifiedOutcome};
use countersign_protocol::random::Random;
use countersign_protocol::registration::{
    DeviceClass, KeyProtection, KeySet, RegistrationRequest, RegistrationResponse, RegistrationToken,
};
use countersign_protocol::transcript::Transcript;
use ring::rand::SecureRandom as _;
use serde::de::DeserializeOwned;

use crate::http::{self, Response};

/// The device.
pub struct BareDevice {
    issuer: Issuer,
    subject: Subject,
    id: DeviceId,
    credential: String,
    transport: LocalSigner,
    approval: LocalSigner,
    keys: TrustedKeys,
    nonce: Mutex<Option<String>>,
    cursor: Mutex<Option<String>>,
}

/// The system's randomness.
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        ring::rand::SystemRandom::new().fill(bytes).expect("the system gives random bytes");
    }
}

impl BareDevice {
    /// Follows a link that needs no confirmation.
    ///
    /// # Panics
    /// If anything about link or provider does not hold.
    pub fn enroll(link: &str, name: &str) -> BareDevice {
        let link: EnrollmentLink = link.parse().expect("a link");
        let issuer = link.issuer().clone();
        let discovery: Discovery = get(&format!("{}/.well-known/oauth-push-notification", issuer.as_str()));
        let device_keys: KeySet = get(&discovery.device_jwks_uri);
        let token = link.token();
        let claims = RegistrationToken::verify(token, &device_keys, &issuer, &discovery.registration_endpoint, now())
            .expect("a sound token");
        let chain: ManifestChain = get(&discovery.manifest_uri);
        let keys = chain.verify(&issuer, &claims.evidence_root, None).expect("a sound chain");
        let (transport, approval) = (key(), key());
        let protection = KeyProtection::Memory;
        let proof = RegistrationRequest::prove(token, &claims, transport.public_key(), &approval, protection, now());
        let request = RegistrationRequest {
            countersign_version: COUNTERSIGN_VERSION,
            registration_token: token.clone(),
            public_key: transport.public_key().clone(),
            approval_key: approval.public_key().clone(),
            approval_proof: proof.expect("keys in memory sign"),
            interaction_types: InteractionType::ALL.to_vec(),
            device_class: DeviceClass::Automated,
            key_protection: protection,
            push_address: None,
            platform: "test".to_owned(),
            device_name: name.to_owned(),
            attestation: None,
        };
        let body = serde_json::to_vec(&request).expect("a request is JSON");
        let nonce = Mutex::new(None);
        let sent = call(&transport, &nonce, "POST", &discovery.registration_endpoint, token.as_str(), false, &body);
        assert_eq!(sent.status, 201, "{}", sent.text());
        let registered: RegistrationResponse = serde_json::from_slice(&sent.body).expect("a registration's response");
        BareDevice {
            issuer,
            subject: claims.sub,
            id: registered.device_id,
            credential: registered.device_credential.expose().to_owned(),
            transport,
            approval,
            keys,
            nonce,
            cursor: Mutex::new(None),
        }
    }

    /// Fetches the one challenge that waits, and verifies it.
    ///
    /// # Panics
    /// If it is not one, or not sound.
    pub fn only_challenge(&self) -> VerifiedChallenge {
        let fetched = self.fetch();
        let [challenge] = &fetched.challenges[..] else { panic!("one challenge waits: {fetched:?}") };
        let expected = Expected { device: &self.id, subject: &self.subject, keys: &self.keys, now: now() };
        Challenge::verify(challenge, &expected).expect("a sound challenge")
    }

    /// What is new since the last fetch, without waiting; the first time everything that is pending.
    ///
    /// # Panics
    /// If the provider refuses.
    pub fn fetch(&self) -> Fetched {
        let after = locked(&self.cursor).as_ref().map(|cursor| format!("?after={cursor}")).unwrap_or_default();
        let response = self.call("GET", &format!("/push/challenges{after}"), b"");
        assert_eq!(response.status, 200, "{}", response.text());
        let fetched: Fetched = serde_json::from_slice(&response.body).expect("a fetch object");
        *locked(&self.cursor) = Some(fetched.cursor.clone());
        fetched
    }

    /// Signs an approval.
    pub fn approve(&self, challenge: &VerifiedChallenge) -> Compact<Answer> {
        let user = VerifiedUser::vouch(VerifiedBy::Automated, false, now());
        ApprovalKey::new(&self.approval).approve(draft(challenge), &user, None).expect("keys in memory sign")
    }

    /// Signs a denial.
    pub fn deny(&self, challenge: &VerifiedChallenge) -> Compact<Answer> {
        TransportKey::new(&self.transport).deny(draft(challenge), None).expect("keys in memory sign")
    }

    /// Sends an answer, as often as the caller likes.
    pub fn send(&self, id: &ChallengeId, answer: &Compact<Answer>) -> Response {
        let body = serde_json::json!({ "answer": answer }).to_string();
        self.call("POST", &format!("/push/challenges/{id}/answer"), body.as_bytes())
    }

    /// Verifies an outcome of a challenge that this device answered so.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn verify_outcome(
        &self,
        challenge: &VerifiedChallenge,
        answer: &Compact<Answer>,
        outcome: &Compact<Outcome>,
    ) -> VerifiedOutcome {
        let about = Concerned {
            device: &self.id,
            subject: &self.subject,
            challenge: challenge.id(),
            challenge_hash: challenge.hash(),
            commitment: None,
            answer_hash: Some(&answer.hash()),
        };
        Outcome::verify(outcome, &self.keys, &about).expect("a sound outcome")
    }

    fn call(&self, method: &str, path: &str, body: &[u8]) -> Response {
        let url = format!("{}{path}", self.issuer.as_str());
        call(&self.transport, &self.nonce, method, &url, &self.credential, true, body)
    }
}

/// A call with a DPoP proof of its own; once more where the provider wants a fresh nonce.
fn call(
    transport: &LocalSigner,
    nonce: &Mutex<Option<String>>,
    method: &str,
    url: &str,
    token: &str,
    authorize: bool,
    body: &[u8],
) -> Response {
    let target = url.parse().expect("a URL");
    let authorization = format!("DPoP {token}");
    let mut turn = 0;
    loop {
        turn += 1;
        let known = locked(nonce).clone();
        let jti = MessageId::random(&SystemRandom).to_string();
        let proof = DpopProof::make(transport, method, &target, token, known.as_deref(), jti, now());
        let proof = proof.expect("keys in memory sign");
        let mut headers = vec![("dpop", proof.as_str())];
        if authorize {
            headers.push(("authorization", &authorization));
        }
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        let response = http::send(method, url, &headers, body);
        if let Some(fresh) = response.header("dpop-nonce") {
            *locked(nonce) = Some(fresh.to_owned());
        }
        let wants_nonce = response.status == 401 && response.json()["title"] == "use_dpop_nonce";
        if !wants_nonce || turn == 2 {
            return response;
        }
    }
}

fn draft(challenge: &VerifiedChallenge) -> AnswerDraft {
    let shown = Transcript::draw(challenge, "en", Vec::new()).freeze();
    let place = HistoryPlace { seq: 1, prev: Hash::of("the enrollment statement") };
    AnswerDraft::new(challenge, &shown, MessageId::random(&SystemRandom), place, now()).expect("the same challenge")
}

fn get<T: DeserializeOwned>(url: &str) -> T {
    let response = http::send("GET", url, &[], b"");
    assert_eq!(response.status, 200, "GET {url}: {}", response.text());
    serde_json::from_slice(&response.body).unwrap_or_else(|error| panic!("GET {url}: {error}"))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key() -> LocalSigner {
    PrivateKey::generate(&SystemRandom).into_signer()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    Timestamp::from_millis(since.as_millis().try_into().expect("the clock is before the year 500 million"))
}
