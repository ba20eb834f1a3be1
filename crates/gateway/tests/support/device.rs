//! A device of at most what the protocol asks: it verifies what it is sent and signs what it says.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use countersign_protocol::COUNTERSIGN_VERSION;
use countersign_protocol::answer::{
    Answer, AnswerDraft, ApprovalKey, DenialReason, HistoryPlace, TransportKey, VerifiedBy, VerifiedUser,
};
use countersign_protocol::challenge::{Challenge, Expected, VerifiedChallenge};
use countersign_protocol::clock::Clock as _;
use countersign_protocol::dispute::Dispute;
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::enrollment::{EnrollmentStatement, VerifiedEnrollment};
use countersign_protocol::fetch::{Fetched, Received};
use countersign_protocol::hash::Hash;
use countersign_protocol::id::{ChallengeId, DeviceId, MessageId};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::jws::Compact;
use countersign_protocol::key::{LocalSigner, PrivateKey, Signer as _};
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::manifest::{ManifestChain, TrustedKeys};
use countersign_protocol::notice::Notice;
use countersign_protocol::outcome::{Concerned, Outcome, VerifiedOutcome};
use countersign_protocol::random::Random as _;
use countersign_protocol::refusal::{Refusal, RefusalCode};
use countersign_protocol::registration::{
    CredentialResponse, DeviceClass, KeyProtection, KeySet, RegistrationRequest, RegistrationResponse,
    RegistrationToken,
};
use countersign_protocol::transcript::Transcript;

use super::ports::Seeded;
use super::{Response, World, alice, issuer};

pub struct TestDevice {
    pub name: String,
    pub class: DeviceClass,
    pub transport: Arc<LocalSigner>,
    pub approval: Arc<LocalSigner>,
    pub interaction_types: Vec<InteractionType>,
    pub id: Option<DeviceId>,
    pub credential: String,
    pub code: Option<String>,
    pub cursor: Option<String>,
    pub seq: u64,
    pub keys: Option<TrustedKeys>,
    pub statements: Vec<Compact<EnrollmentStatement>>,
    /// Notices that were no statement of this device, in order.
    pub news: Vec<String>,
    nonce: Mutex<Option<String>>,
    random: Arc<Seeded>,
}

impl TestDevice {
    pub fn new(name: &str, random: Arc<Seeded>) -> Self {
        let key = || Arc::new(PrivateKey::generate(&*random).into_signer());
        Self {
            name: name.to_owned(),
            class: DeviceClass::Interactive,
            transport: key(),
            approval: key(),
            interaction_types: InteractionType::ALL.to_vec(),
            id: None,
            credential: String::new(),
            code: None,
            cursor: None,
            seq: 0,
            keys: None,
            statements: Vec::new(),
            news: Vec::new(),
            nonce: Mutex::new(None),
            random,
        }
    }

    /// The same device once more, as from a copy of its files.
    pub fn copy(&self) -> Self {
        Self {
            name: self.name.clone(),
            transport: self.transport.clone(),
            approval: self.approval.clone(),
            interaction_types: self.interaction_types.clone(),
            id: self.id.clone(),
            credential: self.credential.clone(),
            code: self.code.clone(),
            cursor: self.cursor.clone(),
            keys: self.keys.clone(),
            statements: self.statements.clone(),
            news: self.news.clone(),
            nonce: Mutex::new(self.nonce.lock().expect("unpoisoned").clone()),
            random: self.random.clone(),
            ..*self
        }
    }

    pub fn id(&self) -> &DeviceId {
        self.id.as_ref().expect("the device is registered")
    }

    /// What a link asks the device to post.
    pub async fn registration(&self, world: &World, link: &EnrollmentLink) -> RegistrationRequest {
        let keys: KeySet = world.get("/tenant/push/jwks").await.json();
        let now = world.clock.now();
        let token = link.token();
        let endpoint = world.gateway.discovery().registration_endpoint;
        let claims = RegistrationToken::verify(token, &keys, &issuer(), &endpoint, now).expect("a sound token");
        let transport = self.transport.public_key();
        let protection = KeyProtection::FilePin;
        let proof = RegistrationRequest::prove(token, &claims, transport, &*self.approval, protection, now);
        RegistrationRequest {
            countersign_version: COUNTERSIGN_VERSION,
            registration_token: token.clone(),
            public_key: transport.clone(),
            approval_key: self.approval.public_key().clone(),
            approval_proof: proof.expect("signed"),
            interaction_types: self.interaction_types.clone(),
            device_class: self.class,
            key_protection: protection,
            push_address: None,
            platform: "linux".to_owned(),
            device_name: self.name.clone(),
            attestation: None,
        }
    }

    pub async fn register(&mut self, world: &World, link: &EnrollmentLink) -> Response {
        let request = self.registration(world, link).await;
        self.post_registration(world, &request, link).await
    }

    pub async fn post_registration(
        &mut self,
        world: &World,
        request: &RegistrationRequest,
        link: &EnrollmentLink,
    ) -> Response {
        let body = serde_json::to_vec(request).expect("JSON");
        let token = request.registration_token.as_str();
        let response = self.send(world, Method::POST, "/push/register", token, false, Some(&body)).await;
        if response.status == StatusCode::CREATED {
            let registered: RegistrationResponse = response.json();
            let pinned = link.token().peek().expect("read before").evidence_root;
            let chain: ManifestChain = world.get("/tenant/push/manifests").await.json();
            self.keys = Some(chain.verify(&issuer(), &pinned, None).expect("a sound chain"));
            self.id = Some(registered.device_id);
            self.credential = registered.device_credential.expose().to_owned();
            self.code = registered.confirmation_code.map(|code| code.expose().to_owned());
        }
        response
    }

    /// Fetches the manifests again, as a device does that meets a key it does not know: the chain must go on from what it saw.
    pub async fn learn_keys(&mut self, world: &World) {
        let seen = self.keys.as_ref().expect("registered");
        let chain: ManifestChain = world.get("/tenant/push/manifests").await.json();
        let learned = chain.verify(&issuer(), seen.root(), Some(seen.head()));
        self.keys = Some(learned.expect("a chain that goes on"));
    }

    /// A call with credential and proof; a nonce that has ended is replaced once.
    pub async fn call(&self, world: &World, method: Method, path: &str, body: Option<&[u8]>) -> Response {
        self.send(world, method, path, &self.credential, true, body).await
    }

    async fn send(
        &self,
        world: &World,
        method: Method,
        path: &str,
        token: &str,
        authorize: bool,
        body: Option<&[u8]>,
    ) -> Response {
        let mut response = world.call(self.signed(world, &method, path, token, authorize, body)).await;
        self.keep_nonce(&response);
        let wants_nonce = response.status == StatusCode::UNAUTHORIZED && response.problem().1 == "use_dpop_nonce";
        if wants_nonce {
            response = world.call(self.signed(world, &method, path, token, authorize, body)).await;
            self.keep_nonce(&response);
        }
        response
    }

    /// One request, signed with the nonce at hand.
    pub fn signed(
        &self,
        world: &World,
        method: &Method,
        path: &str,
        token: &str,
        authorize: bool,
        body: Option<&[u8]>,
    ) -> Request<Body> {
        let url = issuer().own_endpoint(&issuer().endpoint(path)).expect("its own");
        let nonce = self.nonce.lock().expect("unpoisoned").clone();
        let jti = MessageId::random(&*self.random).to_string();
        let now = world.clock.now();
        let proof = DpopProof::make(&*self.transport, method.as_str(), &url, token, nonce.as_deref(), jti, now);
        // The Host header is somebody else's on purpose: nothing may depend on it.
        let mut request =
            Request::builder().method(method).uri(format!("/tenant{path}")).header("host", "evil.example");
        request = request.header("dpop", proof.expect("signed").as_str());
        if authorize {
            request = request.header("authorization", format!("DPoP {token}"));
        }
        if body.is_some() && path != "/push/revoke" {
            request = request.header("content-type", "application/json");
        } else if body.is_some() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_vec()))).expect("a request")
    }

    pub fn keep_nonce(&self, response: &Response) {
        if let Some(nonce) = response.nonce() {
            *self.nonce.lock().expect("unpoisoned") = Some(nonce);
        }
    }

    pub fn forget_nonce(&self) {
        *self.nonce.lock().expect("unpoisoned") = None;
    }

    /// Fetches once, without waiting; keeps cursor, statements and news.
    pub async fn pull(&mut self, world: &World) -> Fetched {
        let query = self.cursor.as_ref().map(|cursor| format!("?after={cursor}")).unwrap_or_default();
        let response = self.call(world, Method::GET, &format!("/push/challenges{query}"), None).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        let fetched: Fetched = response.json();
        self.take_notes(&fetched);
        fetched
    }

    pub fn take_notes(&mut self, fetched: &Fetched) {
        self.cursor = Some(fetched.cursor.clone());
        for notice in &fetched.notices {
            match Notice::of(notice) {
                Notice::Statement(statement) if !self.statements.contains(&statement) => {
                    self.statements.push(statement)
                }
                Notice::Statement(_) => {}
                _ => self.news.push(notice.clone()),
            }
        }
    }

    pub fn enrollment(&self) -> VerifiedEnrollment {
        VerifiedEnrollment::verify(&self.statements, self.keys.as_ref().expect("registered")).expect("sound statements")
    }

    /// Fetches and verifies what is pending and new; the last one.
    pub async fn next_challenge(&mut self, world: &World) -> VerifiedChallenge {
        let fetched = self.pull(world).await;
        let challenge = fetched.challenges.last().expect("a challenge arrived");
        self.verify(world, challenge)
    }

    pub fn verify(&self, world: &World, challenge: &Compact<Challenge>) -> VerifiedChallenge {
        let keys = self.keys.as_ref().expect("registered");
        let subject = alice();
        let expected = Expected { device: self.id(), subject: &subject, keys, now: world.clock.now() };
        Challenge::verify(challenge, &expected).expect("a sound challenge")
    }

    /// Begins an answer at the next place of the device's history.
    pub fn draft(&mut self, world: &World, challenge: &VerifiedChallenge) -> AnswerDraft {
        let shown = Transcript::draw(challenge, "en", Vec::new()).freeze();
        self.seq += 1;
        let place = HistoryPlace { seq: self.seq, prev: Hash::of(self.seq.to_string()) };
        let jti = MessageId::random(&*self.random);
        AnswerDraft::new(challenge, &shown, jti, place, world.clock.now()).expect("the same challenge")
    }

    pub fn approve(&mut self, world: &World, challenge: &VerifiedChallenge, value: Option<&str>) -> Compact<Answer> {
        let by = if self.class == DeviceClass::Automated { VerifiedBy::Automated } else { VerifiedBy::Pin };
        let user = VerifiedUser::vouch(by, false, world.clock.now());
        let draft = self.draft(world, challenge);
        ApprovalKey::new(&*self.approval).approve(draft, &user, value.map(str::to_owned)).expect("signed")
    }

    pub fn deny(
        &mut self,
        world: &World,
        challenge: &VerifiedChallenge,
        reason: Option<DenialReason>,
    ) -> Compact<Answer> {
        let draft = self.draft(world, challenge);
        TransportKey::new(&*self.transport).deny(draft, reason).expect("signed")
    }

    pub async fn send_answer(&self, world: &World, id: &ChallengeId, answer: &Compact<Answer>) -> Response {
        let body = serde_json::json!({ "answer": answer }).to_string();
        self.call(world, Method::POST, &format!("/push/challenges/{id}/answer"), Some(body.as_bytes())).await
    }

    /// Sends an answer that must be taken; the outcome is verified.
    pub async fn settle(
        &self,
        world: &World,
        challenge: &VerifiedChallenge,
        answer: &Compact<Answer>,
    ) -> VerifiedOutcome {
        let response = self.send_answer(world, challenge.id(), answer).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        let received: Received = response.json();
        self.verify_outcome(challenge, Some(answer), &received.outcome.expect("an outcome"))
    }

    pub fn verify_outcome(
        &self,
        challenge: &VerifiedChallenge,
        answer: Option<&Compact<Answer>>,
        outcome: &Compact<Outcome>,
    ) -> VerifiedOutcome {
        let answer_hash = answer.map(Compact::hash);
        let subject = alice();
        let about = Concerned {
            device: self.id(),
            subject: &subject,
            challenge: challenge.id(),
            challenge_hash: challenge.hash(),
            commitment: challenge.claims().interaction.commitment.as_ref(),
            answer_hash: answer_hash.as_ref(),
        };
        Outcome::verify(outcome, self.keys.as_ref().expect("registered"), &about).expect("a sound outcome")
    }

    pub async fn refuse(&self, world: &World, challenge: &VerifiedChallenge) -> Response {
        let refusal = Refusal {
            iss: self.id().clone(),
            aud: issuer(),
            sub: alice(),
            jti: MessageId::random(&*self.random),
            iat: world.clock.now().seconds(),
            challenge: challenge.id().clone(),
            challenge_hash: *challenge.hash(),
            code: RefusalCode::Unshowable,
        };
        let refusal = Compact::sign(&refusal, &*self.transport).expect("signed");
        let body = serde_json::json!({ "refusal": refusal }).to_string();
        let path = format!("/push/challenges/{}/refuse", challenge.id());
        self.call(world, Method::POST, &path, Some(body.as_bytes())).await
    }

    pub async fn dispute(&self, world: &World, challenge: &VerifiedChallenge) -> Response {
        let dispute = Dispute {
            iss: self.id().clone(),
            aud: issuer(),
            sub: alice(),
            jti: MessageId::random(&*self.random),
            iat: world.clock.now().seconds(),
            challenge: challenge.id().clone(),
            challenge_hash: *challenge.hash(),
            outcome_hash: None,
        };
        let dispute = Compact::sign(&dispute, &*self.transport).expect("signed");
        let body = serde_json::json!({ "dispute": dispute }).to_string();
        let path = format!("/push/challenges/{}/dispute", challenge.id());
        self.call(world, Method::POST, &path, Some(body.as_bytes())).await
    }

    /// Gets a new credential and goes on with it.
    pub async fn renew(&mut self, world: &World) {
        let response = self.call(world, Method::POST, "/push/credential", None).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        let renewed: CredentialResponse = response.json();
        self.credential = renewed.device_credential.expose().to_owned();
    }

    pub fn some_bytes(&self) -> [u8; 8] {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        bytes
    }
}
