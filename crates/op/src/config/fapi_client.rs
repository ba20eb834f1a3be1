//! FAPI-CIBA requirements on a client's entry; those on a request are in `authentication_request/fapi_request.rs`.

use std::time::Duration;

use countersign_jose::jwt::SigningAlg;

use super::client::{Client, ClientAuth, DeliveryMode, TokenBinding};
use super::section::{Section, format_duration};

/// Longest lifetime of an access token under the profile.
const MAX_TOKEN_LIFETIME: Duration = Duration::from_secs(600);

/// Reports every contradiction between the entry and the profile.
pub(super) fn check(section: &Section<'_>, client: &Client) {
    let report = |key: &'static str, message: &str| section.report(&section.span_of(key), message);
    match client.auth {
        ClientAuth::Secret { .. } => report(
            "token_endpoint_auth_method",
            "a client under \"fapi-ciba\" has no secret; set `token_endpoint_auth_method` to \"private_key_jwt\", \"tls_client_auth\" or \"self_signed_tls_client_auth\"",
        ),
        ClientAuth::PrivateKeyJwt { alg: Some(SigningAlg::Rs256) } => report(
            "token_endpoint_auth_signing_alg",
            "under \"fapi-ciba\" assertions are signed by PS256 or ES256; set `token_endpoint_auth_signing_alg` to one of them, or remove it",
        ),
        ClientAuth::PrivateKeyJwt { .. } | ClientAuth::Tls(_) | ClientAuth::SelfSignedTls => {}
    }
    if client.keys.is_none() {
        report(
            "profile",
            "under \"fapi-ciba\" requests are signed: add the client's `jwks`, `jwks_file` or `jwks_uri`",
        );
    }
    if client.request_signing_alg == Some(SigningAlg::Rs256) {
        report(
            "backchannel_authentication_request_signing_alg",
            "under \"fapi-ciba\" requests are signed by PS256 or ES256; set `backchannel_authentication_request_signing_alg` to one of them, or remove it",
        );
    }
    if client.id_token_alg == SigningAlg::Rs256 {
        report(
            "id_token_signed_response_alg",
            "under \"fapi-ciba\" tokens are signed by PS256 or ES256; set `id_token_signed_response_alg` to one of them, or remove it",
        );
    }
    if client.binding == TokenBinding::None {
        report(
            "profile",
            "under \"fapi-ciba\" access tokens are bound; add `dpop_bound_access_tokens = true` or `tls_client_certificate_bound_access_tokens = true`",
        );
    }
    if matches!(client.delivery, DeliveryMode::Push(_)) {
        report(
            "backchannel_token_delivery_mode",
            "\"fapi-ciba\" has no push; set `backchannel_token_delivery_mode` to \"poll\" or \"ping\"",
        );
    }
    if client.policy.token_ttl > MAX_TOKEN_LIFETIME {
        let ttl = format_duration(client.policy.token_ttl);
        report(
            "policy",
            &format!("under \"fapi-ciba\" tokens live 10m at most; shorten `token_ttl` ({ttl}), here or in [policy]"),
        );
    }
}
