//! A minimal device of the protocol: it verifies what it receives and signs what it sends. Sans-I/O: it makes requests and reads
//! responses; the test carries them, in process or over a socket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_jose::clock::Clock;
use countersign_jose::hash::Hash;
use countersign_jose::key::{LocalSigner, PrivateKey, PublicKey, Signer as _};
use countersign_jose::random::Random;
use countersign_protocol::COUNTERSIGN_VERSION;
use countersign_protocol::challenge::{Challenge, ExpectedChallenge, VerifiedChallenge};
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::enrollment::{ApprovalKeyType, EnrollmentStatement, VerifiedEnrollment};
use countersign_protocol::fetch::FetchResponse;
use countersign_protocol::id::{DeviceId, MessageId, Subject};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::manifest::{ManifestChain, TrustedKeys};
use countersign_protocol::notice::Notice;
use countersign_protocol::problem::Problem;
use countersign_protocol::push::PushAddress;
use countersign_protocol::registration::{
    CredentialResponse, DeviceClass, DeviceDescription, KeyProof, KeyProtection, KeySet, RegistrationRequest,
    RegistrationResponse, RegistrationToken,
};
use countersign_protocol::webauthn;
use http::{Method, Request, header};

use crate::passkey::TestPasskey;

mod responses;
mod resume;

/// A device of one user at one issuer, before and after its registration.
pub struct TestDevice {
    /// Its name, as the provider lists it.
    pub name: String,
    /// Its class; an automated device needs a link that allows it.
    pub class: DeviceClass,
    /// What it says about where its keys are.
    pub protection: KeyProtection,
    /// Signs requests, denials, refusals and disputes.
    pub transport: Arc<LocalSigner>,
    /// Signs approvals, where there is no passkey.
    pub approval: Arc<LocalSigner>,
    /// Signs approvals, if the device is a page with a passkey.
    pub passkey: Option<Box<TestPasskey>>,
    /// Where it can be woken, for its registration.
    pub push_address: Option<PushAddress>,
    /// The interactions it offers.
    pub interaction_types: Vec<InteractionType>,
    /// The issuer whose links it follows.
    pub issuer: Issuer,
    /// The user, once registered.
    pub subject: Option<Subject>,
    /// Its id, once registered.
    pub id: Option<DeviceId>,
    /// Its credential, once registered.
    pub credential: String,
    /// The confirmation code, if the link asked for one.
    pub code: Option<String>,
    /// Where its next fetch goes on.
    pub cursor: Option<String>,
    /// The place of its last answer in its history.
    pub seq: u64,
    /// The keys of the manifests it saw, once registered.
    pub keys: Option<TrustedKeys>,
    /// Its own enrollment statements, oldest first.
    pub statements: Vec<Compact<EnrollmentStatement>>,
    /// Notices that were no statement of this device, oldest first.
    pub notices: Vec<String>,
    /// What it said that it showed, by its hash.
    pub transcripts: BTreeMap<Hash, String>,
    nonce: Mutex<Option<String>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl TestDevice {
    /// An interactive device with keys of its own, not yet registered.
    pub fn new(name: &str, issuer: Issuer, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> TestDevice {
        let key = || Arc::new(PrivateKey::generate(&*random).into_signer());
        TestDevice {
            name: name.to_owned(),
            class: DeviceClass::Interactive,
            protection: KeyProtection::FilePin,
            transport: key(),
            approval: key(),
            passkey: None,
            push_address: None,
            interaction_types: InteractionType::ALL.to_vec(),
            issuer,
            subject: None,
            id: None,
            credential: String::new(),
            code: None,
            cursor: None,
            seq: 0,
            keys: None,
            statements: Vec::new(),
            notices: Vec::new(),
            transcripts: BTreeMap::new(),
            nonce: Mutex::default(),
            clock,
            random,
        }
    }

    /// The same device once more, as from a copy of its files.
    pub fn copy(&self) -> TestDevice {
        TestDevice {
            name: self.name.clone(),
            transport: self.transport.clone(),
            approval: self.approval.clone(),
            passkey: self.passkey.clone(),
            push_address: self.push_address.clone(),
            interaction_types: self.interaction_types.clone(),
            issuer: self.issuer.clone(),
            subject: self.subject.clone(),
            id: self.id.clone(),
            credential: self.credential.clone(),
            code: self.code.clone(),
            cursor: self.cursor.clone(),
            keys: self.keys.clone(),
            statements: self.statements.clone(),
            notices: self.notices.clone(),
            transcripts: self.transcripts.clone(),
            nonce: Mutex::new(self.nonce().clone()),
            clock: self.clock.clone(),
            random: self.random.clone(),
            ..*self
        }
    }

    /// This device as a page of its issuer, with a passkey of its own as approval key.
    pub fn with_passkey(self) -> TestDevice {
        let passkey = TestPasskey::new(PrivateKey::generate(&*self.random), &self.issuer.origin());
        TestDevice { protection: KeyProtection::Passkey, passkey: Some(Box::new(passkey)), ..self }
    }

    /// The public half of what signs approvals.
    pub fn approval_key(&self) -> &PublicKey {
        self.passkey.as_ref().map_or_else(|| self.approval.public_key(), |passkey| passkey.public_key())
    }

    /// This device with another clock: that of the world to which a template's devices are copied.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> TestDevice {
        TestDevice { clock, ..self }
    }

    /// Its id.
    pub fn id(&self) -> &DeviceId {
        self.id.as_ref().expect("the device is registered")
    }

    /// Its user.
    pub fn subject(&self) -> &Subject {
        self.subject.as_ref().expect("the device is registered")
    }

    /// The keys it trusts.
    pub fn keys(&self) -> &TrustedKeys {
        self.keys.as_ref().expect("the device is registered")
    }

    /// What a link asks the device to post to the registration endpoint. `keys` is the document at `device_jwks_uri`.
    pub fn registration_request(&self, link: &EnrollmentLink, keys: &KeySet, endpoint: &str) -> RegistrationRequest {
        let (token, now) = (link.token(), self.clock.now());
        let claims = RegistrationToken::verify(token, keys, &self.issuer, endpoint, now).expect("a sound token");
        let transport = self.transport.public_key();
        let proof = match &self.passkey {
            Some(passkey) => {
                let challenge = webauthn::registration_challenge(&token.hash(), transport.thumbprint());
                KeyProof::Created(passkey.create(&challenge))
            }
            None => {
                let (approval, protection) = (self.approval.public_key(), self.protection);
                let proof = RegistrationRequest::unsigned_proof(token, &claims, transport, approval, protection, now);
                KeyProof::Signed(proof.sign(&*self.approval).expect("a key in memory signs"))
            }
        };
        RegistrationRequest {
            registration_token: token.clone(),
            public_key: transport.clone(),
            approval_key: Some(self.approval_key().clone()),
            approval_key_type: match self.passkey {
                Some(_) => ApprovalKeyType::Webauthn,
                None => ApprovalKeyType::P256,
            },
            approval_proof: proof,
            device: self.description(),
            attestation: None,
        }
    }

    /// What it says of itself.
    fn description(&self) -> DeviceDescription {
        DeviceDescription {
            countersign_version: COUNTERSIGN_VERSION,
            interaction_types: self.interaction_types.clone(),
            device_class: self.class,
            key_protection: self.protection,
            shared: false,
            push_address: self.push_address.clone(),
            code_origin: self.passkey.as_ref().map(|passkey| passkey.origin.clone()),
            platform: "linux".to_owned(),
            device_name: self.name.clone(),
        }
    }

    /// The POST of a registration.
    pub fn registration_call(&self, registration: &RegistrationRequest) -> Request<Vec<u8>> {
        let body = serde_json::to_vec(registration).expect("a registration is JSON");
        let token = registration.registration_token.as_str();
        let mut call = self.sign_call(&Method::POST, "/push/register", token, false, Some(&body));
        if let Some(origin) = &registration.device.code_origin {
            call.headers_mut().insert(header::ORIGIN, origin.parse().expect("an origin is ASCII"));
        }
        call
    }

    /// Reads the response 201 to a registration; the manifests must lead to the root that the link names.
    pub fn registered(&mut self, link: &EnrollmentLink, response: &[u8], chain: &ManifestChain) {
        let registered: RegistrationResponse = serde_json::from_slice(response).expect("a registration's response");
        let claims = link.token().peek().expect("it was verified before");
        self.keys = Some(chain.verify(&self.issuer, &claims.evidence_root, None).expect("a sound chain"));
        self.subject = Some(claims.sub);
        self.id = Some(registered.device_id);
        self.credential = registered.device_credential.expose().to_owned();
        self.code = registered.confirmation_code.map(|code| code.expose().to_owned());
    }

    /// Reads the manifests again, as a device does that meets an unknown key: the chain must continue from what it saw.
    pub fn update_keys(&mut self, chain: &ManifestChain) {
        let seen = self.keys();
        let updated = chain.verify(&self.issuer, seen.root(), Some(seen.head()));
        self.keys = Some(updated.expect("a chain that continues"));
    }

    /// Reads the response 200 to `POST /push/credential`.
    pub fn renewed(&mut self, response: &[u8]) {
        let renewed: CredentialResponse = serde_json::from_slice(response).expect("a new credential");
        self.credential = renewed.device_credential.expose().to_owned();
    }

    /// A request with credential and DPoP proof (RFC 9449 §4.2), with the nonce at hand.
    pub fn authorized_call(&self, method: &Method, path: &str, body: Option<&[u8]>) -> Request<Vec<u8>> {
        self.sign_call(method, path, &self.credential, true, body)
    }

    /// A request whose proof is bound to this token, with or without `Authorization`. `path` begins below the issuer.
    pub fn sign_call(
        &self,
        method: &Method,
        path: &str,
        token: &str,
        authorize: bool,
        body: Option<&[u8]>,
    ) -> Request<Vec<u8>> {
        let url = self.issuer.own_endpoint(&self.issuer.endpoint(path)).expect("its own");
        let (nonce, jti) = (self.nonce().clone(), self.message_id().to_string());
        let now = self.clock.now();
        let key = self.transport.public_key();
        let proof = DpopProof::unsigned(key, method.as_str(), &url, token, nonce.as_deref(), jti, now);
        let proof = proof.sign(&*self.transport);
        let mut request = Request::builder().method(method).uri(url.as_str());
        request = request.header("dpop", proof.expect("a key in memory signs").as_str());
        if authorize {
            request = request.header(header::AUTHORIZATION, format!("DPoP {token}"));
        }
        if body.is_some() {
            let form = path == "/push/revoke";
            let content_type = if form { "application/x-www-form-urlencoded" } else { "application/json" };
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        request.body(body.unwrap_or_default().to_vec()).expect("a sound request")
    }

    /// Keeps the nonce of a response's `DPoP-Nonce`, and says whether the request is to be signed and sent again with it.
    pub fn must_retry(&self, status: u16, nonce: Option<&str>, body: &[u8]) -> bool {
        self.keep_nonce(nonce);
        let problem = || serde_json::from_slice::<Problem>(body);
        status == 401 && problem().is_ok_and(|problem| problem.title.as_str() == "use_dpop_nonce")
    }

    /// Keeps the nonce of a response's `DPoP-Nonce`.
    pub fn keep_nonce(&self, nonce: Option<&str>) {
        if let Some(nonce) = nonce {
            *self.nonce() = Some(nonce.to_owned());
        }
    }

    /// As a device that never had a nonce.
    pub fn forget_nonce(&self) {
        *self.nonce() = None;
    }

    /// Where to fetch what is new since the last fetch, without waiting; the first time everything that is pending.
    pub fn fetch_path(&self) -> String {
        let query = self.cursor.as_ref().map(|cursor| format!("?after={cursor}"));
        format!("/push/challenges{}", query.unwrap_or_default())
    }

    /// Keeps cursor, statements and notices of a fetch.
    pub fn keep(&mut self, fetched: &FetchResponse) {
        self.cursor = Some(fetched.cursor.clone());
        for notice in &fetched.notices {
            match Notice::of(notice) {
                Notice::Statement(statement) if !self.statements.contains(&statement) => {
                    self.statements.push(statement)
                }
                Notice::Statement(_) => {}
                _ => self.notices.push(notice.clone()),
            }
        }
    }

    /// Its enrollment, verified.
    pub fn enrollment(&self) -> VerifiedEnrollment {
        VerifiedEnrollment::verify(&self.statements, self.keys()).expect("sound statements")
    }

    /// Verifies a challenge.
    pub fn verify(&self, challenge: &Compact<Challenge>) -> VerifiedChallenge {
        let now = self.clock.now();
        let expected =
            ExpectedChallenge { device: self.id(), subject: self.subject(), on_behalf_of: &[], keys: self.keys(), now };
        Challenge::verify(challenge, &expected).expect("a sound challenge")
    }

    fn message_id(&self) -> MessageId {
        MessageId::random(&*self.random)
    }

    fn nonce(&self) -> MutexGuard<'_, Option<String>> {
        self.nonce.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
