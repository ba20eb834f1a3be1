//! Every outcome of one request: approved, denied, `not_me`, expired, answered elsewhere, answered by rule.

use countersign_jose::hash::Hash;
use countersign_tests::client::PAYMENT;
use countersign_tests::device::{Device, id};
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;
use countersign_tests::tls::Certificates;
use countersign_tests::tokens;
use serde_json::{Value, json};

#[test]
fn an_approved_payment_gives_tokens_with_the_hashes_of_what_was_signed() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");

    let payment = ["--authorization-details", PAYMENT, "--binding-message", "POS terminal #14"];
    let (mut request, acknowledged) = provider.till().acknowledged(&payment);
    assert!(
        acknowledged["auth_req_id"].is_string() && acknowledged["expires_in"] == 300 && acknowledged["interval"] == 1
    );
    let challenge = phone.only_pending();
    let approved = phone.answer(id(&challenge), &["approve"]).expect_code(0).line("answered");
    let received = request.line("tokens");
    assert_eq!(request.exit(), 0);

    assert_eq!(challenge["kind"], "payment");
    assert_eq!(challenge["client"], json!({"id": "coffee-pos", "name": "Acme Coffee", "verified": true}));
    assert_eq!(challenge["binding_message"], "POS terminal #14");
    assert_eq!(challenge["authorization_details"], serde_json::from_str::<Value>(PAYMENT).unwrap());
    assert_eq!(challenge["interaction"]["type"], "boolean");
    assert!(challenge["issued_at"].as_u64().unwrap() < challenge["expires_at"].as_u64().unwrap());
    assert_eq!(
        (&approved["id"], &approved["decision"], &approved["outcome"]),
        (&challenge["id"], &json!("approved"), &json!("approved"))
    );

    let id_token = tokens::verified(provider.issuer(), &received["id_token"]);
    let access_token = tokens::verified(provider.issuer(), &received["access_token"]);
    assert_eq!(id_token.claims, received["id_token_claims"], "the command prints the claims it verified");
    assert_eq!((&id_token.header["typ"], &access_token.header["typ"]), (&json!("JWT"), &json!("at+jwt")));
    for claims in [&id_token.claims, &access_token.claims] {
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!(provider.issuer()), &json!("alice")));
        assert_eq!(claims["amr"], json!(["swk"]), "a PIN from the environment is a program's");
        assert_eq!(claims["acr"], "urn:countersign:acr:automated");
    }
    assert_eq!(
        (&id_token.claims["aud"], &access_token.claims["client_id"]),
        (&json!("coffee-pos"), &json!("coffee-pos"))
    );
    assert_eq!(id_token.claims["urn:openid:params:jwt:claim:auth_req_id"], acknowledged["auth_req_id"]);
    assert!(access_token.text.contains(PAYMENT), "the details are the client's bytes: {}", access_token.text);

    let evidence: Value = serde_json::from_str(&phone.evidence(id(&challenge))).unwrap();
    let hash = |member: &str| json!(Hash::of(evidence[member].as_str().unwrap()));
    let rests_on = json!({
        "id": id_token.claims["approval"]["id"],
        "ref": acknowledged["ref"],
        "challenge_hash": hash("challenge"),
        "answer_hash": hash("answer"),
        "details_hash": Hash::of(PAYMENT),
        "interaction": "boolean",
        "device_class": "automated",
        "key": { "type": "p256", "protection": "file_pin" },
    });
    assert!(rests_on["id"].as_str().unwrap().starts_with("ap_"));
    assert_eq!((&id_token.claims["approval"], &access_token.claims["approval"]), (&rests_on, &rests_on));
}

#[test]
fn a_denial_reaches_the_client_with_its_reason() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let (mut request, _) = provider.till().acknowledged(&["--authorization-details", PAYMENT]);

    let challenge = phone.only_pending();
    let denied = phone.answer(id(&challenge), &["deny", "--reason", "mistake"]).line("answered");
    let failed = request.line("error");

    assert_eq!((&denied["decision"], &denied["outcome"]), (&json!("denied"), &json!("denied")));
    assert_eq!((&failed["error"], &failed["denial_reason"]), (&json!("access_denied"), &json!("mistake")));
    assert!(failed["message"].as_str().is_some_and(|words| words.len() > 10), "{failed}");
    let members: Vec<&String> = failed.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["denial_reason", "error", "event", "message", "ref"]);
    assert_eq!(request.exit(), 1);
    assert!(phone.pending().is_empty());
}

#[test]
fn an_ended_request_has_one_name_on_the_device_and_at_the_client() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let (mut request, acknowledged) = provider.till().acknowledged(&["--authorization-details", PAYMENT]);
    let name = acknowledged["ref"].as_str().expect("a name").to_owned();
    let challenge = phone.only_pending();
    assert!(!challenge.to_string().contains(&name), "nobody is to compare it in place of what they approve");
    phone.run(&["history", &name]).expect_code(2);

    let denied = phone.answer(id(&challenge), &["deny", "--reason", "mistake"]).line("answered");
    assert_eq!((&denied["ref"], &request.line("error")["ref"]), (&json!(name), &json!(name)));
    assert_eq!(phone.evidence(&name), phone.evidence(id(&challenge)));
    for written in [name.clone(), name.to_lowercase().replace('-', ""), id(&challenge).to_owned()] {
        let past = phone.run(&["history", &written]).expect_code(0).lines("history");
        assert_eq!((past.len(), &past[0]["reason"]), (1, &json!("mistake")), "{written}");
        assert_eq!((&past[0]["ref"], &past[0]["id"]), (&json!(name), &challenge["id"]));
    }
    phone.run(&["history", "0000-0000"]).expect_code(2);
}

#[test]
fn after_this_was_not_me_the_clients_next_request_is_held() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let (mut first, _) = provider.kiosk().acknowledged(&["--binding-message", "bike 7"]);
    let challenge = phone.only_pending();
    assert_eq!(challenge["held"], json!(false));

    phone.answer(id(&challenge), &["deny", "--reason", "not_me"]);
    assert_eq!(first.line("error")["denial_reason"], "not_me");

    provider.kiosk().acknowledged(&["--binding-message", "bike 8"]);
    let held = phone.only_pending();
    assert_eq!((&held["held"], &held["binding_message"]), (&json!(true), &json!("bike 8")));
    provider.till().acknowledged(&["--authorization-details", PAYMENT]);
    let of_another = phone.pending().into_iter().find(|challenge| challenge["client"]["id"] == "coffee-pos");
    assert_eq!(of_another.unwrap()["held"], json!(false), "another client is not held for it");
}

#[test]
fn a_request_that_nobody_answers_expires_for_client_and_device() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let mut watch = phone.watch(&[]);
    let (mut request, acknowledged) = provider.kiosk().acknowledged(&["--requested-expiry", "8"]);
    assert_eq!(acknowledged["expires_in"], 8);

    let challenge = watch.line("challenge");
    let ended = watch.line("ended");
    let failed = request.line("error");

    assert_eq!((&ended["id"], &ended["outcome"]), (&challenge["id"], &json!("expired")));
    assert_eq!(failed["error"], "expired_token");
    assert_eq!(request.exit(), 3);
}

#[test]
fn a_request_answered_on_one_device_ends_on_the_others() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let desk = Device::enrolled(&env, "desk", &provider, "alice");
    let mut watch = desk.watch(&[]);
    let (mut request, _) = provider.till().acknowledged(&["--authorization-details", PAYMENT]);
    let on_desk = watch.line("challenge");

    let on_phone = phone.only_pending();
    assert_ne!(id(&on_phone), id(&on_desk), "each device has a challenge of its own");
    phone.answer(id(&on_phone), &["approve"]).expect_code(0);

    let ended = watch.line("ended");
    assert_eq!(
        (&ended["id"], &ended["outcome"], &ended["by"]),
        (&on_desk["id"], &json!("answered_elsewhere"), &json!("phone"))
    );
    watch.terminate();
    assert_eq!(watch.exit(), 0);
    request.line("tokens");
    let late = desk.answer(id(&on_desk), &["approve"]);
    assert_ne!(late.code, 0);
    assert!(late.lines("answered").is_empty(), "{:?}", late.output);
}

#[test]
fn a_watching_device_answers_by_its_rules_and_leaves_the_rest_alone() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let approve = r#"{"client":{"id":"coffee-pos"},"kind":"payment"}"#;
    let mut watch = phone.watch(&["--approve-if", approve, "--deny-if", r#"{"binding_message":"no"}"#]);

    let (mut alone, _) = provider.kiosk().acknowledged(&["--requested-expiry", "60"]);
    let (mut denied, _) = provider.kiosk().acknowledged(&["--binding-message", "no"]);
    let (mut approved, _) = provider.till().acknowledged(&["--authorization-details", PAYMENT]);

    assert_eq!(denied.line("error")["error"], "access_denied");
    approved.line("tokens");
    watch.line_where("answered", |line| line["decision"] == "approved");
    assert_eq!(watch.seen("challenge").len(), 3, "all three were printed");
    assert_eq!(watch.seen("answered").len(), 2, "and two were answered");
    watch.terminate();
    watch.exit();
    let waiting = phone.only_pending();
    assert_eq!(waiting["client"]["id"], "kiosk");
    phone.answer(id(&waiting), &["approve"]).expect_code(0);
    alone.line("tokens");
}

#[test]
fn a_rule_may_name_every_member_that_a_request_is_printed_with() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let (mut request, _) =
        provider.till().acknowledged(&["--authorization-details", PAYMENT, "--binding-message", "POS 14"]);
    let mut whole = phone.only_pending();
    whole.as_object_mut().expect("an object").remove("event").expect("it says what it is");
    // It is shown from here on.
    whole.as_object_mut().expect("an object").remove("stage").expect("received");
    let mut watch = phone.watch(&["--count", "1", "--approve-if", &whole.to_string()]);
    assert_eq!(watch.line("answered")["decision"], "approved");
    watch.exit();
    request.line("tokens");
}

#[test]
fn a_request_to_a_provider_with_an_untrusted_certificate_sends_nothing_and_says_what_to_do() {
    let env = TestEnv::new();
    let address = env.free_address();
    let certificates = Certificates::make(address.ip(), env.folder());
    let (cert, key) = (certificates.cert.display(), certificates.key.display());
    let settings = Settings {
        issuer: Some(format!("https://{address}")),
        more: format!("[tls]\ncert = \"{cert}\"\nkey = \"{key}\"\n"),
        ..Default::default()
    };
    let provider = Provider::start_at(&env, "provider", address, &settings);
    let refused = provider.till().request(&[]).finish().expect_code(4).line("error");
    assert_eq!(refused["error"], "certificate_unknown_authority");
    let message = refused["message"].as_str().expect("text");
    assert!(message.contains(&address.to_string()) && message.contains("SSL_CERT_FILE"), "{message}");

    // The same request, once the authority is trusted.
    env.trust(&certificates.authority);
    let refused = provider.till().request(&[]).finish().expect_code(4).line("error");
    assert_eq!(refused["error"], "unknown_user_id", "alice has no device: {refused}");
}

#[test]
fn the_till_that_a_request_comes_from_is_listed_and_a_rule_may_name_it() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let (mut request, acknowledged) = provider.till().acknowledged(&["--terminal", "Counter 2"]);
    assert_eq!(phone.only_pending()["terminal"], "Counter 2");
    phone.watch(&["--count", "1", "--deny-if", r#"{"terminal":"Counter 2"}"#]).line("answered");
    let error = request.line("error");
    assert_eq!((&error["error"], &error["ref"]), (&json!("access_denied"), &acknowledged["ref"]));
    provider.till().acknowledged(&[]);
    assert_eq!(phone.only_pending()["terminal"], json!(null));
}
