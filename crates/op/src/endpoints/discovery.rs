//! Provider metadata (OpenID Connect Discovery §3, RFC 8414 §2, CIBA Core §4, RFC 9396 §10): exactly what this version
//! supports.

use std::collections::BTreeSet;

use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use countersign_jose::jwt::SigningAlg;
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::issuer::Issuer;
use serde::Serialize;

use crate::authentication_request::acr;
use crate::config::{CIBA_GRANT, Config, Profile, REFRESH_GRANT};

/// Paths below the issuer.
pub(crate) const BC_AUTHORIZE: &str = "/bc-authorize";
pub(crate) const TOKEN: &str = "/token";
pub(crate) const JWKS: &str = "/jwks";
pub(crate) const REGISTER: &str = "/register";
pub(crate) const REVOKE: &str = "/revoke";
pub(crate) const INTROSPECT: &str = "/introspect";
pub(crate) const USERINFO: &str = "/userinfo";
pub(crate) const AUTHORIZE: &str = "/authorize";

/// Names of the well-known documents, which are identical.
pub(crate) const WELL_KNOWN: [&str; 2] = ["openid-configuration", "oauth-authorization-server"];

#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a Issuer,
    /// For tools that insist on one; it answers every request by an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_endpoint: Option<String>,
    backchannel_authentication_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    backchannel_token_delivery_modes_supported: [&'static str; 3],
    backchannel_user_code_parameter_supported: bool,
    grant_types_supported: [&'static str; 2],
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    backchannel_authentication_request_signing_alg_values_supported: Vec<&'static str>,
    tls_client_certificate_bound_access_tokens: bool,
    dpop_signing_alg_values_supported: Vec<&'static str>,
    /// There is no authorization endpoint of use; both specifications require the member all the same.
    response_types_supported: &'static [&'static str],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<&'static str>,
    scopes_supported: [&'static str; 4],
    claims_supported: [&'static str; 9],
    acr_values_supported: [&'static str; 5],
    authorization_details_types_supported: Vec<&'a str>,
    /// FAPI-CIBA, draft 3: the `token_type` of each `[[login_hint_issuers]]` entry.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    backchannel_endpoint_login_hint_token_types_supported: BTreeSet<&'a str>,
    interaction_types_supported: [InteractionType; 3],
    request_parameter_supported: bool,
    /// Defaults to true if omitted (OpenID Connect Discovery §3).
    request_uri_parameter_supported: bool,
    claims_parameter_supported: bool,
}

/// The metadata document as JSON.
pub(crate) fn metadata(config: &Config) -> String {
    let issuer = &config.issuer;
    let algs: &[SigningAlg] = if is_fapi(config) { &SigningAlg::FAPI } else { &SigningAlg::ALL };
    let metadata = Metadata {
        issuer,
        authorization_endpoint: config.authorization_endpoint.then(|| issuer.endpoint(AUTHORIZE)),
        backchannel_authentication_endpoint: issuer.endpoint(BC_AUTHORIZE),
        token_endpoint: issuer.endpoint(TOKEN),
        revocation_endpoint: issuer.endpoint(REVOKE),
        introspection_endpoint: issuer.endpoint(INTROSPECT),
        userinfo_endpoint: issuer.endpoint(USERINFO),
        jwks_uri: issuer.endpoint(JWKS),
        registration_endpoint: config.registration.enabled.then(|| issuer.endpoint(REGISTER)),
        backchannel_token_delivery_modes_supported: ["poll", "ping", "push"],
        backchannel_user_code_parameter_supported: true,
        grant_types_supported: [CIBA_GRANT, REFRESH_GRANT],
        token_endpoint_auth_methods_supported: auth_methods(config),
        token_endpoint_auth_signing_alg_values_supported: names(algs),
        backchannel_authentication_request_signing_alg_values_supported: names(algs),
        tls_client_certificate_bound_access_tokens: config.sees_certificates(),
        dpop_signing_alg_values_supported: names(&SigningAlg::ALL),
        response_types_supported: if config.authorization_endpoint { &["code"] } else { &[] },
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: names(algs),
        scopes_supported: ["openid", "profile", "email", "offline_access"],
        claims_supported: ["iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "approval"],
        acr_values_supported: acr::LEVELS,
        authorization_details_types_supported: config.detail_types.names().collect(),
        backchannel_endpoint_login_hint_token_types_supported: config
            .hint_issuers
            .iter()
            .filter_map(|issuer| issuer.token_type.as_deref())
            .collect(),
        interaction_types_supported: InteractionType::ALL,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
        claims_parameter_supported: false,
    };
    serde_json::to_string(&metadata).expect("metadata has strings, booleans and lists of strings only")
}

/// Client authentication methods, the same at every endpoint (CIBA Core §4 defines no metadata for its own).
fn auth_methods(config: &Config) -> Vec<&'static str> {
    let mut methods = vec!["private_key_jwt"];
    if !is_fapi(config) {
        methods.splice(0..0, ["client_secret_basic", "client_secret_post"]);
    }
    if config.sees_certificates() {
        methods.extend(config.client_ca.is_some().then_some("tls_client_auth"));
        methods.push("self_signed_tls_client_auth");
    }
    methods
}

fn is_fapi(config: &Config) -> bool {
    config.profile == Some(Profile::FapiCiba)
}

fn names(algs: &[SigningAlg]) -> Vec<&'static str> {
    algs.iter().map(|alg| alg.as_str()).collect()
}

/// A JSON response that may be cached for five minutes, so that changes are seen soon.
pub(crate) fn document(json: String) -> impl IntoResponse {
    const JSON: (HeaderName, &str) = (header::CONTENT_TYPE, "application/json");
    const CACHEABLE: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");
    ([JSON, CACHEABLE], json)
}
