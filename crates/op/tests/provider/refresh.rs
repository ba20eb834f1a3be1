//! Refresh tokens: which clients get them, single use, and what ends a family.

use axum::http::{HeaderValue, StatusCode, header};
use countersign_jose::hash::Hash;
use countersign_op::PeerCertificate;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};
use serde_json::{Value, json};

use crate::client_keys::{ClientKey, self_signed};
use crate::sender_constrained_tokens::{claims, proof};
use crate::world::{BC, CONFIG, Reply, SECRET, TOKEN, World, basic, form_request};

const REVOKE: &str = "/tenant/revoke";
const INTROSPECT: &str = "/tenant/introspect";
const DAY: u64 = 86_400;
const PAYMENT: &str = r#"[ {"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"80.00"},"creditorName":"Acme Coffee"} ]"#;

/// [`CONFIG`] with the clients `app` and `other`, which get refresh tokens.
fn config() -> String {
    let client = |id: &str| {
        format!(
            "\n[[clients]]\nclient_id = \"{id}\"\nsecret = \"{SECRET}\"\nfirst_party = true\ngrant_types = [\"urn:openid:params:grant-type:ciba\", \"refresh_token\"]\n"
        )
    };
    format!("{CONFIG}{}{}", client("app"), client("other"))
}

async fn ask(world: &World, device: &mut TestDevice, client: &str, scope: &str, more: &[(&str, &str)]) -> Reply {
    let form = [("scope", scope), ("login_hint", "alice"), ("interaction_type", "boolean")];
    let asked = world.post(client, BC, &[&form[..], more].concat()).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    world.approve(device, None).await;
    world.poll(client, &asked.text("auth_req_id")).await
}

/// A refresh token that the client `app` got for Alice's approval.
async fn first(world: &World, device: &mut TestDevice) -> String {
    let tokens = ask(world, device, "app", "openid profile offline_access", &[]).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    tokens.text("refresh_token")
}

async fn refresh(world: &World, client: &str, token: &str, more: &[(&str, &str)]) -> Reply {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    world.post(client, TOKEN, &[&form[..], more].concat()).await
}

#[track_caller]
fn assert_good(reply: &Reply) -> String {
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    reply.text("refresh_token")
}

#[track_caller]
fn assert_refused(reply: &Reply, words: &str) {
    assert_eq!((reply.status, reply.text("error")), (StatusCode::BAD_REQUEST, "invalid_grant".to_owned()));
    assert!(reply.text("error_description").contains(words), "{}", reply.body);
}

impl World {
    async fn claims_of(&self, tokens: &Reply, name: &str) -> Value {
        let (_, claims) = self.open(&tokens.text(name)).await;
        serde_json::from_str(&claims).expect("claims")
    }

    /// Whether a file of the home has this text in it.
    fn holds(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.home()).expect("a folder").map(|file| file.expect("an entry").path());
        files.filter(|path| path.is_file()).any(|path| {
            let bytes = std::fs::read(&path).expect("a file");
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }
}

#[tokio::test]
async fn a_refresh_token_brings_new_tokens_about_the_same_approval() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let tokens = ask(&world, &mut device, "app", "openid offline_access", &[("authorization_details", PAYMENT)]).await;
    let token = assert_good(&tokens);
    assert_eq!(token.strip_prefix("rf_").map(str::len), Some(43));
    assert_eq!(tokens.text("scope"), "openid offline_access");
    assert!(!world.holds(&token), "a file contains the token");

    world.advance_seconds(3600);
    let new = refresh(&world, "app", &token, &[]).await;
    assert_ne!(assert_good(&new), token);
    assert!(new.body.ends_with(&format!(",\"authorization_details\":{PAYMENT}}}")), "{}", new.body);
    let (old_id, new_id) = (world.claims_of(&tokens, "id_token").await, world.claims_of(&new, "id_token").await);
    // OpenID Connect Core §12.2.
    for member in ["iss", "sub", "aud", "auth_time", "acr", "amr", "approval"] {
        assert_eq!(old_id[member], new_id[member], "{member}");
    }
    assert_eq!(new_id["iat"].as_u64(), old_id["iat"].as_u64().map(|iat| iat + 3600));
    assert_eq!(new_id.get("urn:openid:params:jwt:claim:auth_req_id"), None);
    let access = world.claims_of(&new, "access_token").await;
    assert_eq!((&access["scope"], &access["client_id"]), (&json!("openid offline_access"), &json!("app")));
    assert_ne!(access["jti"], world.claims_of(&tokens, "access_token").await["jti"]);
}

#[tokio::test]
async fn offline_access_is_granted_only_to_clients_that_are_registered_for_refresh_tokens() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let tokens = ask(&world, &mut device, "till", "openid offline_access", &[]).await;
    assert_eq!((tokens.text("scope").as_str(), tokens.json().get("refresh_token")), ("openid", None));
    let tokens = ask(&world, &mut device, "app", "openid", &[]).await;
    assert_eq!(tokens.json().get("refresh_token"), None, "who did not ask for it gets none");
    let reply = refresh(&world, "till", "rf_x", &[]).await;
    assert_eq!(reply.text("error"), "unauthorized_client");
    assert!(reply.text("error_description").contains("add it to its grant_types"));
    assert_refused(&refresh(&world, "app", "rf_x", &[]).await, "is not known");
    let missing = world.post("app", TOKEN, &[("grant_type", "refresh_token")]).await;
    assert_eq!(missing.text("error"), "invalid_request");
}

#[tokio::test]
async fn a_refresh_token_that_is_used_again_ends_its_family() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let one = first(&world, &mut device).await;
    let two = assert_good(&refresh(&world, "app", &one, &[]).await);
    let three = assert_good(&refresh(&world, "app", &two, &[]).await);
    let access = refresh(&world, "app", &three, &[]).await;
    let three = assert_good(&access);
    let access = access.text("access_token");
    assert_eq!(world.post("app", INTROSPECT, &[("token", &access)]).await.json()["active"], true);
    assert_refused(&refresh(&world, "app", &one, &[]).await, "was used before");
    assert_eq!(world.post("app", INTROSPECT, &[("token", &access)]).await.body, r#"{"active":false}"#);
    for token in [&one, &two, &three] {
        assert_refused(&refresh(&world, "app", token, &[]).await, "was revoked, or one of its family was used twice");
    }
    assert_eq!(world.post("app", INTROSPECT, &[("token", &three)]).await.body, r#"{"active":false}"#);
}

#[tokio::test]
async fn a_reply_that_was_lost_can_be_had_again_for_half_a_minute() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let one = first(&world, &mut device).await;
    let lost = assert_good(&refresh(&world, "app", &one, &[]).await);
    world.advance_seconds(29);
    let world = world.restarted_with(&config());
    let two = assert_good(&refresh(&world, "app", &one, &[]).await);
    let three = assert_good(&refresh(&world, "app", &two, &[]).await);
    assert_refused(&refresh(&world, "app", &lost, &[]).await, "was used before");
    assert_refused(&refresh(&world, "app", &three, &[]).await, "used twice");

    let one = first(&world, &mut device).await;
    assert_good(&refresh(&world, "app", &one, &[]).await);
    world.advance_seconds(20);
    assert_good(&refresh(&world, "app", &one, &[]).await);
    world.advance_seconds(10);
    assert_refused(&refresh(&world, "app", &one, &[]).await, "was used before");
}

#[tokio::test]
async fn another_clients_refresh_token_is_of_no_use_and_stays_whole() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let token = first(&world, &mut device).await;
    assert_refused(&refresh(&world, "other", &token, &[]).await, "is not known, or belongs to another client");
    assert_eq!(world.post("other", REVOKE, &[("token", &token)]).await.status, StatusCode::OK);
    assert_eq!(world.post("other", INTROSPECT, &[("token", &token)]).await.body, r#"{"active":false}"#);
    assert_good(&refresh(&world, "app", &token, &[]).await);
}

#[tokio::test]
async fn a_refresh_may_ask_for_less_and_never_for_more() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let one = first(&world, &mut device).await;
    for wrong in ["openid email", "profile", "openid  profile"] {
        let reply = refresh(&world, "app", &one, &[("scope", wrong)]).await;
        assert_eq!(
            (reply.status, reply.text("error")),
            (StatusCode::BAD_REQUEST, "invalid_scope".to_owned()),
            "{wrong}"
        );
    }
    let narrower = refresh(&world, "app", &one, &[("scope", "openid")]).await;
    let two = assert_good(&narrower);
    assert_eq!(world.claims_of(&narrower, "access_token").await["scope"], "openid");
    let whole = refresh(&world, "app", &two, &[]).await;
    assert_eq!(whole.text("scope"), "openid profile offline_access", "what was granted stays granted (RFC 6749 §6)");
}

#[tokio::test]
async fn a_family_is_bound_to_the_key_that_its_first_tokens_are_bound_to() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let (key, thief) = (ClientKey::p256(1), ClientKey::p256(2));
    let send = async |form: &[(&str, &str)], proof: Option<String>| {
        let mut request = form_request(TOKEN, Some(&basic("app", SECRET)), form);
        if let Some(proof) = proof {
            request.headers_mut().append("dpop", HeaderValue::from_str(&proof).expect("ASCII"));
        }
        world.send(request).await
    };
    let form = [("scope", "openid offline_access"), ("login_hint", "alice"), ("interaction_type", "boolean")];
    let id = world.post("app", BC, &form).await.text("auth_req_id");
    world.approve(&mut device, None).await;
    let poll = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", id.as_str())];
    let token = assert_good(&send(&poll, Some(proof(&key, &claims()))).await);

    let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    for other in [None, Some(proof(&thief, &claims()))] {
        assert_refused(&send(&form, other).await, "is bound to a key or certificate that");
    }
    let new = send(&form, Some(proof(&key, &claims()))).await;
    assert_good(&new);
    assert_eq!(new.text("token_type"), "DPoP");
    assert!(world.claims_of(&new, "access_token").await["cnf"]["jkt"].is_string());
}

#[tokio::test]
async fn a_user_locked_or_an_approval_disputed_ends_refreshing() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let token = first(&world, &mut device).await;
    let locked = config().replace("name = \"Alice\"", "name = \"Alice\"\nlocked = true");
    let world = world.restarted_with(&locked);
    assert_refused(&refresh(&world, "app", &token, &[]).await, "locked or removed");
    let world = world.restarted_with(&config());
    assert_refused(&refresh(&world, "app", &token, &[]).await, "was revoked, or");
    world.advance_seconds(1);

    let token = first(&world, &mut device).await;
    let form = [("scope", "openid offline_access"), ("login_hint", "alice"), ("interaction_type", "boolean")];
    let id = world.post("app", BC, &form).await.text("auth_req_id");
    let challenge = device.next_challenge(&world.side).await;
    let answer = device.approve(&challenge, None);
    device.settle(&world.side, &challenge, &answer).await;
    let disputed = assert_good(&world.poll("app", &id).await);
    assert_eq!(device.dispute(&world.side, &challenge).await.status, StatusCode::OK);
    assert_refused(&refresh(&world, "app", &disputed, &[]).await, "disputed");
    assert_eq!(world.post("app", INTROSPECT, &[("token", &disputed)]).await.body, r#"{"active":false}"#);
    assert_good(&refresh(&world, "app", &token, &[]).await);
}

#[tokio::test]
async fn a_client_that_is_removed_and_added_again_finds_nothing_of_the_former_one() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let entry = "[[clients]]\nclient_id = \"late\"\nfirst_party = true\ngrant_types = [\"urn:openid:params:grant-type:ciba\", \"refresh_token\"]";
    let send = async |secret: &str, path: &str, form: &[(&str, &str)]| {
        world.send(form_request(path, Some(&basic("late", secret)), form)).await
    };
    let added = world.provider.add_client(entry).await.expect("added").secret.expect("a secret");
    let form = [("scope", "openid offline_access"), ("login_hint", "alice"), ("interaction_type", "boolean")];
    let id = send(added.expose(), BC, &form).await.text("auth_req_id");
    world.approve(&mut device, None).await;
    let poll = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", id.as_str())];
    let token = assert_good(&send(added.expose(), TOKEN, &poll).await);

    world.provider.remove_client("late").await.expect("removed");
    let added = world.provider.add_client(entry).await.expect("added again").secret.expect("a secret");
    let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    assert_refused(&send(added.expose(), TOKEN, &form).await, "was revoked, or");
}

#[tokio::test]
async fn a_device_revoked_since_the_approval_ends_refreshing() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let token = first(&world, &mut device).await;
    let by = countersign_protocol::revocation::RevokedBy::Operator;
    assert!(world.provider.gateway().revoke_device(device.id(), by).await.expect("revoked"));
    assert_refused(&refresh(&world, "app", &token, &[]).await, "the device that approved was revoked");
}

#[tokio::test]
async fn a_refresh_token_that_is_revoked_ends_its_family() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let one = first(&world, &mut device).await;
    let told = world.post("app", INTROSPECT, &[("token", &one)]).await.json();
    assert_eq!((&told["active"], &told["sub"], &told["client_id"]), (&json!(true), &json!("alice"), &json!("app")));
    let two = assert_good(&refresh(&world, "app", &one, &[]).await);
    // An older one of the family will do.
    assert_eq!(world.post("app", REVOKE, &[("token", &one)]).await.status, StatusCode::OK);
    assert_refused(&refresh(&world, "app", &two, &[]).await, "was revoked, or");
    assert_eq!(world.post("app", INTROSPECT, &[("token", &two)]).await.body, r#"{"active":false}"#);
    assert_eq!(world.post("app", REVOKE, &[("token", "rf_nobodys")]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn refreshing_ends_with_the_time_that_the_operator_allows_however_often_it_was_done() {
    let world = World::with(&config().replace("token_wait = 0", "token_wait = 0\nrefresh_ttl = \"2d\""));
    let mut device = world.enroll("phone").await;
    let one = first(&world, &mut device).await;
    world.advance_seconds(DAY);
    let two = assert_good(&refresh(&world, "app", &one, &[]).await);
    world.advance_seconds(DAY - 1);
    let three = assert_good(&refresh(&world, "app", &two, &[]).await);
    world.advance_seconds(1);
    assert_refused(&refresh(&world, "app", &three, &[]).await, "this refresh token has expired");
}

#[tokio::test]
async fn refreshing_is_as_limited_as_asking_and_takes_nothing_from_it() {
    let few = config()
        .replace("first_party = true\ngrant", "first_party = true\npolicy = { requests_per_minute = 2 }\ngrant");
    let world = World::with(&few);
    let mut device = world.enroll("phone").await;
    let one = first(&world, &mut device).await;
    let two = assert_good(&refresh(&world, "app", &one, &[]).await);
    let three = assert_good(&refresh(&world, "app", &two, &[]).await);
    let reply = refresh(&world, "app", &three, &[]).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS, "{}", reply.body);
    assert_eq!(reply.header(header::RETRY_AFTER), Some("60"));
    first(&world, &mut device).await;
    world.advance_seconds(60);
    assert_good(&refresh(&world, "app", &three, &[]).await);
}

#[tokio::test]
async fn a_client_taken_out_of_the_file_leaves_nothing_to_another_of_its_name() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let (of_app, of_other) =
        (first(&world, &mut device).await, ask(&world, &mut device, "other", "openid offline_access", &[]).await);
    let world = world.restarted_with(CONFIG);
    let world = world.restarted_with(&config());
    assert_refused(&refresh(&world, "app", &of_app, &[]).await, "was revoked, or");
    assert_refused(&refresh(&world, "other", &of_other.text("refresh_token"), &[]).await, "was revoked, or");
    let again = first(&world, &mut device).await;
    let world = world.restarted_with(&config());
    assert_good(&refresh(&world, "app", &again, &[]).await);
}

#[tokio::test]
async fn a_removed_user_brings_no_new_tokens() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let token = first(&world, &mut device).await;
    let world = world.restarted_with(&config().replace("sub = \"alice\"", "sub = \"alicia\""));
    assert_refused(&refresh(&world, "app", &token, &[]).await, "locked or removed");
    assert_eq!(world.post("app", INTROSPECT, &[("token", &token)]).await.body, r#"{"active":false}"#);
}

#[tokio::test]
async fn of_two_refreshes_at_once_one_successor_counts_and_the_other_is_void() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let one = first(&world, &mut device).await;
    let (left, right) = tokio::join!(refresh(&world, "app", &one, &[]), refresh(&world, "app", &one, &[]));
    // Both have their reply, as if the first had got lost on its way; the later one replaced the earlier one's.
    let (left, right) = (assert_good(&left), assert_good(&right));
    let told = async |token: &str| world.post("app", INTROSPECT, &[("token", token)]).await.json()["active"] == true;
    assert_ne!(told(&left).await, told(&right).await);
}

#[tokio::test]
async fn a_family_is_bound_to_the_certificate_of_its_first_tokens() {
    let bound = "tls_client_certificate_bound_access_tokens = true\nfirst_party = true\ngrant";
    let world = World::with(&config().replace("first_party = true\ngrant", bound));
    let mut device = world.enroll("phone").await;
    let ((ours, _), (another, _)) = (self_signed(), self_signed());
    let send = async |form: &[(&str, &str)], certificate: &[u8]| {
        let mut request = form_request(TOKEN, Some(&basic("app", SECRET)), form);
        request.extensions_mut().insert(PeerCertificate(certificate.to_vec()));
        world.send(request).await
    };
    let form = [("scope", "openid offline_access"), ("login_hint", "alice"), ("interaction_type", "boolean")];
    let id = world.post("app", BC, &form).await.text("auth_req_id");
    world.approve(&mut device, None).await;
    let poll = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", id.as_str())];
    let token = assert_good(&send(&poll, &ours).await);

    let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    assert_refused(&send(&form, &another).await, "is bound to a key or certificate that");
    let new = send(&form, &ours).await;
    let told = world.post("app", INTROSPECT, &[("token", &assert_good(&new))]).await.json();
    let cnf = json!({ "x5t#S256": Hash::of(&ours) });
    assert_eq!((&told["active"], &told["cnf"]), (&json!(true), &cnf));
    assert_eq!(world.claims_of(&new, "access_token").await["cnf"], cnf);
}

#[tokio::test]
async fn auth0s_token_path_refreshes_too() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let one = first(&world, &mut device).await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", one.as_str())];
    let two = assert_good(&world.post("app", "/tenant/oauth/token", &form).await);
    assert_good(&refresh(&world, "app", &two, &[]).await);
}
