//! Authentication request and its acknowledgement (CIBA Core §7.1, §7.3).

use std::time::Duration;

use countersign_jose::json::Json;
use serde::Serialize;

use super::http_client::{CallError, HttpClient};
use crate::error_code::ErrorCode;
use crate::failure::Failure;

/// The parameters of an authentication request (CIBA Core §7.1).
#[derive(Debug, Clone, Default)]
pub struct AuthenticationRequest {
    /// The user to ask: `login_hint`.
    pub login_hint: String,
    /// A space-delimited list with `openid`.
    pub scope: String,
    /// Shown on the client's screen and on the device.
    pub binding_message: Option<String>,
    /// `authorization_details` as JSON (RFC 9396), sent unchanged.
    pub authorization_details: Option<String>,
    /// The till or counter it comes from.
    pub terminal: Option<String>,
    /// `boolean`, `number_choose` or `input_manual`.
    pub interaction_type: Option<&'static str>,
    /// Requested lifetime, in seconds.
    pub requested_expiry: Option<u64>,
}

/// The provider accepted the request (CIBA Core §7.3).
#[derive(Debug, Clone, Serialize)]
pub struct Acknowledgement {
    /// The id of the request.
    pub auth_req_id: String,
    /// What people call it, at a provider that names it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub r#ref: Option<String>,
    /// Seconds until it expires.
    pub expires_in: u64,
    /// Minimum seconds between two polls.
    pub interval: u64,
    /// How the person shows that they are looking at the right request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction_type: Option<String>,
    /// The number for the client to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction_value: Option<String>,
    /// How the best of the person's devices is reached now: `push`, `stream` or `open_app`; for vouched clients alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wake: Option<String>,
}

/// Poll interval in seconds where the provider names none (CIBA Core §7.3).
const INTERVAL: u64 = 5;

/// Sends the request.
///
/// # Errors
/// [`CallError`]; an acknowledgement without `auth_req_id` or `expires_in` is one.
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
        ("terminal", request.terminal.as_deref()),
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
            r#ref: text("ref"),
            expires_in,
            interval: number("interval").unwrap_or(INTERVAL),
            interaction_type: text("interaction_type"),
            interaction_value: text("interaction_value"),
            wake: text("wake"),
        }),
        _ => {
            let what = format!("{endpoint} accepted the request without auth_req_id and expires_in");
            Err(CallError::Transport(Failure::provider(ErrorCode::NotAProvider, what)))
        }
    }
}
