//! Hints: `id_token_hint` of this provider, and `login_hint_token` of issuers that the operator trusts.

use std::path::Path;

use axum::http::StatusCode;
use countersign_jose::base64url;
use countersign_jose::key::{LocalSigner, PrivateKey, Signer as _};
use countersign_op::Config;
use countersign_testing::CountingRandom;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};
use serde_json::{Value, json};

use crate::client_keys::foreign_payload;
use crate::document_server::Document;
use crate::world::{BC, CONFIG, Reply, SECRET, World};

/// Where the clock of every test begins.
const NOW: u64 = 1_800_000_000;

const ISSUER: &str = "https://id.example/tenant";
const HINTS: &str = "https://hints.example";

/// An issuer of `login_hint_token`s.
struct Issuer {
    signer: LocalSigner,
}

impl Issuer {
    fn new(seed: u64) -> Issuer {
        Issuer { signer: PrivateKey::generate(&CountingRandom::seeded(seed)).into_signer() }
    }

    fn jwks(&self) -> String {
        json!({ "keys": [self.signer.public_key()] }).to_string()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_payload(header, &claims.to_string())
    }

    fn sign_payload(&self, header: &Value, payload: &str) -> String {
        let part = |text: &str| base64url::encode(text.as_bytes());
        let input = format!("{}.{}", part(&header.to_string()), part(payload));
        let signature = self.signer.sign(input.as_bytes()).expect("signed");
        format!("{input}.{}", base64url::encode(&signature))
    }

    fn plain(&self, claims: &Value) -> String {
        self.sign(&json!({ "alg": "ES256", "typ": "JWT" }), claims)
    }
}

/// A provider that believes this issuer about e-mail addresses, and Alice's phone.
async fn world_that_trusts(issuer: &Issuer) -> (World, TestDevice) {
    let trusted = format!(
        "[[login_hint_issuers]]\nissuer = \"{HINTS}\"\njwks = '{}'\nsubject_claim = \"email\"\n\n[[users]]\nsub = \"alice\"",
        issuer.jwks()
    );
    let world = World::with(&CONFIG.replacen("[[users]]\nsub = \"alice\"", &trusted, 1));
    let phone = world.enroll("Phone").await;
    (world, phone)
}

/// A sound statement about Alice, with these claims in place of its own; `null` takes one away.
fn claims(others: Value) -> Value {
    let mut claims = json!({ "iss": HINTS, "aud": ISSUER, "iat": NOW, "exp": NOW + 60, "email": "Alice@Example.com" });
    for (name, value) in others.as_object().expect("claims") {
        match value {
            Value::Null => drop(claims.as_object_mut().expect("claims").remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

impl World {
    async fn hint(&self, client: &str, name: &str, token: &str) -> Reply {
        self.post(client, BC, &[("scope", "openid"), ("interaction_type", "boolean"), (name, token)]).await
    }
}

fn said(reply: &Reply) -> (u16, String, String) {
    (reply.status.as_u16(), reply.text("error"), reply.text("error_description"))
}

#[tokio::test]
async fn b04_two_hints_are_refused_whichever_they_are() {
    let world = World::new();
    let hints = [("login_hint", "alice"), ("id_token_hint", "a.b.c"), ("login_hint_token", "a.b.c")];
    for pair in [[0, 1], [0, 2], [1, 2]] {
        let reply = world.post("till", BC, &[("scope", "openid"), hints[pair[0]], hints[pair[1]]]).await;
        assert_eq!(reply.text("error"), "invalid_request", "{pair:?}");
        assert!(reply.text("error_description").starts_with("send one hint only"), "{}", reply.body);
    }
    let none = world.post("till", BC, &[("scope", "openid")]).await;
    assert_eq!(none.text("error"), "invalid_request");
}

#[tokio::test]
async fn b07_a_hint_token_may_have_what_other_libraries_write() {
    let issuer = Issuer::new(1);
    let (world, mut phone) = world_that_trusts(&issuer).await;
    let token = issuer.sign_payload(&json!({ "alg": "ES256" }), &foreign_payload(&claims(json!({}))));
    let reply = world.hint("till", "login_hint_token", &token).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(phone.next_challenge(&world.side).await.claims().sub.as_str(), "alice");
}

#[tokio::test]
async fn b07_an_id_token_names_its_subject_to_its_own_client_even_when_it_has_expired() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.approved(&mut phone).await;
    let tokens = world.poll("till", &id).await;
    let (id_token, access_token) = (tokens.text("id_token"), tokens.text("access_token"));

    assert_eq!(world.hint("till", "id_token_hint", &id_token).await.status, StatusCode::OK);
    assert_eq!(phone.next_challenge(&world.side).await.claims().sub.as_str(), "alice");
    world.advance_seconds(29 * 86_400);
    assert_eq!(world.hint("till", "id_token_hint", &id_token).await.status, StatusCode::OK, "expired somewhat");

    let refused = |words: &str| (400, "invalid_request".to_owned(), format!("id_token_hint: {words}"));
    let by_another = world.hint("kiosk", "id_token_hint", &id_token).await;
    assert_eq!(said(&by_another), refused("it was issued to another client"));
    let no_id_token = world.hint("till", "id_token_hint", &access_token).await;
    assert_eq!(said(&no_id_token), refused("its typ is that of another kind of token"));
    let (input, signature) = id_token.rsplit_once('.').expect("three parts");
    let signature = format!("{}{}", if signature.starts_with('A') { "B" } else { "A" }, &signature[1..]);
    let changed = world.hint("till", "id_token_hint", &format!("{input}.{signature}")).await;
    assert_eq!(said(&changed), refused("its signature is by none of the keys it may be by"));

    world.advance_seconds(2 * 86_400);
    let old = world.hint("till", "id_token_hint", &id_token).await;
    assert_eq!(said(&old), refused("it expired more than 30 days ago"));
}

#[tokio::test]
async fn b07_an_id_token_of_anybody_else_is_refused() {
    let world = World::new();
    let stranger = Issuer::new(77);
    let claims = json!({ "iss": ISSUER, "aud": "till", "sub": "alice", "iat": NOW, "exp": NOW + 60 });
    let none =
        format!("{}.{}.", base64url::encode(br#"{"alg":"none"}"#), base64url::encode(claims.to_string().as_bytes()));
    for (token, words) in [
        (stranger.plain(&claims), "its signature is by none of the keys it may be by"),
        (none, "its alg is not one of those accepted: ES256, PS256, RS256"),
        (
            stranger.sign(&json!({ "alg": "HS256" }), &claims),
            "its alg is not one of those accepted: ES256, PS256, RS256",
        ),
    ] {
        let reply = world.hint("till", "id_token_hint", &token).await;
        assert_eq!(said(&reply), (400, "invalid_request".to_owned(), format!("id_token_hint: {words}")));
    }
}

#[tokio::test]
async fn b07_a_login_hint_token_names_somebody_by_the_claim_that_the_operator_chose() {
    let issuer = Issuer::new(5);
    let (world, mut phone) = world_that_trusts(&issuer).await;
    for others in [json!({}), json!({ "aud": [ISSUER] }), json!({ "iat": null }), json!({ "nbf": NOW, "x": 1 })] {
        let reply = world.hint("till", "login_hint_token", &issuer.plain(&claims(others.clone()))).await;
        assert_eq!(reply.status, StatusCode::OK, "{others}: {}", reply.body);
        assert_eq!(phone.next_challenge(&world.side).await.claims().sub.as_str(), "alice");
    }
    let nobody = issuer.plain(&claims(json!({ "email": "mallory@example.com" })));
    assert_eq!(world.hint("till", "login_hint_token", &nobody).await.text("error"), "unknown_user_id");
    assert_eq!(world.hint("kiosk", "login_hint_token", &nobody).await.status, StatusCode::OK, "hidden");
}

#[tokio::test]
async fn b07_the_keys_of_an_issuer_of_hints_may_be_at_an_address() {
    let (issuer, successor) = (Issuer::new(5), Issuer::new(6));
    let document = Document::serve(issuer.jwks()).await;
    let trusted = format!(
        "[egress]\nallow = [\"127.0.0.1\"]\n\n[[login_hint_issuers]]\nissuer = \"{HINTS}\"\njwks_uri = \"{}\"\nsubject_claim = \"email\"\n\n[[users]]\nsub = \"alice\"",
        document.address
    );
    let world = World::with(&CONFIG.replacen("[[users]]\nsub = \"alice\"", &trusted, 1));
    let _phone = world.enroll("Phone").await;
    let hint = async |by: &Issuer| {
        world.hint("till", "login_hint_token", &by.plain(&claims(json!({ "exp": NOW + 600 })))).await
    };
    for _ in 0..2 {
        let reply = hint(&issuer).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    }
    assert_eq!(document.fetched(), 1);

    // It has another key now, which is found as soon as the address may be asked again.
    document.becomes(Some(successor.jwks()));
    assert_eq!(said(&hint(&successor).await).0, 400, "within a minute");
    world.advance_seconds(60);
    assert_eq!(hint(&successor).await.status, StatusCode::OK);
    let former = said(&hint(&issuer).await);
    assert_eq!(former.2, "login_hint_token: its signature is by none of the keys it may be by");
    assert_eq!(document.fetched(), 2);
}

/// FAPI-CIBA, draft 3: what an ecosystem calls its tokens is told in discovery, and clients register for some.
#[tokio::test]
async fn c05_a_client_registers_which_types_of_login_hint_token_it_sends() {
    const CPF: &str = "urn:example:login-hint-token-type:cpf";
    let (typed, untyped) = (Issuer::new(5), Issuer::new(6));
    let issuer = |name: &str, keys: &Issuer, more: &str| {
        format!(
            "[[login_hint_issuers]]\nissuer = \"{name}\"\njwks = '{}'\nsubject_claim = \"email\"\n{more}\n",
            keys.jwks()
        )
    };
    let trusted = format!(
        "{}{}\n[[clients]]\nclient_id = \"cpf-only\"\nsecret = \"{SECRET}\"\nbackchannel_endpoint_login_hint_token_types = [\"{CPF}\"]\n\n[[users]]\nsub = \"alice\"",
        issuer(HINTS, &typed, &format!("type = \"{CPF}\"")),
        issuer("https://other.example", &untyped, "")
    );
    let config = CONFIG.replacen("[[users]]\nsub = \"alice\"", &trusted, 1);
    let world = World::with(&config);
    let _phone = world.enroll("Phone").await;
    let metadata = world.get("/tenant/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["backchannel_endpoint_login_hint_token_types_supported"], json!([CPF]));

    let other = untyped.plain(&claims(json!({ "iss": "https://other.example" })));
    for (client, token, expected) in [
        ("cpf-only", typed.plain(&claims(json!({}))), None),
        (
            "cpf-only",
            other.clone(),
            Some(
                "login_hint_token: it is of a type that this client is not registered for: add it to its backchannel_endpoint_login_hint_token_types",
            ),
        ),
        ("till", other, None),
    ] {
        let reply = world.hint(client, "login_hint_token", &token).await;
        assert_eq!(reply.json()["error_description"].as_str(), expected, "{client}: {}", reply.body);
    }
    let unknown = config.replacen(&format!("types = [\"{CPF}\"]"), "types = [\"urn:example:other\"]", 1);
    let Err(faults) = Config::parse(&unknown, Path::new(".")) else { panic!("nobody has this type") };
    let words = "no hint issuer has the type \"urn:example:other\"; add it to [[login_hint_issuers]] as its `type`";
    assert!(faults.iter().any(|fault| fault.to_string().contains(words)), "{faults:?}");
}

#[tokio::test]
async fn b05_an_expired_login_hint_token_is_reported_as_such() {
    let issuer = Issuer::new(5);
    let (world, _phone) = world_that_trusts(&issuer).await;
    let token = issuer.plain(&claims(json!({})));
    world.advance_seconds(60);
    let reply = world.hint("till", "login_hint_token", &token).await;
    let words = "login_hint_token: it has expired: get a new one".to_owned();
    assert_eq!(said(&reply), (400, "expired_login_hint_token".to_owned(), words));
}

#[tokio::test]
async fn b07_a_login_hint_token_that_cannot_be_trusted_is_refused() {
    let (issuer, stranger) = (Issuer::new(5), Issuer::new(6));
    let (world, mut phone) = world_that_trusts(&issuer).await;
    let own = |others: Value| issuer.plain(&claims(others));
    let audience = "aud must be this provider's issuer and nothing else";
    let unnamed = "it names no user: email is missing, empty or longer than 255 bytes";
    for (token, words) in [
        (stranger.plain(&claims(json!({}))), "its signature is by none of the keys it may be by"),
        (own(json!({ "iss": "https://evil.example" })), "its issuer is not trusted by this provider"),
        (own(json!({ "iss": format!("{HINTS}/") })), "its issuer is not trusted by this provider"),
        (own(json!({ "iss": null })), "iss is missing"),
        (own(json!({ "aud": null })), audience),
        (own(json!({ "aud": "https://id.example" })), audience),
        (own(json!({ "aud": [ISSUER, "https://other.example"] })), audience),
        (own(json!({ "exp": null })), "exp is missing"),
        (own(json!({ "exp": "1800000060" })), "exp must be a number of seconds since 1970"),
        (own(json!({ "iat": NOW + 31 })), "iat is in the future"),
        (own(json!({ "nbf": NOW + 31 })), "nbf is in the future"),
        (own(json!({ "email": null, "sub": "alice" })), unnamed),
        (own(json!({ "email": ["alice@example.com"] })), unnamed),
        (own(json!({ "email": "" })), unnamed),
        (
            issuer.sign(&json!({ "alg": "ES256", "typ": "at+jwt" }), &claims(json!({}))),
            "its typ is that of another kind of token",
        ),
        (
            issuer.sign(&json!({ "alg": "none" }), &claims(json!({}))),
            "its alg is not one of those accepted: ES256, PS256, RS256",
        ),
    ] {
        let reply = world.hint("till", "login_hint_token", &token).await;
        assert_eq!(said(&reply), (400, "invalid_request".to_owned(), format!("login_hint_token: {words}")));
    }
    assert_eq!(phone.pull(&world.side).await.challenges.len(), 0, "nobody was asked");
}
