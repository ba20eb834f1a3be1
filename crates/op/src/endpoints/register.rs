//! `POST /register` (RFC 7591): a client registers itself. It is what any other client is, except that nobody vouches for it.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_gateway::Ports;
use countersign_jose::{base64url, random};
use countersign_protocol::limits;
use countersign_store::Store;
use serde_json::{Map, Value, json};
use std::sync::Arc;

use crate::administration::{Administration, DirectoryError};
use crate::config::CIBA_GRANT;
use crate::config::Config;
use crate::endpoints::rate_limit::RateLimit;
use crate::http::failed;
use crate::http::{ErrorCode, NO_STORE, OAuthError, PRAGMA};
use crate::store::directory_entries as rows;

/// Whose budget registrations spend; no client has such an id.
const BUDGET: &str = "(registration)";

/// Metadata that go into the entry as they are, under their own names; everything else that is unknown is passed over
/// (RFC 7591 §2).
const TAKEN_OVER: [&str; 19] = [
    "grant_types",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "jwks_uri",
    "backchannel_token_delivery_mode",
    "backchannel_client_notification_endpoint",
    "backchannel_user_code_parameter",
    "backchannel_authentication_request_signing_alg",
    "id_token_signed_response_alg",
    "dpop_bound_access_tokens",
    "tls_client_certificate_bound_access_tokens",
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "scope",
    "authorization_details_types",
    "backchannel_endpoint_login_hint_token_types",
    "interaction_types",
    "subject_type",
];

/// What `/register` needs.
pub(crate) struct Register {
    pub(crate) administration: Arc<Administration>,
    pub(crate) rate_limit: Arc<RateLimit>,
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store,
    pub(crate) ports: Ports,
}

/// `POST /register`.
pub(crate) async fn register(State(endpoint): State<Arc<Register>>, request: Request) -> Response {
    match endpoint.registered(request).await {
        Ok(client) => (StatusCode::CREATED, [NO_STORE, PRAGMA], Json(client)).into_response(),
        Err(error) => error.into_response(),
    }
}

impl Register {
    async fn registered(&self, request: Request) -> Result<Value, OAuthError> {
        self.may_register(request.headers())?;
        let now = self.ports.clock.now();
        let budget = self.rate_limit.check(BUDGET, self.config.registration.per_minute, now);
        budget.map_err(|seconds| {
            OAuthError::new(ErrorCode::RateLimited, "too many registrations; try again later").with_retry_after(seconds)
        })?;
        let metadata = read(request).await?;
        let there = self.store.read_slow(rows::registered_clients).await.map_err(|error| failed(&error))?;
        if there >= self.config.registration.max_clients {
            let what = "this provider has reached its limit of registered clients; ask its operator";
            return Err(OAuthError::new(ErrorCode::AccessDenied, what).with_status(StatusCode::FORBIDDEN));
        }
        let client_id = format!("rc_{}", base64url::encode(&random::bytes::<16>(&*self.ports.random)));
        let entry = entry(&client_id, &metadata)?;
        let added = self.administration.add_client(entry, true).await.map_err(|error| match error {
            DirectoryError::Entry(errors) => {
                let words: Vec<String> =
                    errors.iter().map(|error| error.message.replace(" in [[clients]]", "")).collect();
                OAuthError::new(ErrorCode::InvalidClientMetadata, words.join("; "))
            }
            refused @ DirectoryError::OutOfReach { .. } => {
                OAuthError::new(ErrorCode::InvalidClientMetadata, refused.to_string())
            }
            other => failed(&other),
        })?;
        Ok(information(&metadata, &added, now.seconds()))
    }

    /// Whether whoever asks may register: the initial access token (RFC 7591 §3) as a bearer token, where one is asked for.
    fn may_register(&self, headers: &HeaderMap) -> Result<(), OAuthError> {
        let Some(expected) = &self.config.registration.initial_access_token else { return Ok(()) };
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token =
            shown.and_then(|shown| shown.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"));
        match token {
            Some((_, token)) if expected.matches(token.trim().as_bytes()) => Ok(()),
            _ => {
                let what = "registration needs this provider's initial access token, as Authorization: Bearer";
                Err(OAuthError::new(ErrorCode::InvalidToken, what))
            }
        }
    }
}

async fn read(request: Request) -> Result<Map<String, Value>, OAuthError> {
    let invalid = |what: &str| OAuthError::new(ErrorCode::InvalidClientMetadata, what);
    let body = axum::body::to_bytes(request.into_body(), limits::BODY_BYTES).await;
    let body =
        body.map_err(|_| invalid("the body is larger than 16 KiB").with_status(StatusCode::PAYLOAD_TOO_LARGE))?;
    // Strictly first: a member that stands twice could be two clients.
    countersign_jose::json::read(&body, countersign_jose::json::Strictness::with_depth(limits::JSON_DEPTH))
        .map_err(|error| invalid(&format!("the body is not valid JSON: {error}")))?;
    match serde_json::from_slice(&body) {
        Ok(Value::Object(metadata)) => Ok(metadata),
        _ => Err(invalid("the body must be a JSON object with the client's metadata (RFC 7591 2)")),
    }
}

/// The entry that the metadata mean.
fn entry(client_id: &str, metadata: &Map<String, Value>) -> Result<String, OAuthError> {
    let invalid = |what: String| OAuthError::new(ErrorCode::InvalidClientMetadata, what);
    let grants = metadata.get("grant_types").and_then(Value::as_array);
    if !grants.is_some_and(|grants| grants.iter().any(|grant| grant == CIBA_GRANT)) {
        let wrong =
            grants.is_some_and(|grants| grants.iter().any(|grant| grant == "urn:ietf:params:oauth:grant-type:ciba"));
        let hint = if wrong { ", not urn:ietf:params:oauth:grant-type:ciba" } else { "" };
        return Err(invalid(format!("grant_types must list {CIBA_GRANT}{hint}")));
    }
    let mut table = toml::Table::new();
    table.insert("client_id".to_owned(), client_id.into());
    // RFC 7591 §2: what is left out is client_secret_basic.
    table.insert("token_endpoint_auth_method".to_owned(), "client_secret_basic".into());
    if let Some(name) = metadata.get("client_name") {
        table.insert(
            "name".to_owned(),
            toml_of(name).ok_or_else(|| invalid("client_name must be a string".to_owned()))?,
        );
    }
    if let Some(jwks) = metadata.get("jwks") {
        table.insert("jwks".to_owned(), jwks.to_string().into());
    }
    for name in TAKEN_OVER {
        if let Some(value) = metadata.get(name).filter(|value| !value.is_null()) {
            let value = toml_of(value).ok_or_else(|| invalid(format!("{name} has the wrong type")))?;
            table.insert(name.to_owned(), value);
        }
    }
    let mut entry = toml::Table::new();
    entry.insert("clients".to_owned(), toml::Value::Array(vec![table.into()]));
    toml::to_string(&entry).map_err(|error| failed(&error))
}

/// `None` for what metadata never are: numbers and objects.
fn toml_of(value: &Value) -> Option<toml::Value> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Bool(flag) => Some((*flag).into()),
        Value::Array(items) => items.iter().map(toml_of).collect::<Option<Vec<_>>>().map(toml::Value::Array),
        _ => None,
    }
}

/// What the client is told (RFC 7591 §3.2.1): everything that counts, defaults included.
fn information(metadata: &Map<String, Value>, added: &crate::administration::AddedClient, now: u64) -> Value {
    let known = metadata
        .iter()
        .filter(|(name, _)| TAKEN_OVER.contains(&name.as_str()) || ["client_name", "jwks"].contains(&name.as_str()));
    let mut told: Map<String, Value> = known.map(|(name, value)| (name.clone(), value.clone())).collect();
    told.entry("token_endpoint_auth_method").or_insert_with(|| "client_secret_basic".into());
    told.entry("backchannel_token_delivery_mode").or_insert_with(|| "poll".into());
    told.entry("id_token_signed_response_alg").or_insert_with(|| "ES256".into());
    told.insert("client_id".to_owned(), added.client_id.as_str().into());
    told.insert("client_id_issued_at".to_owned(), now.into());
    if let Some(secret) = &added.secret {
        told.insert("client_secret".to_owned(), secret.expose().into());
        told.insert("client_secret_expires_at".to_owned(), json!(0));
    }
    Value::Object(told)
}
