//! Key rotation: earlier signatures stay valid, those of a compromised key don't.

use axum::http::StatusCode;
use countersign_jose::base64url;
use countersign_op::{KeyRecord, KeyState, Provider, RotateError};
use countersign_protocol::registration::Confirm;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};
use serde_json::Value;

use crate::directory::beside;
use crate::world::{BC, CONFIG, Reply, World};

const ASK: &[(&str, &str)] = &[("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")];
const DAY: u64 = 86_400;

async fn tokens(world: &World, device: &mut TestDevice, client: &str) -> Reply {
    let asked = world.post(client, BC, ASK).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    world.approve(device, None).await;
    let tokens = world.poll(client, &asked.text("auth_req_id")).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    tokens
}

fn header(token: &str) -> Value {
    let header = token.split('.').next().expect("a header");
    serde_json::from_slice(&base64url::decode(header).expect("base64url")).expect("JSON")
}

fn kid(tokens: &Reply, member: &str) -> String {
    header(&tokens.text(member))["kid"].as_str().expect("text").to_owned()
}

async fn published(world: &World) -> Vec<String> {
    let keys = world.get("/tenant/jwks").await.json()["keys"].as_array().expect("keys").clone();
    keys.iter().map(|key| key["kid"].as_str().expect("text").to_owned()).collect()
}

async fn is_active(world: &World, token: &str) -> bool {
    world.post("till", "/tenant/introspect", &[("token", token)]).await.json()["active"] == true
}

/// The keys of this name, as an operator is shown them.
fn listed(world: &World, name: &str) -> Vec<KeyRecord> {
    world.provider.keys().expect("listed").into_iter().filter(|key| key.name == name).collect()
}

fn states(world: &World, name: &str) -> Vec<KeyState> {
    listed(world, name).iter().map(|key| key.state).collect()
}

/// As the command does it, in a process of its own.
fn rotate(world: &World, compromised: bool) {
    beside(world).rotate_keys(compromised).expect("rotated");
    assert!(world.provider.reload_keys().expect("read"), "the serving process notices");
    assert!(!world.provider.reload_keys().expect("read"), "once");
}

#[tokio::test]
async fn a_new_token_key_is_published_before_it_signs_and_the_old_one_as_long_as_it_matters() {
    let world = World::with(&CONFIG.replace("token_wait = 0", "token_wait = 0\ntoken_ttl = \"1d\""));
    let mut device = world.enroll("phone").await;
    let old = tokens(&world, &mut device, "till").await;
    let first = published(&world).await;
    assert_eq!(first, [kid(&old, "access_token")]);

    rotate(&world, false);
    let both = published(&world).await;
    assert_eq!((both.len(), &both[0]), (2, &first[0]), "the one that signs stands first");
    assert_eq!(states(&world, "token"), [KeyState::Signs, KeyState::Next]);
    device.fetch_keys(&world.side).await;
    world.advance_seconds(599);
    assert_eq!(
        kid(&tokens(&world, &mut device, "till").await, "id_token"),
        first[0],
        "who kept the keys knows this one"
    );
    let again = beside(&world).rotate_keys(false);
    assert!(matches!(again, Err(RotateError::UnderWay { .. })), "{again:?}");

    world.advance_seconds(1);
    let new = tokens(&world, &mut device, "till").await;
    assert_eq!((kid(&new, "access_token"), kid(&new, "id_token")), (both[1].clone(), both[1].clone()));
    assert_eq!(published(&world).await, [both[1].clone(), first[0].clone()]);
    assert_eq!(states(&world, "token"), [KeyState::Former, KeyState::Signs]);
    for tokens in [&old, &new] {
        assert!(is_active(&world, &tokens.text("access_token")).await);
    }
    let hint = [("scope", "openid"), ("id_token_hint", &*old.text("id_token")), ("interaction_type", "boolean")];
    assert_eq!(
        world.post("till", BC, &hint).await.status,
        StatusCode::OK,
        "a hint by the old key names somebody still"
    );

    world.advance_seconds(32 * DAY - 1);
    assert_eq!(published(&world).await.len(), 2);
    world.advance_seconds(1);
    assert_eq!(published(&world).await, [both[1].clone()]);
    let world = world.restarted_with(CONFIG);
    assert_eq!(states(&world, "token"), [KeyState::Signs], "and its file is gone after a restart");
}

#[tokio::test]
async fn a_device_follows_the_gateways_key_and_what_the_former_one_signed_stays_good() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    world.post("till", BC, ASK).await;
    let before = device.next_challenge(&world.side).await;
    let key = |world: &World| listed(world, "gateway").into_iter().map(|key| key.kid).collect::<Vec<_>>();
    let former = key(&world);
    world.advance_seconds(10);
    rotate(&world, false);
    assert_eq!(states(&world, "gateway"), [KeyState::Former, KeyState::Signs]);
    assert_eq!(key(&world)[..1], former, "the manifest keeps what it listed");

    device.fetch_keys(&world.side).await;
    let answer = device.approve(&before, None);
    device.settle(&world.side, &before, &answer).await;
    // A restart finds the same keys; the next one goes on from there.
    let world = world.restarted_with(CONFIG);
    tokens(&world, &mut device, "till").await;
    world.advance_seconds(700);
    rotate(&world, false);
    device.fetch_keys(&world.side).await;
    tokens(&world, &mut device, "till").await;
    assert_eq!(states(&world, "gateway"), [KeyState::Former, KeyState::Former, KeyState::Signs]);
    assert_eq!(states(&world, "evidence-root"), [KeyState::Signs]);
}

#[tokio::test]
async fn a_folder_of_keys_that_is_moved_away_while_serving_is_not_made_anew() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let (keys, away) = (world.home().join("keys"), world.home().join("keys-away"));
    let before = published(&world).await;
    world.provider.reload_keys().expect("what the start has made");

    std::fs::rename(&keys, &away).expect("moved");
    assert!(world.provider.reload_keys().is_err(), "the missing folder is noticed");
    assert!(!keys.exists(), "and nothing is made in its place");
    assert_eq!(published(&world).await, before);
    tokens(&world, &mut device, "till").await;

    std::fs::rename(&away, &keys).expect("moved back");
    std::fs::rename(keys.join("evidence-root.p8"), world.home().join("root")).expect("moved");
    assert!(world.provider.reload_keys().is_err(), "a single missing key is noticed");
    assert!(!keys.join("evidence-root.p8").exists());
    std::fs::rename(world.home().join("root"), keys.join("evidence-root.p8")).expect("moved back");
    assert!(!world.provider.reload_keys().expect("read"), "everything is as it was");
    tokens(&world, &mut device, "till").await;
}

#[tokio::test]
async fn keys_from_before_a_rotation_do_not_serve_after_it() {
    let world = World::new();
    world.enroll("phone").await;
    let (keys, copy) = (world.home().join("keys"), world.home().join("keys-copy"));
    copy_folder(&keys, &copy);
    world.advance_seconds(5);
    rotate(&world, false);
    std::fs::remove_dir_all(&keys).expect("removed");
    std::fs::rename(&copy, &keys).expect("restored");
    assert!(world.provider.reload_keys().is_err(), "the former key was followed by another");
    let Err(refused) = Provider::open_for_admin(world.config(), world.home(), world.ports()) else {
        panic!("opened with a former key")
    };
    assert!(refused.to_string().contains("was followed by another, or revoked"), "{refused}");
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).expect("made");
    for entry in std::fs::read_dir(from).expect("readable") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
    }
}

#[tokio::test]
async fn a_link_made_before_a_rotation_enrolls_after_it() {
    let world = World::new();
    let link = world.side.link(Confirm::None).await;
    world.advance_seconds(5);
    rotate(&world, false);
    let mut device = world.side.device("phone");
    let response = device.register(&world.side, &link.link).await;
    assert_eq!(response.status, StatusCode::CREATED, "{response:?}");
    assert_eq!(states(&world, "registration"), [KeyState::Former, KeyState::Signs]);
}

#[tokio::test]
async fn what_a_stolen_key_signed_is_worth_nothing_from_the_rotation_on() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let old = tokens(&world, &mut device, "till").await;
    let stolen = world.side.link(Confirm::None).await.link;
    let mut late = world.side.device("late");
    let by_stolen_key = late.registration(&world.side, &stolen).await;
    world.advance_seconds(100);
    rotate(&world, false);
    world.advance_seconds(1);
    rotate(&world, true);
    assert_eq!(states(&world, "token"), [KeyState::Signs], "the one that was announced may be stolen too");
    assert_eq!(states(&world, "gateway"), [KeyState::Revoked, KeyState::Revoked, KeyState::Signs]);
    assert!(!is_active(&world, &old.text("access_token")).await);
    assert!(!published(&world).await.contains(&kid(&old, "access_token")));
    let hint = [("scope", "openid"), ("id_token_hint", &*old.text("id_token")), ("interaction_type", "boolean")];
    assert_eq!(world.post("till", BC, &hint).await.status, StatusCode::BAD_REQUEST);
    let refused = late.post_registration(&world.side, &by_stolen_key, &stolen).await;
    assert_eq!(refused.problem().1, "invalid_registration_token", "{refused:?}");

    device.fetch_keys(&world.side).await;
    let new = tokens(&world, &mut device, "till").await;
    assert!(is_active(&world, &new.text("access_token")).await);
    assert_eq!(published(&world).await, [kid(&new, "access_token")], "the new key signs at once");
    let world = world.restarted_with(CONFIG);
    assert!(is_active(&world, &new.text("access_token")).await);
}

#[tokio::test]
async fn a_database_of_before_a_rotation_takes_the_manifests_from_beside_the_keys() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let copy = world.home().join("copy.db");
    countersign_op::back_up(world.home(), &copy).expect("copied");
    world.advance_seconds(10);
    rotate(&world, false);
    device.fetch_keys(&world.side).await;
    let world = world.restored_from(&copy, CONFIG);
    assert_eq!(states(&world, "gateway"), [KeyState::Former, KeyState::Signs]);
    // The device saw the second manifest, and refuses a provider that does not show it.
    device.fetch_keys(&world.side).await;
    tokens(&world, &mut device, "till").await;
}

#[tokio::test]
async fn an_rsa_key_is_followed_too_and_none_is_made_where_nobody_needs_it() {
    let reader = "\n[[clients]]\nclient_id = \"reader-rs\"\nsecret = \"f7c09d1c2b8e4a6590d3b1a7e2c45f68\"\nfirst_party = true\nid_token_signed_response_alg = \"RS256\"\n";
    let world = World::with(&format!("{CONFIG}{reader}"));
    let mut device = world.enroll("phone").await;
    let old = kid(&tokens(&world, &mut device, "reader-rs").await, "id_token");
    rotate(&world, false);
    device.fetch_keys(&world.side).await;
    world.advance_seconds(600);
    let new = kid(&tokens(&world, &mut device, "reader-rs").await, "id_token");
    let published = published(&world).await;
    assert!(old != new && published.contains(&old) && published.contains(&new), "{published:?}");

    let without = World::new();
    rotate(&without, false);
    assert_eq!(states(&without, "token-rsa"), []);
}
