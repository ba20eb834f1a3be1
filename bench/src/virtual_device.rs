//! A virtual device: keys in memory, the types of the protocol crate, and every check that the protocol requires of a device. It
//! registers as automated. Its logic is its own and not that of `crates/device`, so that the load stays the same between versions.

use std::sync::{Arc, OnceLock};

use countersign_device::edge::system;
use countersign_jose::clock::Clock;
use countersign_jose::hash::Hash;
use countersign_jose::key::{LocalSigner, PrivateKey, Signer as _};
use countersign_jose::random::{self, Random};
use countersign_protocol::COUNTERSIGN_VERSION;
use countersign_protocol::answer::{Answer, AnswerDraft, ApprovalKey, HistoryPosition, VerifiedUser};
use countersign_protocol::challenge::{Challenge, ExpectedChallenge, VerifiedChallenge};
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::enrollment::{ApprovalKeyType, EnrollmentStatement, VerifiedEnrollment};
use countersign_protocol::id::{DeviceId, MessageId, Subject};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::manifest::{ManifestChain, TrustedKeys};
use countersign_protocol::notice::Notice;
use countersign_protocol::outcome::{Ending, ExpectedOutcome, Outcome};
use countersign_protocol::push::{PushAddress, PushType};
use countersign_protocol::registration::{
    DeviceClass, DeviceDescription, KeyProof, KeyProtection, KeySet, RegistrationRequest, RegistrationResponse,
    RegistrationToken,
};
use countersign_protocol::transcript::{Locale, Transcript, TranscriptBasis};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, header};
use url::Url;

use crate::failure::Failure;

/// What a device needs of its provider before it registers.
pub struct ProviderInfo {
    /// The issuer.
    pub issuer: Issuer,
    /// The registration endpoint.
    pub registration: Url,
    /// The keys that sign links.
    pub keys: KeySet,
    /// The manifests with the keys that sign challenges.
    pub manifests: ManifestChain,
    /// The keys of the manifests, once verified against the root pinned by a link.
    pub trusted: OnceLock<TrustedKeys>,
}

/// A device that is not registered yet.
pub struct UnregisteredDevice {
    transport: LocalSigner,
    approval: LocalSigner,
    subject: Subject,
    keys: TrustedKeys,
    token: String,
    body: Bytes,
    registration: Url,
    issuer: Issuer,
    ports: Ports,
}

/// A registered device.
pub struct Device {
    transport: LocalSigner,
    approval: LocalSigner,
    issuer: Issuer,
    subject: Subject,
    id: DeviceId,
    credential: String,
    keys: TrustedKeys,
    statement: Option<EnrollmentStatement>,
    nonce: Option<String>,
    seq: u64,
    prev: Hash,
    ports: Ports,
}

/// A challenge and its signed answer.
pub struct SignedAnswer {
    /// The challenge.
    pub challenge: VerifiedChallenge,
    /// The signed answer.
    pub answer: Compact<Answer>,
    /// The transcript whose hash it signs.
    pub transcript: String,
}

#[derive(Clone)]
struct Ports {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl UnregisteredDevice {
    /// Verifies a link, generates both keys, and prepares the registration; `endpoint`: where the device is pushed to.
    ///
    /// # Errors
    /// [`Failure`] when the link or the provider's manifests don't verify.
    pub fn prepare(
        link: &EnrollmentLink,
        info: &ProviderInfo,
        endpoint: Option<String>,
    ) -> Result<UnregisteredDevice, Failure> {
        let refused = |error: &dyn std::fmt::Display| Failure::new("a link", error);
        let ports = Ports { clock: system::clock(), random: system::random() };
        let (token, now) = (link.token(), ports.clock.now());
        let claims = RegistrationToken::verify(token, &info.keys, &info.issuer, info.registration.as_str(), now)
            .map_err(|error| refused(&error))?;
        let keys = match info.trusted.get() {
            Some(keys) => keys.clone(),
            None => {
                let keys = info.manifests.verify(&info.issuer, &claims.evidence_root, None);
                let keys = keys.map_err(|error| refused(&error))?;
                info.trusted.get_or_init(|| keys).clone()
            }
        };
        let key = || PrivateKey::generate(&*ports.random).into_signer();
        let (transport, approval) = (key(), key());
        let protection = KeyProtection::Memory;
        let (transport_key, approval_key) = (transport.public_key(), approval.public_key());
        let proof = RegistrationRequest::unsigned_proof(token, &claims, transport_key, approval_key, protection, now);
        let push_address = endpoint.map(|endpoint| PushAddress {
            kind: PushType::WebPush,
            endpoint,
            p256dh: key().public_key().clone(),
            auth: random::bytes(&*ports.random),
            quiet: false,
        });
        let request = RegistrationRequest {
            registration_token: token.clone(),
            public_key: transport.public_key().clone(),
            approval_key: Some(approval.public_key().clone()),
            approval_key_type: ApprovalKeyType::P256,
            approval_proof: KeyProof::Signed(proof.sign(&approval).map_err(|error| refused(&error))?),
            device: DeviceDescription {
                countersign_version: COUNTERSIGN_VERSION,
                interaction_types: InteractionType::ALL.to_vec(),
                device_class: DeviceClass::Automated,
                key_protection: protection,
                shared: false,
                push_address,
                code_origin: None,
                platform: "bench".to_owned(),
                device_name: "Bench".to_owned(),
            },
            attestation: None,
        };
        let body = serde_json::to_vec(&request).map_err(|error| refused(&error))?.into();
        let token = token.as_str().to_owned();
        let (registration, issuer) = (info.registration.clone(), info.issuer.clone());
        Ok(UnregisteredDevice {
            transport,
            approval,
            subject: claims.sub,
            keys,
            token,
            body,
            registration,
            issuer,
            ports,
        })
    }

    /// The registration as a request; `nonce` as the last response gave it.
    ///
    /// # Errors
    /// [`Failure`] if the key doesn't sign.
    pub fn request(&self, nonce: Option<&str>) -> Result<Request<Full<Bytes>>, Failure> {
        let proof = proof(&self.transport, &Method::POST, &self.registration, &self.token, nonce, &self.ports)?;
        call(Method::POST, &self.registration, &proof, None, self.body.clone())
    }

    /// The device, after the registration was accepted.
    pub fn registered(self, response: &RegistrationResponse) -> Device {
        Device {
            transport: self.transport,
            approval: self.approval,
            issuer: self.issuer,
            subject: self.subject,
            id: response.device_id.clone(),
            credential: response.device_credential.expose().to_owned(),
            keys: self.keys,
            statement: None,
            nonce: None,
            seq: 0,
            prev: Hash::of("the enrollment statement"),
            ports: self.ports,
        }
    }
}

impl Device {
    /// The request that opens its stream, without a cursor.
    ///
    /// # Errors
    /// [`Failure`] if the key doesn't sign.
    pub fn stream(&self) -> Result<Request<Full<Bytes>>, Failure> {
        self.call(Method::GET, "/push/stream", Bytes::new())
    }

    /// Keeps its enrollment statement, if one is among the notices.
    ///
    /// # Errors
    /// [`Failure`] when it does not verify.
    pub fn take_notices(&mut self, notices: &[String]) -> Result<(), Failure> {
        for notice in notices {
            if let Notice::Statement(statement) = Notice::of(notice) {
                let verified = VerifiedEnrollment::verify(&[statement], &self.keys);
                let verified = verified.map_err(|error| Failure::new("an enrollment statement", error))?;
                self.statement = Some(verified.current().0.clone());
            }
        }
        Ok(())
    }

    /// Verifies a challenge: signature, device, user, time.
    ///
    /// # Errors
    /// [`Failure`] when it does not verify.
    pub fn verify(&self, challenge: &Compact<Challenge>) -> Result<VerifiedChallenge, Failure> {
        let now = self.ports.clock.now();
        let (device, subject, keys) = (&self.id, &self.subject, &self.keys);
        let expected = ExpectedChallenge { device, subject, on_behalf_of: &[], keys, now };
        Challenge::verify(challenge, &expected).map_err(|error| Failure::new("a challenge", error))
    }

    /// Renders the transcript, and signs an approval of it.
    ///
    /// # Errors
    /// [`Failure`] if the key doesn't sign.
    pub fn approve(&mut self, challenge: VerifiedChallenge) -> Result<SignedAnswer, Failure> {
        let statement = self.statement.as_ref().ok_or_else(|| Failure::new("an answer", "comes before a statement"))?;
        let lines = TranscriptBasis::new(&challenge, statement).lines(Locale::En);
        let shown = Transcript::new(&challenge, Locale::En.tag(), lines).freeze();
        let now = self.ports.clock.now();
        self.seq += 1;
        let place = HistoryPosition { seq: self.seq, prev: self.prev };
        let draft = AnswerDraft::new(&challenge, &shown, MessageId::random(&*self.ports.random), place, now);
        let draft = draft.ok_or_else(|| Failure::new("an answer", "is about another challenge"))?;
        #[expect(clippy::disallowed_methods, reason = "the load's devices have no person")]
        let user = VerifiedUser::by_script(now);
        let answer = ApprovalKey::new(self.approval.public_key()).approve(draft, &user, None);
        let answer = answer.sign(&self.approval).map_err(|error| Failure::new("an answer", error))?;
        self.prev = answer.hash();
        Ok(SignedAnswer { challenge, answer, transcript: shown.text().to_owned() })
    }

    /// The request that sends an answer.
    ///
    /// # Errors
    /// [`Failure`] if the key doesn't sign.
    pub fn send(&self, answered: &SignedAnswer) -> Result<Request<Full<Bytes>>, Failure> {
        let body =
            serde_json::to_vec(&serde_json::json!({ "answer": answered.answer, "transcript": answered.transcript }));
        let body = body.map_err(|error| Failure::new("an answer", error))?;
        self.call(Method::POST, &format!("/push/challenges/{}/answer", answered.challenge.id()), body.into())
    }

    /// Verifies the outcome: approved, by this device's answer.
    ///
    /// # Errors
    /// [`Failure`] when it does not verify, or has another ending.
    pub fn conclude(&self, answered: &SignedAnswer, outcome: &Compact<Outcome>) -> Result<(), Failure> {
        let about = ExpectedOutcome {
            device: &self.id,
            subject: &self.subject,
            challenge: answered.challenge.id(),
            challenge_hash: answered.challenge.hash(),
            commitment: None,
            answer_hash: Some(&answered.answer.hash()),
        };
        let outcome =
            Outcome::verify(outcome, &self.keys, &about).map_err(|error| Failure::new("an outcome", error))?;
        match outcome.ending() {
            Ending::Approved => Ok(()),
            other => Err(Failure::new("an outcome", format!("{other:?}"))),
        }
    }

    /// Stores the DPoP nonce of a response or the stream, for the next call.
    pub fn remember_nonce(&mut self, nonce: &str) {
        self.nonce = Some(nonce.to_owned());
    }

    fn call(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
        let url = self.issuer.endpoint(path).parse().map_err(|error| Failure::new("the issuer", error))?;
        let nonce = self.nonce.as_deref();
        let proof = proof(&self.transport, &method, &url, &self.credential, nonce, &self.ports)?;
        call(method, &url, &proof, Some(&self.credential), body)
    }
}

fn proof(
    transport: &LocalSigner,
    method: &Method,
    url: &Url,
    token: &str,
    nonce: Option<&str>,
    ports: &Ports,
) -> Result<Compact<DpopProof>, Failure> {
    let jti = MessageId::random(&*ports.random).as_str().to_owned();
    DpopProof::unsigned(transport.public_key(), method.as_str(), url, token, nonce, jti, ports.clock.now())
        .sign(transport)
        .map_err(|error| Failure::new("a proof", error))
}

fn call(
    method: Method,
    url: &Url,
    proof: &Compact<DpopProof>,
    credential: Option<&str>,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, Failure> {
    let mut request = Request::builder()
        .method(method)
        .uri(&url[url::Position::BeforePath..])
        .header(header::HOST, &url[url::Position::BeforeHost..url::Position::AfterPort])
        .header("dpop", proof.as_str());
    if let Some(credential) = credential {
        request = request.header(header::AUTHORIZATION, format!("DPoP {credential}"));
    }
    if !body.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    request.body(Full::new(body)).map_err(|error| Failure::new("a request", error))
}
