//! Extractor of a POST: a form (or JSON, where accepted) of at most 16 KiB, and the sender's credentials.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use countersign_gateway::CallConnection;
use countersign_protocol::limits;

use super::form::{Form, FormError};
use super::{ClientAddress, ErrorCode, OAuthError, PeerCertificate};

/// The header with a DPoP proof (RFC 9449 §4.1).
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A POST with a form body.
pub(crate) struct PostedForm {
    /// The one `Authorization` header, if there is one.
    pub(crate) authorization: Option<String>,
    pub(crate) form: Form,
    /// The sender's address; `None` where no connection brought the request (tests).
    pub(crate) address: Option<ClientAddress>,
    /// The connection's client certificate.
    pub(crate) certificate: Option<PeerCertificate>,
    /// The one `DPoP` header, if there is one.
    pub(crate) proof: Option<String>,
    /// The one `Idempotency-Key` header, if there is one.
    pub(crate) idempotency_key: Option<String>,
    /// The request's path, for a proof's `htu`.
    pub(crate) path: String,
    /// Told when the client has authenticated.
    pub(crate) connection: Option<CallConnection>,
}

/// As [`PostedForm`], with the parameters as a form or as JSON.
pub(crate) struct PostedFormOrJson(pub(crate) PostedForm);

/// Reads a POST. Refused with `invalid_request`: another media type, a broken form, a parameter that appears more than
/// once, two `Authorization`, `DPoP` or `Idempotency-Key` headers, or a body over 16 KiB (413).
impl<S: Sync> FromRequest<S> for PostedForm {
    type Rejection = OAuthError;

    async fn from_request(request: Request, _: &S) -> Result<PostedForm, OAuthError> {
        PostedForm::read_as(request, Form::parse).await
    }
}

impl<S: Sync> FromRequest<S> for PostedFormOrJson {
    type Rejection = OAuthError;

    async fn from_request(request: Request, _: &S) -> Result<PostedFormOrJson, OAuthError> {
        let read = |content_type: Option<&str>, body: &[u8]| match content_type {
            Some(named) if is_json(named) => Form::parse_json(body),
            other => Form::parse(other, body),
        };
        PostedForm::read_as(request, read).await.map(PostedFormOrJson)
    }
}

impl PostedForm {
    async fn read_as(
        request: Request,
        read: impl FnOnce(Option<&str>, &[u8]) -> Result<Form, FormError>,
    ) -> Result<PostedForm, OAuthError> {
        let invalid = |description: &str| OAuthError::new(ErrorCode::InvalidRequest, description);
        let headers = request.headers();
        let authorization = single_header(headers, &header::AUTHORIZATION, "Authorization")?;
        let proof = single_header(headers, &DPOP, "DPoP")?;
        let idempotency_key = single_header(headers, &IDEMPOTENCY_KEY, "Idempotency-Key")?;
        let address = request.extensions().get::<ClientAddress>().copied();
        let certificate = request.extensions().get::<PeerCertificate>().cloned();
        let path = request.uri().path().to_owned();
        let connection = request.extensions().get::<CallConnection>().cloned();
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = axum::body::to_bytes(request.into_body(), limits::BODY_BYTES).await;
        let body = body.map_err(|_| {
            invalid("the body is larger than 16 KiB, or broke off").with_status(StatusCode::PAYLOAD_TOO_LARGE)
        })?;
        let form = read(content_type.as_deref(), &body).map_err(|error| invalid(&error.to_string()))?;
        Ok(PostedForm { authorization, form, address, certificate, proof, idempotency_key, path, connection })
    }
}

/// A header that may appear once.
///
/// # Errors
/// `invalid_request` for one that appears more than once, or is not ASCII.
pub(crate) fn single_header(
    headers: &HeaderMap,
    name: &HeaderName,
    display_name: &str,
) -> Result<Option<String>, OAuthError> {
    let invalid = |description: &str| {
        OAuthError::new(ErrorCode::InvalidRequest, format!("the {display_name} header {description}"))
    };
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(|value| value.to_str().map(str::to_owned)).transpose();
    let value = value.map_err(|_| invalid("is not ASCII"))?;
    if values.next().is_some() {
        return Err(invalid("appears more than once"));
    }
    Ok(value)
}

/// `application/json` with any parameters: JSON is UTF-8 (RFC 8259 §8.1).
pub(crate) fn is_json(content_type: &str) -> bool {
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}
