//! Practice requests of a running provider: answered like any other, evidence of nothing, and forgotten.

use countersign_device::edge::system;
use countersign_device::{Device as OpenDevice, Ports};
use countersign_protocol::evidence::Evidence;
use countersign_protocol::manifest::ManifestChain;
use countersign_testing::http::Method;
use countersign_tests::device::{Device, id};
use countersign_tests::process::Process;
use countersign_tests::provider::Provider;
use countersign_tests::test_env::TestEnv;
use countersign_tests::{http, wire_device};
use serde_json::json;

#[test]
fn practice_is_answered_and_evidence_of_nothing() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let mut device = wire_device::enroll(&provider.link("alice"), "phone");
    let begun = wire_device::call(&device, &Method::POST, "/push/device/practice", None);
    assert_eq!((begun.status, begun.text()), (202, String::new()));
    let challenge = wire_device::only_challenge(&mut device);
    assert!(challenge.claims().practice);

    let manifests = http::send("GET", &format!("{}/push/manifests", provider.issuer()), &[], b"");
    let chain: ManifestChain = serde_json::from_slice(&manifests.body).expect("the manifests");
    let file = env.path("practice.evidence");
    let exported = |outcome| {
        let evidence = Evidence {
            manifests: chain.manifests.clone(),
            statements: device.statements.clone(),
            challenge: challenge.compact().clone(),
            answer: None,
            transcript: None,
            outcome,
            disputed: None,
        };
        std::fs::write(&file, evidence.to_file()).expect("written");
        let trust = format!("{}={}", provider.issuer(), device.keys().root());
        let command = env.command(&["verify", file.to_str().expect("a path"), "--trust", &trust, "--json"]);
        Process::start(&env, "verify", command).finish()
    };
    exported(None).expect_code(5);
    let refused = provider.op(&["evidence", challenge.id().as_str()]).expect_code(2).line("error");
    assert!(refused["message"].as_str().is_some_and(|words| words.contains("practice")), "{refused}");
    let traced = provider.op(&["trace", challenge.id().as_str()]).expect_code(0).lines("step");
    assert_eq!(traced[0]["practice"], true);

    let mut answering = device.copy();
    answering.statements.clone_from(&device.statements);
    let answer = answering.approve(&challenge, None);
    let answered = wire_device::send_answer(&answering, challenge.id(), &answer);
    assert_eq!(answered.status, 200, "{}", answered.text());
    let outcome = serde_json::from_value(answered.json()["outcome"].clone()).expect("an outcome");
    exported(Some(outcome)).expect_code(5);
}

#[test]
fn a_device_practises_and_keeps_nothing_of_it() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let device = Device::enrolled(&env, "desk", &provider, "alice");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let ports = Ports::new(system::clock(), system::random()).expect("ports");
        let open = OpenDevice::open(&device.home(), ports).await.expect("opened");
        let account = open.accounts().await.expect("accounts").remove(0).account;
        open.practise(&account).await.expect("asked for");
    });
    drop(runtime);

    let practice = device.only_pending();
    assert_eq!((&practice["practice"], &practice["client"]["id"]), (&json!(true), &json!(provider.issuer())));
    let answered = device.answer(id(&practice), &["approve"]).expect_code(0).line("answered");
    assert_eq!((&answered["practice"], &answered["outcome"]), (&json!(true), &json!("approved")));
    assert!(device.run(&["history"]).expect_code(0).lines("history").is_empty());
    device.run(&["evidence", id(&practice)]).expect_code(2);
    assert!(device.pending().is_empty());

    let acknowledged = provider.till().ask(&[("interaction_type", "boolean")]);
    let real = device.only_pending();
    assert_eq!(real["practice"], false, "{real}");
    device.answer(id(&real), &["approve"]).expect_code(0);
    assert_eq!(provider.till().poll_to_the_end(&acknowledged).status, 200);
    assert_eq!(device.run(&["history"]).expect_code(0).lines("history").len(), 1);
}
