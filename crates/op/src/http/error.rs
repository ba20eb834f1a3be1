//! OAuth error responses: JSON of RFC 6749 §5.2, with status and headers of CIBA Core §11 and §13.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_protocol::approval_ref::ApprovalRef;
use serde::Serialize;

/// Error codes of RFC 6749 §5.2, CIBA Core §11 and §13 and RFC 9396 §5 that this provider sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    InvalidRequest,
    InvalidScope,
    InvalidClient,
    UnauthorizedClient,
    UnsupportedGrantType,
    /// RFC 6749 §4.1.2.1: of the authorization endpoint that discovery may list.
    UnsupportedResponseType,
    InvalidGrant,
    /// RFC 9449 §12.2.
    InvalidDpopProof,
    UnknownUserId,
    ExpiredLoginHintToken,
    MissingUserCode,
    InvalidUserCode,
    InvalidBindingMessage,
    InvalidAuthorizationDetails,
    /// RFC 8707 §2.
    InvalidTarget,
    AccessDenied,
    AuthorizationPending,
    SlowDown,
    ExpiredToken,
    /// RFC 7591 §3.2.2.
    InvalidClientMetadata,
    /// RFC 6750 §3.1.
    InvalidToken,
    /// Too many requests of one client; this provider's own code.
    RateLimited,
    /// A failure of this provider.
    ServerError,
    /// The store can't write at the moment.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// The code on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            ErrorCode::InvalidRequest => "invalid_request",
            ErrorCode::InvalidScope => "invalid_scope",
            ErrorCode::InvalidClient => "invalid_client",
            ErrorCode::UnauthorizedClient => "unauthorized_client",
            ErrorCode::UnsupportedGrantType => "unsupported_grant_type",
            ErrorCode::UnsupportedResponseType => "unsupported_response_type",
            ErrorCode::InvalidGrant => "invalid_grant",
            ErrorCode::InvalidDpopProof => "invalid_dpop_proof",
            ErrorCode::UnknownUserId => "unknown_user_id",
            ErrorCode::ExpiredLoginHintToken => "expired_login_hint_token",
            ErrorCode::MissingUserCode => "missing_user_code",
            ErrorCode::InvalidUserCode => "invalid_user_code",
            ErrorCode::InvalidBindingMessage => "invalid_binding_message",
            ErrorCode::InvalidAuthorizationDetails => "invalid_authorization_details",
            ErrorCode::InvalidTarget => "invalid_target",
            ErrorCode::AccessDenied => "access_denied",
            ErrorCode::AuthorizationPending => "authorization_pending",
            ErrorCode::SlowDown => "slow_down",
            ErrorCode::ExpiredToken => "expired_token",
            ErrorCode::InvalidClientMetadata => "invalid_client_metadata",
            ErrorCode::InvalidToken => "invalid_token",
            ErrorCode::RateLimited => "rate_limited",
            ErrorCode::ServerError => "server_error",
            ErrorCode::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

/// An error response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OAuthError {
    /// 400 unless the code says otherwise.
    pub(crate) status: StatusCode,
    pub(crate) code: ErrorCode,
    /// For the client's developer; limited to the characters of RFC 6749 §5.2.
    description: String,
    /// Why the user denied, or what ended the request.
    denial_reason: Option<&'static str>,
    /// What people call the request that ended (`ref`).
    reference: Option<ApprovalRef>,
    /// `Retry-After`, in seconds.
    retry_after: Option<u64>,
    /// Seconds between polls from now on (CIBA Core §11).
    interval: Option<u32>,
    /// Whether a device has the request: `waiting` or `delivered`.
    delivery: Option<&'static str>,
}

impl OAuthError {
    /// An error with its code's default status. Characters outside RFC 6749 §5.2 are replaced in the description.
    pub(crate) fn new(code: ErrorCode, description: impl Into<String>) -> OAuthError {
        let status = match code {
            ErrorCode::InvalidClient | ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
            ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        let description = description.into().chars().map(permitted).collect();
        OAuthError {
            status,
            code,
            description,
            denial_reason: None,
            reference: None,
            retry_after: None,
            interval: None,
            delivery: None,
        }
    }

    /// For the client's developer; limited to the characters of RFC 6749 §5.2.
    pub(crate) fn description(&self) -> &str {
        &self.description
    }

    /// The code on the wire.
    pub(crate) fn code(&self) -> &'static str {
        self.code.as_str()
    }

    /// Why the user denied, or what ended the request, as far as the client may know.
    pub(crate) fn denial_reason(&self) -> Option<&'static str> {
        self.denial_reason
    }

    pub(crate) fn with_status(self, status: StatusCode) -> OAuthError {
        OAuthError { status, ..self }
    }

    pub(crate) fn with_denial_reason(self, reason: Option<&'static str>) -> OAuthError {
        OAuthError { denial_reason: reason, ..self }
    }

    /// What people call the request that ended.
    pub(crate) fn reference(&self) -> Option<ApprovalRef> {
        self.reference
    }

    /// Names the request, where the error is its end: `access_denied` and `expired_token` at the token endpoint.
    pub(crate) fn with_reference(self, reference: impl Into<Option<ApprovalRef>>) -> OAuthError {
        match self.code {
            ErrorCode::AccessDenied | ErrorCode::ExpiredToken => OAuthError { reference: reference.into(), ..self },
            _ => self,
        }
    }

    pub(crate) fn with_retry_after(self, seconds: u64) -> OAuthError {
        OAuthError { retry_after: Some(seconds), ..self }
    }

    pub(crate) fn with_delivery(self, delivery: Option<&'static str>) -> OAuthError {
        OAuthError { delivery, ..self }
    }

    /// Sets the polling interval, in the body and as `Retry-After`, which Auth0's clients read.
    pub(crate) fn with_interval(self, seconds: u32) -> OAuthError {
        OAuthError { interval: Some(seconds), retry_after: Some(seconds.into()), ..self }
    }
}

/// RFC 6749 §5.2 allows %x20-21, %x23-5B and %x5D-7E in a description.
fn permitted(character: char) -> char {
    match character {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => character,
        _ => '?',
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'static str,
    error_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    denial_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#ref: Option<ApprovalRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<&'static str>,
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = Body {
            error: self.code.as_str(),
            error_description: &self.description,
            denial_reason: self.denial_reason,
            r#ref: self.reference,
            interval: self.interval,
            delivery: self.delivery,
        };
        let mut response = (self.status, [NO_STORE, PRAGMA], Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §15.5.2 wants it on every 401, RFC 6749 §5.2 where the client used the header.
            let challenge = HeaderValue::from_static(match self.code {
                ErrorCode::InvalidToken => "Bearer realm=\"countersign\", error=\"invalid_token\"",
                _ => "Basic realm=\"countersign\", charset=\"UTF-8\"",
            });
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Forbids caching (RFC 6749 §5.1).
pub(crate) const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");
/// As [`NO_STORE`], for HTTP/1.0 caches.
pub(crate) const PRAGMA: (HeaderName, &str) = (header::PRAGMA, "no-cache");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t09_a_description_holds_permitted_characters_only() {
        let error = OAuthError::new(ErrorCode::InvalidRequest, "a \"b\" \\ ü \n\u{7f} ~");
        assert_eq!(error.description, "a 'b' / ? ?? ~");
    }
}
