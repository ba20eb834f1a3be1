//! Carries the requests of a [`TestDevice`] over loopback HTTP, to send one answer many times at once, which a real device
//! never does.

use countersign_device::edge::system;
use countersign_jose::hash::Hash;
use countersign_protocol::answer::Answer;
use countersign_protocol::challenge::VerifiedChallenge;
use countersign_protocol::discovery::Discovery;
use countersign_protocol::fetch::FetchResponse;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::manifest::ManifestChain;
use countersign_protocol::push::PushAddress;
use countersign_protocol::registration::{DeviceClass, KeyProof, KeySet};
use countersign_protocol::webauthn::{CreationProof, registration_challenge};
use countersign_testing::TestDevice;
use countersign_testing::http::{Method, Request};
use countersign_testing::passkey::TestPasskey;
use serde::de::DeserializeOwned;

use crate::http::{self, Response};

/// An automated device, enrolled by a link that needs no confirmation.
///
/// # Panics
/// If anything about link or provider does not hold.
pub fn enroll(link: &str, name: &str) -> TestDevice {
    enroll_with(link, name, None)
}

/// As [`enroll`]; the device can be woken there.
///
/// # Panics
/// If anything about link or provider does not hold.
pub fn enroll_with(link: &str, name: &str, push_address: Option<PushAddress>) -> TestDevice {
    let link: EnrollmentLink = link.parse().expect("a link");
    let issuer = link.issuer().clone();
    let discovery: Discovery = get(&format!("{}/.well-known/oauth-push-notification", issuer.as_str()));
    let keys: KeySet = get(&discovery.device_jwks_uri);
    let mut device = TestDevice::new(name, issuer, system::clock(), system::random());
    device.class = DeviceClass::Automated;
    device.push_address = push_address;
    let registration = device.registration_request(&link, &keys, &discovery.registration_endpoint);
    let response = send(&device, || device.registration_call(&registration));
    assert_eq!(response.status, 201, "{}", response.text());
    let chain: ManifestChain = get(&discovery.manifest_uri);
    device.registered(&link, &response.body, &chain);
    device
}

/// A page of the issuer with a passkey, enrolled by a link that needs no confirmation, with a creation as `create` makes it.
///
/// # Panics
/// If anything about link or provider does not hold.
pub fn enroll_page(link: &str, name: &str, create: impl Fn(&mut TestPasskey, &Hash) -> CreationProof) -> TestDevice {
    let link: EnrollmentLink = link.parse().expect("a link");
    let issuer = link.issuer().clone();
    let discovery: Discovery = get(&format!("{}/.well-known/oauth-push-notification", issuer.as_str()));
    let keys: KeySet = get(&discovery.device_jwks_uri);
    let mut page = TestDevice::new(name, issuer, system::clock(), system::random()).with_passkey();
    let mut registration = page.registration_request(&link, &keys, &discovery.registration_endpoint);
    let transport = registration.public_key.thumbprint();
    let challenge = registration_challenge(&registration.registration_token.hash(), transport);
    let passkey = page.passkey.as_mut().expect("a page with a passkey");
    registration.approval_proof = KeyProof::Created(create(passkey, &challenge));
    let response = send(&page, || page.registration_call(&registration));
    assert_eq!(response.status, 201, "{}", response.text());
    let chain: ManifestChain = get(&discovery.manifest_uri);
    page.registered(&link, &response.body, &chain);
    page
}

/// The page after it lost what it stored, registered again by its passkey without a link.
///
/// # Panics
/// If the provider refuses.
pub fn resume(page: &TestDevice) -> TestDevice {
    let mut again = page.emptied();
    let asked = send_once(&again.resume_nonce_call());
    again.keep_nonce(asked.header("dpop-nonce"));
    let request = again.resume_request(asked.header("dpop-nonce").expect("a nonce"));
    let response = send_once(&again.resume_call(&request));
    assert_eq!(response.status, 201, "{}", response.text());
    again.keep_nonce(response.header("dpop-nonce"));
    let discovery: Discovery = get(&format!("{}/.well-known/oauth-push-notification", again.issuer.as_str()));
    let chain: ManifestChain = get(&discovery.manifest_uri);
    again.resumed(&response.body, &chain);
    again
}

/// Fetches the one challenge that waits, and verifies it.
///
/// # Panics
/// If it is not one, or not sound.
pub fn only_challenge(device: &mut TestDevice) -> VerifiedChallenge {
    let fetched = fetch(device);
    let [challenge] = &fetched.challenges[..] else { panic!("one challenge waits: {fetched:?}") };
    device.verify(challenge)
}

/// Fetches what is new, without waiting.
///
/// # Panics
/// If the provider refuses.
pub fn fetch(device: &mut TestDevice) -> FetchResponse {
    let response = send(device, || device.authorized_call(&Method::GET, &device.fetch_path(), None));
    assert_eq!(response.status, 200, "{}", response.text());
    let fetched: FetchResponse = serde_json::from_slice(&response.body).expect("a fetch object");
    device.keep(&fetched);
    fetched
}

/// Sends an answer, as often as the caller likes.
pub fn send_answer(device: &TestDevice, id: &ChallengeId, answer: &Compact<Answer>) -> Response {
    let (path, body) = device.answer_post(id, answer);
    send(device, || device.authorized_call(&Method::POST, &path, Some(&body)))
}

/// Makes a call of the device's own. `path` begins below the issuer.
pub fn call(device: &TestDevice, method: &Method, path: &str, body: Option<&[u8]>) -> Response {
    send(device, || device.authorized_call(method, path, body))
}

/// Sends a signed request; once more if the provider wants a fresh nonce.
fn send(device: &TestDevice, make: impl Fn() -> Request<Vec<u8>>) -> Response {
    let response = send_once(&make());
    if !device.must_retry(response.status, response.header("dpop-nonce"), &response.body) {
        return response;
    }
    let response = send_once(&make());
    device.keep_nonce(response.header("dpop-nonce"));
    response
}

fn send_once(request: &Request<Vec<u8>>) -> Response {
    let headers = request.headers().iter();
    let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII"))).collect();
    http::send(request.method().as_str(), &request.uri().to_string(), &headers, request.body())
}

fn get<T: DeserializeOwned>(url: &str) -> T {
    let response = http::send("GET", url, &[], b"");
    assert_eq!(response.status, 200, "GET {url}: {}", response.text());
    serde_json::from_slice(&response.body).unwrap_or_else(|error| panic!("GET {url}: {error}"))
}
