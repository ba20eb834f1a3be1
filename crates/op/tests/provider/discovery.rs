//! Discovery documents, and that the provider does what they say.

use axum::http::{StatusCode, header};
use serde_json::json;

use crate::world::{CONFIG, World};

#[tokio::test]
async fn d01_to_d06_discovery_says_what_this_version_can_do() {
    let world = World::new();
    let reply = world.get("/tenant/.well-known/openid-configuration").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header(header::CONTENT_TYPE), Some("application/json"));
    let expected = json!({
        "issuer": "https://id.example/tenant",
        "backchannel_authentication_endpoint": "https://id.example/tenant/bc-authorize",
        "token_endpoint": "https://id.example/tenant/token",
        "jwks_uri": "https://id.example/tenant/jwks",
        "backchannel_token_delivery_modes_supported": ["poll", "ping", "push"],
        "backchannel_user_code_parameter_supported": true,
        "grant_types_supported": ["urn:openid:params:grant-type:ciba", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "PS256", "RS256"],
        "backchannel_authentication_request_signing_alg_values_supported": ["ES256", "PS256", "RS256"],
        "tls_client_certificate_bound_access_tokens": false,
        "dpop_signing_alg_values_supported": ["ES256", "PS256", "RS256"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "PS256", "RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "revocation_endpoint": "https://id.example/tenant/revoke",
        "introspection_endpoint": "https://id.example/tenant/introspect",
        "userinfo_endpoint": "https://id.example/tenant/userinfo",
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "approval"],
        "acr_values_supported": [
            "urn:countersign:acr:number-verified",
            "urn:countersign:acr:verified",
            "urn:countersign:acr:number",
            "urn:countersign:acr:tap",
            "urn:countersign:acr:automated",
        ],
        "authorization_details_types_supported": ["payment_initiation", "account_information", "generic"],
        "interaction_types_supported": ["boolean", "number_choose", "input_manual"],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": false,
    });
    assert_eq!(reply.json(), expected);
}

#[tokio::test]
async fn an_authorization_endpoint_is_listed_for_tools_that_insist_and_refuses_in_words() {
    let world = World::new();
    assert_eq!(world.get("/tenant/authorize?response_type=code").await.status, StatusCode::NOT_FOUND);
    let world = World::with(&format!("{CONFIG}\n[discovery]\nauthorization_endpoint = true\n"));
    let metadata = world.get("/tenant/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["authorization_endpoint"], "https://id.example/tenant/authorize");
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    let uri = "/tenant/authorize?response_type=code&client_id=till&redirect_uri=https://evil.example";
    for method in ["GET", "POST"] {
        let request = axum::http::Request::builder().method(method).uri(uri).body(axum::body::Body::empty());
        let reply = world.send(request.expect("a request")).await;
        assert_eq!(
            (reply.status, reply.text("error").as_str()),
            (StatusCode::BAD_REQUEST, "unsupported_response_type")
        );
        assert!(reply.text("error_description").contains("a client asks by CIBA"), "{}", reply.body);
        assert_eq!(reply.header(header::LOCATION), None);
    }
}

#[tokio::test]
async fn discovery_of_an_issuer_with_a_path_is_found_at_both_places() {
    let world = World::new();
    let reply = world.get("/tenant/.well-known/openid-configuration").await;
    assert_eq!(reply.json()["token_endpoint"], "https://id.example/tenant/token");
    assert_eq!(world.get("/.well-known/openid-configuration/tenant").await.body, reply.body);
    assert_eq!(world.get("/.well-known/oauth-authorization-server/tenant").await.body, reply.body);
    assert_eq!(world.get("/tenant/jwks").await.status, StatusCode::OK);
    assert_eq!(world.get("/jwks").await.status, StatusCode::NOT_FOUND);

    let root = World::with(&CONFIG.replace("https://id.example/tenant", "http://127.0.0.1:8787"));
    let reply = root.get("/.well-known/openid-configuration").await;
    assert_eq!(reply.json()["token_endpoint"], "http://127.0.0.1:8787/token");
    assert_eq!(root.get("/.well-known/oauth-authorization-server").await.body, reply.body);
}

#[tokio::test]
async fn the_key_set_has_the_token_key_and_nothing_private() {
    let world = World::new();
    let keys = world.get("/tenant/jwks").await.json();
    let keys = keys["keys"].as_array().expect("a list");
    assert_eq!(keys.len(), 1);
    let members: Vec<_> = keys[0].as_object().expect("a key").keys().map(String::as_str).collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!((&keys[0]["use"], &keys[0]["alg"]), (&json!("sig"), &json!("ES256")));
}

#[tokio::test]
async fn d06_ways_by_certificate_are_named_where_certificates_arrive() {
    let folder = tempfile::tempdir().expect("a folder");
    let authorities = folder.path().join("clients.pem");
    std::fs::write(&authorities, countersign_testing::certificates::CertificateAuthority::new("Acme CA").pem())
        .expect("written");
    let client_ca = format!("[tls]\nclient_ca = \"{}\"\n", authorities.display());
    let proxy = "[proxy]\ntrusted = [\"127.0.0.1\"]\nclient_certificate_header = \"X-SSL-Client-Cert\"\n";
    let secret_or_key = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    for (lines, ways) in [
        (client_ca.clone(), vec![]),
        (proxy.replace("trusted = [\"127.0.0.1\"]\n", ""), vec![]),
        (proxy.to_owned(), vec!["self_signed_tls_client_auth"]),
        (format!("{proxy}{client_ca}"), vec!["tls_client_auth", "self_signed_tls_client_auth"]),
    ] {
        let world = World::with(&format!("{CONFIG}\n{lines}"));
        let says = world.get("/tenant/.well-known/openid-configuration").await.json();
        let expected: Vec<&str> = secret_or_key.into_iter().chain(ways.iter().copied()).collect();
        assert_eq!(says["token_endpoint_auth_methods_supported"], json!(expected), "{lines}");
        assert_eq!(says["tls_client_certificate_bound_access_tokens"], !ways.is_empty(), "{lines}");
        assert!(says.get("mtls_endpoint_aliases").is_none(), "there is one set of endpoints");
    }
}
