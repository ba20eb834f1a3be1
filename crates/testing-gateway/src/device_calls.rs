//! Carries the requests of a [`TestDevice`] to a gateway's router, and the responses back.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use countersign_protocol::answer::Answer;
use countersign_protocol::challenge::VerifiedChallenge;
use countersign_protocol::fetch::{FetchResponse, Receipt};
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::manifest::ManifestChain;
use countersign_protocol::outcome::VerifiedOutcome;
use countersign_protocol::registration::{KeySet, RegistrationRequest, ResumeRequest};
use countersign_testing::TestDevice;

use crate::{Response, World};

/// What a device does over the wire.
#[expect(async_fn_in_trait, reason = "implemented once; a caller that needs Send sees the one implementation")]
pub trait DeviceCalls {
    /// What a link asks the device to post.
    async fn registration(&self, world: &World, link: &EnrollmentLink) -> RegistrationRequest;

    /// Registers by a link.
    async fn register(&mut self, world: &World, link: &EnrollmentLink) -> Response;

    /// Posts a registration; a response 201 makes it the device's own.
    async fn post_registration(
        &mut self,
        world: &World,
        request: &RegistrationRequest,
        link: &EnrollmentLink,
    ) -> Response;

    /// What a link asks it to post if its passkey is known.
    async fn known_registration(&self, world: &World, link: &EnrollmentLink) -> RegistrationRequest;

    /// Registers again without a link, after a nonce, with what `alter` makes of its request; a response 201 makes it the device's own.
    async fn resume(&mut self, world: &World, alter: impl Fn(&mut ResumeRequest)) -> Response;

    /// Fetches the manifests again.
    async fn fetch_keys(&mut self, world: &World);

    /// A request with credential and proof, not yet sent.
    fn signed(&self, method: &Method, path: &str) -> Request<Body>;

    /// Sends a request with credential and proof; once more if the gateway asks for a new nonce.
    async fn call(&self, world: &World, method: Method, path: &str, body: Option<&[u8]>) -> Response;

    /// Fetches once, without waiting; keeps cursor, statements and notices.
    async fn pull(&mut self, world: &World) -> FetchResponse;

    /// Fetches and verifies the last challenge that is new.
    async fn next_challenge(&mut self, world: &World) -> VerifiedChallenge;

    /// Sends an answer.
    async fn send_answer(&self, world: &World, id: &ChallengeId, answer: &Compact<Answer>) -> Response;

    /// Sends an answer that must be accepted; the outcome is verified.
    async fn settle(&self, world: &World, challenge: &VerifiedChallenge, answer: &Compact<Answer>) -> VerifiedOutcome;

    /// Refuses a challenge that it can't show.
    async fn refuse(&self, world: &World, challenge: &VerifiedChallenge) -> Response;

    /// Disputes an approval.
    async fn dispute(&self, world: &World, challenge: &VerifiedChallenge) -> Response;

    /// Gets a new credential and goes on with it.
    async fn renew(&mut self, world: &World);
}

impl DeviceCalls for TestDevice {
    async fn registration(&self, world: &World, link: &EnrollmentLink) -> RegistrationRequest {
        let keys: KeySet = world.get("/tenant/push/jwks").await.json();
        self.registration_request(link, &keys, &world.gateway.discovery().registration_endpoint)
    }

    async fn register(&mut self, world: &World, link: &EnrollmentLink) -> Response {
        let request = self.registration(world, link).await;
        self.post_registration(world, &request, link).await
    }

    async fn post_registration(
        &mut self,
        world: &World,
        request: &RegistrationRequest,
        link: &EnrollmentLink,
    ) -> Response {
        let response = send(self, world, || self.registration_call(request)).await;
        if response.status == StatusCode::CREATED {
            let chain: ManifestChain = world.get("/tenant/push/manifests").await.json();
            self.registered(link, &response.body, &chain);
        }
        response
    }

    async fn known_registration(&self, world: &World, link: &EnrollmentLink) -> RegistrationRequest {
        let keys: KeySet = world.get("/tenant/push/jwks").await.json();
        self.resume_by_link(link, &keys, &world.gateway.discovery().registration_endpoint)
    }

    async fn resume(&mut self, world: &World, alter: impl Fn(&mut ResumeRequest)) -> Response {
        // Nonces for one key are told apart by their time, and each serves once here.
        world.clock.advance_millis(1);
        let asked = world.call(in_process(self.resume_nonce_call())).await;
        assert_eq!(asked.problem(), (401, "use_dpop_nonce".to_owned()), "a nonce, before the person is asked");
        let nonce = asked.nonce().expect("a nonce");
        self.keep_nonce(Some(&nonce));
        let mut request = self.resume_request(&nonce);
        alter(&mut request);
        let response = world.call(in_process(self.resume_call(&request))).await;
        self.keep_nonce(response.nonce().as_deref());
        if response.status == StatusCode::CREATED {
            let chain: ManifestChain = world.get("/tenant/push/manifests").await.json();
            self.resumed(&response.body, &chain);
        }
        response
    }

    async fn fetch_keys(&mut self, world: &World) {
        let chain: ManifestChain = world.get("/tenant/push/manifests").await.json();
        self.update_keys(&chain);
    }

    fn signed(&self, method: &Method, path: &str) -> Request<Body> {
        in_process(self.authorized_call(method, path, None))
    }

    async fn call(&self, world: &World, method: Method, path: &str, body: Option<&[u8]>) -> Response {
        send(self, world, || self.authorized_call(&method, path, body)).await
    }

    async fn pull(&mut self, world: &World) -> FetchResponse {
        let response = self.call(world, Method::GET, &self.fetch_path(), None).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        let fetched: FetchResponse = response.json();
        self.keep(&fetched);
        fetched
    }

    async fn next_challenge(&mut self, world: &World) -> VerifiedChallenge {
        let fetched = self.pull(world).await;
        self.verify(fetched.challenges.last().expect("a challenge arrived"))
    }

    async fn send_answer(&self, world: &World, id: &ChallengeId, answer: &Compact<Answer>) -> Response {
        let (path, body) = self.answer_post(id, answer);
        self.call(world, Method::POST, &path, Some(&body)).await
    }

    async fn settle(&self, world: &World, challenge: &VerifiedChallenge, answer: &Compact<Answer>) -> VerifiedOutcome {
        let response = self.send_answer(world, challenge.id(), answer).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        let received: Receipt = response.json();
        self.verify_outcome(challenge, Some(answer), &received.outcome.expect("an outcome"))
    }

    async fn refuse(&self, world: &World, challenge: &VerifiedChallenge) -> Response {
        let (path, body) = self.refusal_post(challenge);
        self.call(world, Method::POST, &path, Some(&body)).await
    }

    async fn dispute(&self, world: &World, challenge: &VerifiedChallenge) -> Response {
        let (path, body) = self.dispute_post(challenge);
        self.call(world, Method::POST, &path, Some(&body)).await
    }

    async fn renew(&mut self, world: &World) {
        let response = self.call(world, Method::POST, "/push/credential", None).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        self.renewed(&response.body);
    }
}

async fn send(device: &TestDevice, world: &World, make: impl Fn() -> Request<Vec<u8>>) -> Response {
    let response = world.call(in_process(make())).await;
    if device.must_retry(response.status.as_u16(), response.nonce().as_deref(), &response.body) {
        let response = world.call(in_process(make())).await;
        device.keep_nonce(response.nonce().as_deref());
        return response;
    }
    response
}

/// The request as a server behind a proxy receives it. The Host header is wrong on purpose: nothing may depend on it.
pub fn in_process(request: Request<Vec<u8>>) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().expect("a path").clone();
    parts.uri = target.into();
    parts.headers.insert("host", axum::http::HeaderValue::from_static("evil.example"));
    Request::from_parts(parts, Body::from(body))
}
