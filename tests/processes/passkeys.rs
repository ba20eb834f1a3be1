//! A page with a passkey at a real provider: what operator, client and verifier are told of it.

use std::net::{Ipv4Addr, SocketAddr};

use countersign_testing::fixture::private_key;
use countersign_testing::passkey::attestation::{Format, TestMaker};
use countersign_testing::passkey::{UP, UV};
use countersign_tests::process::Process;
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;
use countersign_tests::{tokens, wire_device};
use serde_json::{Value, json};

/// The issuer must have a name, for which browsers make passkeys.
fn provider<'a>(env: &'a TestEnv, maker: &TestMaker) -> Provider<'a> {
    // `localhost` is 127.0.0.1, which tests share: the port is this process's, and another one than that of the other test there.
    let port = 20_000 + ((std::process::id() + 6_000) % 12_000) as u16;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    std::fs::write(env.path("maker.pem"), maker.root_pem()).unwrap();
    let more = "[devices]\npasskeys = \"device_bound\"\nattestation_roots = [\"maker.pem\"]\n".to_owned();
    let issuer = Some(format!("http://localhost:{port}"));
    Provider::start_at(env, "provider", address, &Settings { issuer, more, ..Settings::default() })
}

#[test]
fn an_attested_passkey_is_named_to_operator_client_and_verifier_also_after_it_registered_again() {
    let (env, maker) = (TestEnv::new(), TestMaker::new(private_key(20), private_key(21)));
    let provider = provider(&env, &maker);
    let page = wire_device::enroll_page(&provider.link("alice"), "Phone", |passkey, challenge| {
        passkey.flags = UP | UV;
        passkey.aaguid = [7; 16];
        maker.create(Format::Packed, passkey, challenge)
    });
    let mut device = wire_device::resume(&page);
    assert_ne!(page.id(), device.id());
    wire_device::fetch(&mut device);
    let listed = provider.op(&["device", "list", "alice"]).expect_code(0).lines("device");
    let own = listed.iter().find(|one| one["device_id"] == json!(device.id())).expect("it is listed");
    assert_eq!(own["status"], "active");
    assert_eq!((&own["approval_key_type"], &own["shared"]), (&json!("webauthn"), &json!(false)));
    assert_eq!((&own["key_protection"], &own["key_verified"]), (&json!("passkey"), &json!("passkey")));
    assert_eq!(own["code_origin"], provider.issuer());
    assert_eq!(
        own["webauthn"],
        json!({
            "origin": provider.issuer(), "rp_id": "localhost", "backup_eligible": false, "attestation": "verified",
            "aaguid": "07070707-0707-0707-0707-070707070707", "backup_state": false,
        })
    );
    let revoked = listed.iter().find(|one| one["device_id"] == json!(page.id())).expect("it is listed");
    assert_eq!(revoked["status"], "revoked");

    let acknowledged = provider.till().ask(&[("interaction_type", "boolean")]);
    let challenge = wire_device::only_challenge(&mut device);
    let answer = device.approve(&challenge, None);
    assert_eq!(wire_device::send_answer(&device, challenge.id(), &answer).status, 200);
    let received: Value = serde_json::from_slice(&provider.till().poll_to_the_end(&acknowledged).body).unwrap();
    let claims = tokens::verified(provider.issuer(), &received["id_token"]).claims;
    assert_eq!(claims["amr"], json!(["hwk", "user", "mfa"]));
    let key = json!({
        "type": "webauthn", "protection": "passkey", "verified": "passkey", "backup_eligible": false,
    });
    assert_eq!(claims["approval"]["key"], key);

    let id = claims["approval"]["id"].as_str().unwrap();
    let evidence = provider.op(&["evidence", id]).expect_code(0).output.join("\n") + "\n";
    let file = env.path("evidence");
    std::fs::write(&file, evidence).unwrap();
    let trust = format!("{}={}", provider.issuer(), device.keys().root());
    let arguments = ["verify", file.to_str().unwrap(), "--trust", &trust, "--approved", "--json"];
    let verified = Process::start(&env, "verify", env.command(&arguments)).finish().expect_code(0).line("verified");
    assert_eq!((&verified["page"], &verified["page_of_provider"]), (&json!(provider.issuer()), &json!(true)));
    assert_eq!(verified["key"]["verified"], "passkey");
    assert_eq!((&verified["key"]["backup_eligible"], &verified["key"]["backup_state"]), (&json!(false), &json!(false)));
}
