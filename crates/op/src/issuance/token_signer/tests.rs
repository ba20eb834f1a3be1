use countersign_jose::jws::CompactParts;
use countersign_testing::CountingRandom;

use super::*;

#[test]
fn details_keep_every_byte_and_the_object_stays_json() {
    #[derive(Serialize)]
    struct One {
        a: u8,
    }
    let details = " [ {\"type\":\"generic\",\n\"title\":\"x\"} ]\n";
    let text = object(&One { a: 1 }, Some(details));
    assert_eq!(text, format!("{{\"a\":1,\"authorization_details\":{details}}}"));
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
}

#[test]
fn at_hash_is_that_of_openid_core() {
    // An independent calculation: printf %s token | openssl dgst -sha256 -binary | head -c 16 | basenc --base64url
    assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    // CIBA Core §10.3.1, example.
    assert_eq!(at_hash("4bwc0ESC_IAhflf-ACC_vjD_ltc11ne-8gFPfA2Kx16"), "sHahCuSpXCRg5mkDDvvr4w");
}

/// The payloads of access token and ID token in a response, as they were signed.
fn signed_claims(contents: &TokenContents<'_>) -> [String; 2] {
    let folder = tempfile::tempdir().expect("a folder");
    let random = CountingRandom::default();
    let signer = TokenSigner::open(folder.path(), &random).expect("new keys");
    let body = signer.respond(contents, Timestamp::from_seconds(1_800_000_000), &random).expect("a response");
    let response: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    ["access_token", "id_token"].map(|name| {
        let token = response[name].as_str().expect("a token");
        let parts = CompactParts::split(token, 10_000).expect("a JWS");
        String::from_utf8(parts.payload().expect("base64url")).expect("UTF-8")
    })
}

/// Replaces values that differ in every run: `jti`, and the hash of a signed token.
fn without_random_values(claims: &str) -> String {
    let mut text = claims.to_owned();
    for name in ["jti", "at_hash"] {
        let Some((before, rest)) = claims.split_once(&format!("\"{name}\":\"")) else { continue };
        let (_, after) = rest.split_once('"').expect("a string");
        text = format!("{before}\"{name}\":\"…\"{after}");
    }
    text
}

#[test]
fn claims_of_both_tokens_have_a_fixed_order() {
    let issuer: Issuer = "https://id.example.com".parse().expect("an issuer");
    let hash = Hash::of("x");
    let refresh_token = Secret::new("rf_1".to_owned());
    let resources = Resources::from_column(Some("https://api.example"));
    let amr = ["pin".to_owned(), "pop".to_owned()];
    let full = TokenContents {
        issuer: &issuer,
        sub: "alice",
        client_id: "till",
        auth_req_id: Some("ar_1"),
        refresh_token: Some(&refresh_token),
        is_pushed: true,
        scope: "openid",
        details: Some("[ ]"),
        resources: &resources,
        approval: ApprovalClaim {
            id: "ap_1",
            r#ref: ApprovalRef::of(&"ap_1".parse().expect("an id")),
            challenge_hash: Some(hash),
            answer_hash: Some(hash),
            details_hash: Some(hash),
            interaction: "boolean",
            device_class: Some("interactive"),
            key: Some(KeyClaim::of(&AnsweringKey {
                key_type: ApprovalKeyType::Webauthn,
                protection: KeyProtection::Passkey,
                verified: None,
                backup_eligible: Some(true),
            })),
            in_process: false,
        },
        acr: Some("urn:example:acr"),
        amr: &amr,
        auth_time: Timestamp::from_seconds(1_799_999_990),
        confirmation: Some(Confirmation::Key(hash)),
        life: Duration::from_secs(300),
        id_token_alg: SigningAlg::Es256,
    };
    let [access_token, id_token] = signed_claims(&full).map(|claims| without_random_values(&claims));
    let evidence = format!(
        r#""approval":{{"id":"ap_1","ref":"GJ5Q-8XV8","challenge_hash":"{hash}","answer_hash":"{hash}","details_hash":"{hash}","interaction":"boolean","device_class":"interactive","key":{{"type":"webauthn","protection":"passkey","backup_eligible":true}}}}"#
    );
    let times =
        r#""exp":1800000300,"iat":1800000000,"auth_time":1799999990,"acr":"urn:example:acr","amr":["pin","pop"]"#;
    assert_eq!(
        access_token,
        format!(
            r#"{{"iss":"https://id.example.com","sub":"alice","aud":["https://api.example","https://id.example.com"],"client_id":"till","jti":"…",{times},"scope":"openid","cnf":{{"jkt":"{hash}"}},{evidence},"authorization_details":[ ]}}"#
        )
    );
    let rt_hash = at_hash("rf_1");
    assert_eq!(
        id_token,
        format!(
            r#"{{"iss":"https://id.example.com","sub":"alice","aud":"till",{times},"at_hash":"…","urn:openid:params:jwt:claim:rt_hash":"{rt_hash}","urn:openid:params:jwt:claim:auth_req_id":"ar_1",{evidence}}}"#
        )
    );

    let no_resources = Resources::from_column(None);
    let least = TokenContents {
        auth_req_id: None,
        refresh_token: None,
        details: None,
        resources: &no_resources,
        approval: ApprovalClaim {
            challenge_hash: None,
            answer_hash: None,
            details_hash: None,
            device_class: None,
            key: None,
            in_process: true,
            ..full.approval.clone()
        },
        acr: None,
        amr: &[],
        confirmation: None,
        ..full
    };
    let [access_token, id_token] = signed_claims(&least).map(|claims| without_random_values(&claims));
    let rest = r#""exp":1800000300,"iat":1800000000,"auth_time":1799999990"#;
    let approval = r#""approval":{"id":"ap_1","ref":"GJ5Q-8XV8","interaction":"boolean","in_process":true}"#;
    assert_eq!(
        access_token,
        format!(
            r#"{{"iss":"https://id.example.com","sub":"alice","aud":"https://id.example.com","client_id":"till","jti":"…",{rest},"scope":"openid",{approval}}}"#
        )
    );
    assert_eq!(
        id_token,
        format!(r#"{{"iss":"https://id.example.com","sub":"alice","aud":"till",{rest},"at_hash":"…",{approval}}}"#)
    );
}
