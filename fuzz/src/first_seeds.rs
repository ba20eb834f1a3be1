//! Writes the inputs that fuzzing begins with into `seeds/`: one sound message of each kind. `cargo run --example first_seeds` in this folder.

use std::path::Path;

use countersign_fuzz::CONFIGURATION;
use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::Ending;
use countersign_protocol::registration::RegistrationToken;
use countersign_testing::TestPasskey;
use countersign_testing::fixture::{Fixture, PAYMENT, private_key};
use countersign_testing::passkey::attestation::{Format, TestMaker};
use countersign_testing::passkey::{AT, ED, UP, UV};

fn main() -> std::io::Result<()> {
    let fixture = Fixture::new();
    let challenge = fixture.verified();
    let answer = fixture.approval_of(&challenge);
    let outcome = fixture.sign_outcome(&fixture.outcome(&challenge, Ending::Approved, Some(&answer)));
    let (token, request) = fixture.registration_request();
    let token = Compact::<RegistrationToken>::sign(&token, &fixture.link).expect("signed");
    let revocation = Compact::sign(&fixture.revocation(), &fixture.gateway).expect("signed");
    let notice = Compact::sign(&fixture.notice(), &fixture.gateway).expect("signed");
    let refusal = Compact::sign(&fixture.refusal(&challenge), &fixture.transport).expect("signed");
    let dispute = Compact::sign(&fixture.dispute(&challenge), &fixture.transport).expect("signed");
    let manifests = fixture.manifests();
    let messages = [
        challenge.compact().as_str(),
        outcome.as_str(),
        &fixture.statement().into_string(),
        manifests[0].as_str(),
        token.as_str(),
        notice.as_str(),
        revocation.as_str(),
        &fixture.dpop().into_string(),
        answer.as_str(),
        refusal.as_str(),
        dispute.as_str(),
    ];
    for (kind, message) in (0_u8..).zip(messages) {
        write("signed_text", &format!("message-{kind}"), message.as_bytes())?;
        let payload = base64url::decode(message.split('.').nth(1).expect("three parts")).expect("base64url");
        write("signed_claims", &format!("claims-{kind}"), &[&[kind][..], &payload].concat())?;
    }
    let payload = base64url::decode(answer.as_str().split('.').nth(1).expect("three parts")).expect("base64url");
    write("signed_claims", "claims-11", &[&[11][..], &payload].concat())?;

    let passkey = TestPasskey::new(private_key(9), "https://id.acme.example");
    let assertion = passkey.get(&Hash::of("an answer"));
    let creation = passkey.create(&Hash::of("an answer"));
    write("authenticator_data", "signature", &assertion.authenticator_data)?;
    let credential = passkey.authenticator_data_with(UP | UV | AT | ED, &[passkey.attested_credential(), vec![0xa0]].concat());
    write("authenticator_data", "creation", &credential)?;
    write("authenticator_data", "third-part", assertion.to_third_part().as_bytes())?;
    write("client_data", "signature", &assertion.client_data_json)?;
    write("client_data", "creation", &creation.client_data_json)?;
    // As in tests/vectors/attestation.json.
    let known = TestPasskey { aaguid: [7; 16], ..TestPasskey::new(private_key(9), "https://id.example") };
    let maker = TestMaker::new(private_key(20), private_key(21));
    for (name, format) in [
        ("none", Format::None),
        ("packed", Format::Packed),
        ("packed-self", Format::SelfSigned),
        ("tpm", Format::Tpm),
        ("android-key", Format::AndroidKey),
        ("apple", Format::Apple),
    ] {
        let creation = maker.create(format, &known, &Hash::of("a registration"));
        write("attestation_object", name, &creation.attestation_object)?;
    }

    let json = |value: serde_json::Value| value.to_string();
    let to_json = |value: Result<String, serde_json::Error>| value.expect("JSON");
    let documents = [
        (1, to_json(serde_json::to_string(&fixture.device_keys()))),
        (2, to_json(serde_json::to_string(&fixture.chain()))),
        (3, to_json(serde_json::to_string(&request))),
        (
            6,
            json(
                serde_json::json!({ "challenges": [challenge.compact()], "withdrawn": [{ "id": challenge.id(), "outcome": outcome }], "notices": [notice], "cursor": "g-1", "reset": false, "more": false }),
            ),
        ),
        (7, json(serde_json::json!({ "outcome": outcome }))),
        (
            8,
            json(
                serde_json::json!({ "type": "about:blank", "title": "invalid_answer", "status": 400, "detail": "No." }),
            ),
        ),
        (9, to_json(serde_json::to_string(&fixture.evidence()))),
        (10, fixture.shown(&challenge).text().to_owned()),
        (11, to_json(serde_json::to_string(&fixture.trust()))),
    ];
    for (kind, document) in documents {
        write("json_documents", &format!("document-{kind}"), &[&[kind][..], document.as_bytes()].concat())?;
    }

    write("strict_json", "payment", PAYMENT.as_bytes())?;
    write(
        "strict_json",
        "numbers",
        br#"[0,-1,1.5,9007199254740991,"\u00e9\ud83d\ude00",true,false,null,{"a":{"b":[]}}]"#,
    )?;
    let link = format!("{}#{}", fixture.issuer.endpoint("/push/enroll"), token.as_str());
    write("enrollment_link", "link", link.as_bytes())?;
    write("enrollment_link", "app-link", format!("countersign://enroll?link={link}").replace('#', "%23").as_bytes())?;
    write("enrollment_link", "issuer", b"https://xn--mnchen-3ya.example/tenant")?;
    write("evidence_file", "evidence", fixture.evidence().to_file().as_bytes())?;
    write("evidence_file", "disputed", fixture.disputed_evidence().to_file().as_bytes())?;
    write("shown_text", "message", "POS terminal #14: Approve €4.20? 👩‍👩‍👧 e\u{301} شكرا".as_bytes())?;
    write("shown_text", "bidi", "Pay \u{202e}00.08€\u{200b}".as_bytes())?;
    write("authorization_details", "payment", PAYMENT.as_bytes())?;
    write("authorization_details", "accounts", br#"[{"type":"account_information","actions":["list_accounts"],"locations":["https://bank.example/accounts"]}]"#)?;
    write(
        "authorization_details",
        "generic",
        br#"[{"type":"generic","title":"Delete 214 old invoices?","tree":{"a":["b",1]}}]"#,
    )?;
    write("login_hint", "name", b"alice@example.com")?;
    write("login_hint", "subject", br#"{"format":"iss_sub","iss":"https://id.example/tenant/","sub":"alice"}"#)?;
    write("form_body", "form", b"scope=openid&login_hint=alice&binding_message=a+b%C3%BC")?;
    write("form_body", "typed", b"application/x-www-form-urlencoded; charset=UTF-8\na=1&b=%41")?;
    let secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68";
    write(
        "client_authentication",
        "basic",
        b"Basic dGlsbDpmN2MwOWQxYzJiOGU0YTY1OTBkM2IxYTdlMmM0NWY2OA==\nscope=openid",
    )?;
    write("client_authentication", "post", format!("x\nclient_id=till&client_secret={secret}").as_bytes())?;
    let details: String = PAYMENT.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let asked = format!(
        "scope=openid&login_hint=alice&binding_message=Till+2&requested_expiry=30&acr_values=a+b&interaction_type=input_manual&authorization_details={details}"
    );
    write("authentication_request", "payment", asked.as_bytes())?;
    write("configuration", "whole", CONFIGURATION.as_bytes())?;
    write("event_stream", "events", b"\x05: hello\n\nid: g-1\nevent: update\ndata: {\"challenges\":[],\ndata: \"cursor\":\"g-1\"}\n\nevent: nonce\r\ndata: abc\r\n\r\n")?;
    write("device_calls", "query", b"wait=25&after=0f-1a")?;
    write("device_calls", "form", b"device_id=dv_1&token=secret")?;
    write("device_calls", "credential", b"DPoP abc")
}

fn write(target: &str, name: &str, input: &[u8]) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(name), input)
}
