//! `id_token_signed_response_alg`: ID tokens verify with the published keys.

use countersign_jose::base64url;
use countersign_testing_gateway::DeviceCalls as _;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents};
use serde_json::Value;

use crate::world::{BC, CONFIG, World};

fn with_client(alg: &str) -> String {
    format!(
        "{CONFIG}\n[[clients]]\nclient_id = \"reader-{alg}\"\nsecret = \"f7c09d1c2b8e4a6590d3b1a7e2c45f68\"\nfirst_party = true\nid_token_signed_response_alg = \"{alg}\"\n"
    )
}

async fn id_token(world: &World, client: &str) -> String {
    let mut device = world.enroll("phone").await;
    let form = [("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")];
    let asked = world.post(client, BC, &form).await;
    let challenge = device.next_challenge(&world.side).await;
    let answer = device.approve(&challenge, None);
    device.send_answer(&world.side, challenge.id(), &answer).await;
    world.poll(client, &asked.text("auth_req_id")).await.text("id_token")
}

async fn keys(world: &World) -> Vec<Value> {
    world.get("/tenant/jwks").await.json()["keys"].as_array().expect("keys").clone()
}

/// Whether the one RSA key that is published made this token.
fn verifies(token: &str, keys: &[Value], parameters: &RsaParameters) -> bool {
    let key = keys.iter().find(|key| key["kty"] == "RSA").expect("an RSA key");
    let bytes = |name: &str| base64url::decode(key[name].as_str().expect("text")).expect("base64url");
    let (n, e) = (bytes("n"), bytes("e"));
    let (input, signature) = token.rsplit_once('.').expect("three parts");
    let signature = base64url::decode(signature).expect("base64url");
    RsaPublicKeyComponents { n: &n, e: &e }.verify(parameters, input.as_bytes(), &signature).is_ok()
}

fn header(token: &str) -> Value {
    let header = token.split('.').next().expect("a header");
    serde_json::from_slice(&base64url::decode(header).expect("base64url")).expect("JSON")
}

#[tokio::test]
async fn an_id_token_is_signed_as_its_client_registered() {
    for (alg, parameters) in [("RS256", &RSA_PKCS1_2048_8192_SHA256), ("PS256", &RSA_PSS_2048_8192_SHA256)] {
        let world = World::with(&with_client(alg));
        let token = id_token(&world, &format!("reader-{alg}")).await;
        let keys = keys(&world).await;
        assert_eq!(header(&token)["alg"], alg);
        assert_eq!((keys.len(), &keys[0]["kty"]), (3, &"EC".into()));
        let named: Vec<&Value> = keys.iter().filter(|key| key["kid"] == header(&token)["kid"]).collect();
        assert_eq!(
            (named.len(), &named[0]["alg"]),
            (1, &alg.into()),
            "one key has this kid, and is for this algorithm"
        );
        assert!(verifies(&token, &keys, parameters), "{alg}");
        let mut other = token.clone();
        other.insert(other.find('.').expect("a dot") + 1, 'A');
        assert!(!verifies(&other, &keys, parameters), "an altered token");
        let es = id_token(&world, "till").await;
        assert_eq!(header(&es)["alg"], "ES256", "other clients' tokens stay as they were");
    }
}

#[tokio::test]
async fn the_key_is_made_once_and_only_if_a_client_needs_it() {
    let world = World::new();
    assert_eq!(keys(&world).await.len(), 1);
    let world = world.restarted_with(&with_client("RS256"));
    let first = keys(&world).await;
    assert_eq!(first.len(), 3);
    let world = world.restarted_with(CONFIG);
    assert_eq!(keys(&world).await, first, "what was signed by it can still be verified");
}

#[tokio::test]
async fn a_client_that_is_added_while_the_provider_runs_gets_its_tokens_too() {
    let world = World::new();
    let admin = match countersign_op::Provider::open_for_admin(world.config(), world.home(), world.ports()) {
        Ok(provider) => provider,
        Err(error) => panic!("{error}"),
    };
    let entry = "[[clients]]\nclient_id = \"late\"\nfirst_party = true\nid_token_signed_response_alg = \"RS256\"\n";
    let Ok(added) = admin.add_client(entry).await else { panic!("a sound entry") };
    assert!(added.secret.is_some());
    let published = keys(&world).await;
    assert_eq!(published.len(), 3, "the process that serves publishes the key that another has made");
}

#[tokio::test]
async fn a_damaged_key_stops_the_provider_with_its_name() {
    let world = World::with(&with_client("RS256"));
    let path = world.home().join("keys/token-rsa.p8");
    std::fs::write(&path, b"not a key").expect("written");
    let opened = countersign_op::Provider::open_for_admin(world.config(), world.home(), world.ports());
    let words = opened.err().expect("refused").to_string();
    assert!(words.contains("token-rsa.p8"), "{words}");
}
