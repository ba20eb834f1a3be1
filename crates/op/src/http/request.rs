//! Takes a request apart: the `Authorization` header and a form of at most 16 KiB.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use countersign_protocol::limits;

use super::{Code, Form, OAuthError};

/// What a client posted.
pub(crate) struct Posted {
    /// The one `Authorization` header, if there is one.
    pub(crate) authorization: Option<String>,
    pub(crate) form: Form,
}

impl Posted {
    /// Reads a POST.
    ///
    /// # Errors
    /// `invalid_request` for another media type, a broken form, a parameter that stands twice, two `Authorization` headers,
    /// or a body over 16 KiB (413).
    pub(crate) async fn read(request: Request) -> Result<Posted, OAuthError> {
        let invalid = |what: &str| OAuthError::new(Code::InvalidRequest, what);
        let headers = request.headers();
        let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
        let authorization = authorizations.next().map(|value| value.to_str().map(str::to_owned)).transpose();
        let authorization = authorization.map_err(|_| invalid("the Authorization header is not ASCII"))?;
        if authorizations.next().is_some() {
            return Err(invalid("the Authorization header stands twice"));
        }
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = axum::body::to_bytes(request.into_body(), limits::BODY_BYTES).await;
        let body = body.map_err(|_| {
            invalid("the body is larger than 16 KiB, or broke off").with_status(StatusCode::PAYLOAD_TOO_LARGE)
        })?;
        let form = Form::parse(content_type.as_deref(), &body).map_err(|error| invalid(&error.to_string()))?;
        Ok(Posted { authorization, form })
    }
}
