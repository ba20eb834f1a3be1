//! Asks: the authentication request and its acknowledgement (CIBA Core §7).

use std::time::Duration;

use countersign_protocol::json::Json;
use serde::Serialize;

use super::http_client::{CallError, HttpClient};
use crate::failure::Failure;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct AuthenticationRequest {
    /// Whom to ask.
    pub login_hint: String,
    /// Names separated by blanks, `openid` among them.
    pub scope: String,
    /// A line for both screens.
    pub binding_message: Option<String>,
    /// JSON, sent as it is.
    pub authorization_details: Option<String>,
    /// `boolean`, `number_choose` or `input_manual`.
    pub interaction_type: Option<&'static str>,
    /// How long the person may take, in seconds.
    pub requested_expiry: Option<u64>,
}

/// The provider took the request.
#[derive(Debug, Clone, Serialize)]
pub struct Acknowledgement {
    /// The request, between client and provider.
    pub auth_req_id: String,
    /// Seconds until it ends.
    pub expires_in: u64,
    /// Seconds between two polls.
    pub interval: u64,
    /// How the person proves that they look at the right request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction_type: Option<String>,
    /// The number to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction_value: Option<String>,
}

/// CIBA Core §7.3: where the provider names no interval.
const INTERVAL: u64 = 5;

/// Sends the request.
pub async fn request(
    http: &HttpClient,
    endpoint: &str,
    request: &AuthenticationRequest,
) -> Result<Acknowledgement, CallError> {
    let expiry = request.requested_expiry.map(|seconds| seconds.to_string());
    let mut form = vec![("scope", request.scope.as_str()), ("login_hint", request.login_hint.as_str())];
    let optional = [
        ("binding_message", request.binding_message.as_deref()),
        ("authorization_details", request.authorization_details.as_deref()),
        ("interaction_type", request.interaction_type),
        ("requested_expiry", expiry.as_deref()),
    ];
    form.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let reply = http.post(endpoint, &form, Duration::from_secs(15)).await?.json;
    let text = |name: &str| reply.get(name).and_then(Json::as_str).map(str::to_owned);
    let number = |name: &str| match reply.get(name) {
        Some(Json::Number(literal)) => literal.parse().ok(),
        _ => None,
    };
    match (text("auth_req_id"), number("expires_in")) {
        (Some(auth_req_id), Some(expires_in)) => Ok(Acknowledgement {
            auth_req_id,
            expires_in,
            interval: number("interval").unwrap_or(INTERVAL),
            interaction_type: text("interaction_type"),
            interaction_value: text("interaction_value"),
        }),
        _ => {
            let what = format!("{endpoint} took the request without saying auth_req_id and expires_in");
            Err(CallError::Transport(Failure::provider("not_a_provider", what)))
        }
    }
}
