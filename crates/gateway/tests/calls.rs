//! Authentication, limits and refusals of calls: DPoP, nonces, sizes, methods, links.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode};
use countersign_jose::clock::Clock as _;
use countersign_jose::hash::Hash;
use countersign_jose::key::Signer as _;
use countersign_protocol::discovery::Mode;
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::jws::Unsigned;
use countersign_protocol::registration::Confirm;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice, World, issuer};

const FETCH: &str = "/push/challenges";

fn request(uri: &str, credential: Option<&str>, proof: Option<&str>) -> Request<Body> {
    let mut request = Request::get(format!("/tenant{uri}"));
    if let Some(credential) = credential {
        request = request.header("authorization", format!("DPoP {credential}"));
    }
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    request.body(Body::empty()).expect("a request")
}

fn post_json(uri: &str, body: Vec<u8>) -> Request<Body> {
    Request::post(uri).header("content-type", "application/json").body(Body::from(body)).expect("a request")
}

#[tokio::test]
async fn a_call_without_a_nonce_is_given_one_and_succeeds_with_it() {
    let world = World::new();
    let phone = world.enroll("Phone").await;
    phone.forget_nonce();
    let first = world.call(phone.signed(&Method::GET, FETCH)).await;
    assert_eq!(first.problem(), (401, "use_dpop_nonce".to_owned()));
    assert!(first.headers["www-authenticate"].to_str().expect("ASCII").contains("use_dpop_nonce"));
    assert!(first.nonce().is_some());
    phone.keep_nonce(first.nonce().as_deref());
    let second = world.call(phone.signed(&Method::GET, FETCH)).await;
    assert_eq!(second.status, StatusCode::OK);
    assert!(second.nonce().is_some(), "each response brings the next one");
    assert_eq!(second.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_nonce_is_valid_for_five_minutes() {
    let world = World::new();
    let phone = world.enroll("Phone").await;
    world.clock.advance_seconds(299);
    let in_time = world.call(phone.signed(&Method::GET, FETCH)).await;
    assert_eq!(in_time.status, StatusCode::OK);
    world.clock.advance_seconds(1);
    let too_late = world.call(phone.signed(&Method::GET, FETCH)).await;
    assert_eq!(too_late.problem(), (401, "use_dpop_nonce".to_owned()));
}

#[tokio::test]
async fn a_dpop_proof_is_accepted_once() {
    let world = World::new();
    let phone = world.enroll("Phone").await;
    let signed = || phone.signed(&Method::GET, FETCH);
    let call = signed();
    let proof = call.headers()["dpop"].to_str().expect("ASCII").to_owned();
    assert_eq!(world.call(call).await.status, StatusCode::OK);
    let replayed = world.call(request(FETCH, Some(&phone.credential), Some(&proof))).await;
    assert_eq!(replayed.problem(), (401, "invalid_dpop_proof".to_owned()));
    assert_eq!(world.call(signed()).await.status, StatusCode::OK, "the next proof is as good as ever");
}

#[tokio::test]
async fn a_call_needs_a_credential_and_a_proof_bound_to_it() {
    let world = World::new();
    let (phone, tablet) = (world.enroll("Phone").await, world.enroll("Tablet").await);
    let proof = |device: &TestDevice, token: &str| {
        let call = device.sign_call(&Method::GET, FETCH, token, true, None);
        call.headers()["dpop"].to_str().expect("ASCII").to_owned()
    };
    let cases = [
        (None, None, "dpop_required"),
        (Some(phone.credential.as_str()), None, "dpop_required"),
        (None, Some(proof(&phone, &phone.credential)), "dpop_required"),
        (Some("unknown"), Some(proof(&phone, "unknown")), "invalid_device_credential"),
        (Some(&phone.credential), Some(proof(&tablet, &phone.credential)), "invalid_dpop_proof"),
        (Some(&phone.credential), Some(proof(&phone, &tablet.credential)), "invalid_dpop_proof"),
        (Some(&phone.credential), Some("nonsense".to_owned()), "invalid_dpop_proof"),
    ];
    for (credential, proof, code) in cases {
        let response = world.call(request(FETCH, credential, proof.as_deref())).await;
        assert_eq!(response.problem(), (401, code.to_owned()));
        assert!(response.headers["www-authenticate"].to_str().expect("ASCII").starts_with("DPoP"));
    }
    let bearer = Request::get("/tenant/push/challenges")
        .header("authorization", format!("Bearer {}", phone.credential))
        .header("dpop", proof(&phone, &phone.credential))
        .body(Body::empty())
        .expect("a request");
    assert_eq!(world.call(bearer).await.problem().1, "dpop_required");
    let good = request(FETCH, Some(&phone.credential), Some(&proof(&phone, &phone.credential)));
    assert_eq!(world.call(good).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_proof_is_for_one_method_one_configured_url_and_two_minutes() {
    let world = World::new();
    let phone = world.enroll("Phone").await;
    // A refusal for the lack of a nonce shows that everything else about a proof was accepted.
    let now = world.clock.now().seconds();
    let good = DpopProof {
        jti: "1".to_owned(),
        htm: "GET".to_owned(),
        htu: issuer().endpoint(FETCH),
        iat: now,
        nonce: None,
        ath: Some(Hash::of(&phone.credential)),
    };
    let outcome = async |proof: DpopProof| {
        let proof = Unsigned::with_jwk(&proof, phone.transport.public_key()).sign(&*phone.transport).expect("signed");
        world.call(request(FETCH, Some(&phone.credential), Some(proof.as_str()))).await.problem().1
    };
    assert_eq!(outcome(good.clone()).await, "use_dpop_nonce");
    assert_eq!(outcome(DpopProof { iat: now - 120, ..good.clone() }).await, "use_dpop_nonce");
    for bad in [
        DpopProof { htm: "POST".to_owned(), ..good.clone() },
        DpopProof { htu: "https://evil.example/tenant/push/challenges".to_owned(), ..good.clone() },
        DpopProof { htu: format!("{}?wait=1", good.htu), ..good.clone() },
        DpopProof { iat: now - 121, ..good.clone() },
        DpopProof { iat: now + 121, ..good.clone() },
        DpopProof { ath: None, ..good.clone() },
        DpopProof { jti: String::new(), ..good.clone() },
        DpopProof { jti: "x".repeat(129), ..good.clone() },
    ] {
        assert_eq!(outcome(bad.clone()).await, "invalid_dpop_proof", "{bad:?}");
    }
}

#[tokio::test]
async fn a_body_over_16_kib_is_refused() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let path = format!("/push/challenges/{}/refuse", challenge.id());
    let large = format!(r#"{{"refusal":"{}"}}"#, "x".repeat(16 * 1024));
    let response = phone.call(&world, Method::POST, &path, Some(large.as_bytes())).await;
    assert_eq!(response.problem(), (413, "body_too_large".to_owned()));
    let path = format!("/push/challenges/{}/answer", challenge.id());
    for bad in [r#"{"answer":"a","answer":"b"}"#, "{", "[]", r#"{"answer":1}"#] {
        let response = phone.call(&world, Method::POST, &path, Some(bad.as_bytes())).await;
        assert_eq!(response.problem(), (400, "invalid_request".to_owned()), "{bad}");
    }
}

#[tokio::test]
async fn wrong_methods_and_paths_get_problem_documents() {
    let world = World::new();
    let post = |uri: &str| Request::post(uri.to_owned()).body(Body::empty()).expect("a request");
    assert_eq!(world.call(post("/tenant/push/manifests")).await.problem(), (405, "method_not_allowed".to_owned()));
    assert_eq!(world.get("/tenant/push/register").await.problem(), (405, "method_not_allowed".to_owned()));
    assert_eq!(world.get("/tenant/push/nothing").await.problem(), (404, "not_found".to_owned()));
    let garbled = world.call(post("/tenant/push/challenges/%FF/answer")).await;
    assert_eq!(garbled.problem(), (401, "dpop_required".to_owned()));
}

#[tokio::test]
async fn the_page_behind_a_link_loads_nothing_and_sends_no_referrer() {
    let world = World::new();
    let page = world.get("/tenant/push/enroll").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.headers["content-security-policy"].to_str().expect("ASCII").starts_with("default-src 'none'"));
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn registrations_with_one_link_are_limited_for_people_and_not_for_testers() {
    for (mode, last) in [(Mode::Production, (429, "rate_limited")), (Mode::Test, (401, "dpop_required"))] {
        let world = World::with_mode(mode);
        let link = world.link(Confirm::Code).await;
        let registration = world.device("Phone").registration(&world, &link.link).await;
        let body = serde_json::to_vec(&registration).expect("JSON");
        let mut response = None;
        for _ in 0..21 {
            response = Some(world.call(post_json("/tenant/push/register", body.clone())).await);
        }
        let response = response.expect("sent");
        assert_eq!(response.problem(), (last.0, last.1.to_owned()), "{mode:?}");
        assert_eq!(response.headers.contains_key("retry-after"), mode == Mode::Production);
    }
}

#[tokio::test]
async fn calls_without_a_link_use_up_no_registration_attempts() {
    let world = World::with_mode(Mode::Production);
    for _ in 0..50 {
        // As behind a proxy: every caller has one address.
        let mut empty = post_json("/tenant/push/register", b"{}".to_vec());
        empty.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 8787))));
        let refused = world.call(empty).await;
        assert_eq!(refused.problem(), (400, "invalid_request".to_owned()));
    }
    let link = world.link(Confirm::Code).await;
    let registered = world.device("Phone").register(&world, &link.link).await;
    assert_eq!(registered.status, StatusCode::CREATED);
}

#[tokio::test]
async fn no_secret_is_stored_in_plain() {
    let world = World::new();
    let link = world.link(Confirm::Code).await;
    let mut phone = world.device("Phone");
    phone.register(&world, &link.link).await;
    let mut everything = Vec::new();
    for file in ["provider.db", "provider.db-wal"] {
        everything.extend(std::fs::read(world.home.path().join(file)).unwrap_or_default());
    }
    let holds = |text: &str| everything.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(phone.id().as_str()), "the search finds what is there");
    assert!(!holds(&phone.credential), "the credential");
    assert!(!holds(link.link.token().as_str()), "the registration token");
}
