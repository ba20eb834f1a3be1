//! `POST /register` (RFC 7591): dynamic client registration. Such a client differs from a configured one only in that
//! its name is unverified.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_gateway::Ports;
use countersign_jose::clock::Timestamp;
use countersign_jose::json::{self, Json, Strictness};
use countersign_jose::{base64url, random};
use countersign_protocol::limits;
use countersign_store::Store;
use serde_json::{Map, Value};

use crate::administration::{AddedClient, Administration, DirectoryError};
use crate::config::{CIBA_GRANT, Config};
use crate::endpoints::rate_limit::RateLimit;
use crate::http::{ErrorCode, NO_STORE, OAuthError, PRAGMA, is_json, server_error, single_header};
use crate::store::directory_entries as rows;

/// Key of registrations in the rate limit; no client has this id.
const RATE_LIMIT_KEY: &str = "(registration)";

/// Metadata copied into the entry under the same name. Unknown metadata are ignored (RFC 7591 §2).
const COPIED: [&str; 20] = [
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
    "terminal",
];

/// State of `/register`.
pub(crate) struct Register {
    pub(crate) administration: Arc<Administration>,
    pub(crate) rate_limit: Arc<RateLimit>,
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store,
    pub(crate) ports: Ports,
}

/// `POST /register`.
pub(crate) async fn register(State(endpoint): State<Arc<Register>>, request: Request) -> Response {
    match endpoint.register(request).await {
        Ok(client) => (StatusCode::CREATED, [NO_STORE, PRAGMA], axum::Json(client)).into_response(),
        Err(error) => error.into_response(),
    }
}

impl Register {
    async fn register(&self, request: Request) -> Result<Value, OAuthError> {
        self.check_initial_access_token(request.headers())?;
        // A page of another origin can post every other type without asking (CORS), but not this one.
        if !single_header(request.headers(), &header::CONTENT_TYPE, "Content-Type")?.is_some_and(|it| is_json(&it)) {
            let description = "the body must be application/json (RFC 7591 3.1)";
            return Err(OAuthError::new(ErrorCode::InvalidClientMetadata, description));
        }
        let now = self.ports.clock.now();
        let allowed = self.rate_limit.check(RATE_LIMIT_KEY, self.config.registration.per_minute, now);
        allowed.map_err(|seconds| {
            OAuthError::new(ErrorCode::RateLimited, "too many registrations; try again later").with_retry_after(seconds)
        })?;
        let registered = self.register_within_limit(request, now).await;
        if registered.is_err() {
            // Otherwise a few refused ones a minute would keep everybody else from registering.
            self.rate_limit.take_back(RATE_LIMIT_KEY, now);
        }
        registered
    }

    async fn register_within_limit(&self, request: Request, now: Timestamp) -> Result<Value, OAuthError> {
        let metadata = read_metadata(request).await?;
        let registered = self.store.read_slow(rows::registered_clients).await.map_err(|error| server_error(&error))?;
        if registered >= self.config.registration.max_clients {
            let description = "this provider has reached its limit of registered clients; ask its operator";
            return Err(OAuthError::new(ErrorCode::AccessDenied, description).with_status(StatusCode::FORBIDDEN));
        }
        let client_id = format!("rc_{}", base64url::encode(&random::bytes::<16>(&*self.ports.random)));
        let entry = entry(&client_id, &metadata)?;
        let added = self.administration.add_client(entry, true).await.map_err(|error| match error {
            DirectoryError::Entry(errors) => {
                let words: Vec<String> = errors.iter().map(|error| for_client(&error.message)).collect();
                OAuthError::new(ErrorCode::InvalidClientMetadata, words.join("; "))
            }
            // Which addresses are inside is not for everybody.
            DirectoryError::OutOfReach { member, why } => {
                tracing::warn!(member, why, "a registration was refused: this provider may not call its address");
                let description = format!("`{member}` is not an address that this provider may call");
                OAuthError::new(ErrorCode::InvalidClientMetadata, description)
            }
            other => server_error(&other),
        })?;
        Ok(information(&metadata, &added, now.seconds()))
    }

    /// Requires the initial access token (RFC 7591 §3) as a bearer token, if one is configured.
    ///
    /// # Errors
    /// `invalid_token`.
    fn check_initial_access_token(&self, headers: &HeaderMap) -> Result<(), OAuthError> {
        let Some(expected) = &self.config.registration.initial_access_token else { return Ok(()) };
        let authorization = single_header(headers, &header::AUTHORIZATION, "Authorization")?;
        let token = authorization
            .as_deref()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"));
        match token {
            Some((_, token)) if expected.matches(token.trim().as_bytes()) => Ok(()),
            _ => {
                let description = "registration needs this provider's initial access token, as Authorization: Bearer";
                Err(OAuthError::new(ErrorCode::InvalidToken, description))
            }
        }
    }
}

/// An error of an entry in words for somebody who can't change the operator's file: without its headings, and without what
/// the operator alone can do.
fn for_client(message: &str) -> String {
    let message = message.replace(" in [[clients]]", "").replace("`jwks`, `jwks_file`", "`jwks`");
    match message.split_once("; ") {
        Some((what, remedy)) if ["[[", "[tls]", "[policy]", "the file"].iter().any(|place| remedy.contains(place)) => {
            format!("{what}; ask its operator")
        }
        _ => message,
    }
}

async fn read_metadata(request: Request) -> Result<Map<String, Value>, OAuthError> {
    let invalid = |description: &str| OAuthError::new(ErrorCode::InvalidClientMetadata, description);
    let body = axum::body::to_bytes(request.into_body(), limits::BODY_BYTES).await;
    let body =
        body.map_err(|_| invalid("the body is larger than 16 KiB").with_status(StatusCode::PAYLOAD_TOO_LARGE))?;
    // Unknown members are ignored, whatever they hold; a repeated one would be ambiguous.
    let read = json::read(&body, Strictness::FOREIGN);
    let Json::Object(metadata) = read.map_err(|error| invalid(&format!("the body is not valid JSON: {error}")))? else {
        return Err(invalid("the body must be a JSON object with the client's metadata (RFC 7591 2)"));
    };
    let known = metadata.iter().filter(|(name, _)| is_known(name));
    let read = known.map(|(name, value)| {
        let value = value_of(value).ok_or_else(|| invalid(&format!("{name} has a number that is too large")))?;
        Ok((name.clone(), value))
    });
    read.collect()
}

/// Whether the metadata of this name is used here.
fn is_known(name: &str) -> bool {
    COPIED.contains(&name) || ["client_name", "jwks"].contains(&name)
}

/// `None` for a number beyond what a double can hold.
fn value_of(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => (*flag).into(),
        Json::Number(literal) => Value::Number(serde_json::from_str(literal).ok()?),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => items.iter().map(value_of).collect::<Option<Vec<_>>>()?.into(),
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| Some((name.clone(), value_of(value)?)));
            Value::Object(members.collect::<Option<_>>()?)
        }
    })
}

/// The metadata as a `[[clients]]` entry in TOML.
///
/// # Errors
/// `invalid_client_metadata` for another grant than CIBA's, or a value of the wrong type.
fn entry(client_id: &str, metadata: &Map<String, Value>) -> Result<String, OAuthError> {
    let invalid = |description: String| OAuthError::new(ErrorCode::InvalidClientMetadata, description);
    let grants = metadata.get("grant_types").and_then(Value::as_array);
    if !grants.is_some_and(|grants| grants.iter().any(|grant| grant == CIBA_GRANT)) {
        let wrong =
            grants.is_some_and(|grants| grants.iter().any(|grant| grant == "urn:ietf:params:oauth:grant-type:ciba"));
        let hint = if wrong { ", not urn:ietf:params:oauth:grant-type:ciba" } else { "" };
        return Err(invalid(format!("grant_types must list {CIBA_GRANT}{hint}")));
    }
    let mut table = toml::Table::new();
    table.insert("client_id".to_owned(), client_id.into());
    // The default of RFC 7591 §2.
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
    for name in COPIED {
        if let Some(value) = metadata.get(name).filter(|value| !value.is_null()) {
            let value = toml_of(value).ok_or_else(|| invalid(format!("{name} has the wrong type")))?;
            table.insert(name.to_owned(), value);
        }
    }
    let mut entry = toml::Table::new();
    entry.insert("clients".to_owned(), toml::Value::Array(vec![table.into()]));
    toml::to_string(&entry).map_err(|error| server_error(&error))
}

/// JSON as TOML; `None` for numbers, objects and null, which no metadata are.
fn toml_of(value: &Value) -> Option<toml::Value> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Bool(flag) => Some((*flag).into()),
        Value::Array(items) => items.iter().map(toml_of).collect::<Option<Vec<_>>>().map(toml::Value::Array),
        _ => None,
    }
}

/// Client information response (RFC 7591 §3.2.1), defaults included.
fn information(metadata: &Map<String, Value>, added: &AddedClient, now: u64) -> Value {
    let mut response = metadata.clone();
    response.entry("token_endpoint_auth_method").or_insert_with(|| "client_secret_basic".into());
    response.entry("backchannel_token_delivery_mode").or_insert_with(|| "poll".into());
    response.entry("id_token_signed_response_alg").or_insert_with(|| "ES256".into());
    response.insert("client_id".to_owned(), added.client_id.as_str().into());
    response.insert("client_id_issued_at".to_owned(), now.into());
    if let Some(secret) = &added.secret {
        response.insert("client_secret".to_owned(), secret.expose().into());
        response.insert("client_secret_expires_at".to_owned(), 0.into());
    }
    Value::Object(response)
}
