//! `POST /push/revoke`: a device ends itself (form of the push-device draft).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use countersign_jose::hash::Hash;
use countersign_jose::secret::Secret;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::revocation::RevokedBy;

use super::reply;
use crate::Gateway;
use crate::device_auth::{AdmittedDevices, CallHead, Caller};
use crate::enrollment::RevokeError;
use crate::rejection::{Rejection, reject};

pub(super) struct Form {
    device_id: String,
    token: Secret,
}

impl Form {
    /// Reads the body; each member must be there once.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let one = |wanted: &str| {
            let mut values =
                url::form_urlencoded::parse(body).filter(|(name, _)| name == wanted).map(|(_, value)| value);
            values.next().filter(|_| values.next().is_none()).map(|value| value.into_owned())
        };
        Some(Self { device_id: one("device_id")?, token: Secret::new(one("token")?) })
    }
}

pub(super) async fn revoke(State(gateway): State<Gateway>, request: Request<Body>) -> Response {
    let call = CallHead::of(&request);
    match gateway.caller(&call, "POST", &gateway.urls().revocation, AdmittedDevices::ExpiredCredential).await {
        Ok(caller) => reply::finish(end(&gateway, &caller, request).await, gateway.now(), Some(&caller.nonce)),
        Err(refused) => reply::finish(Err(refused), gateway.now(), None),
    }
}

async fn end(gateway: &Gateway, caller: &Caller, request: Request<Body>) -> Result<Response, Rejection> {
    let is_form = reply::is_of_type(request.headers(), "application/x-www-form-urlencoded");
    let body = reply::body(request).await?;
    let invalid = |words: &str| reject(ProblemCode::InvalidRequest, words);
    let form: Form = Some(&body)
        .filter(|_| is_form)
        .and_then(|body| Form::parse(body))
        .ok_or_else(|| invalid("The body must be a form with device_id and token."))?;
    let is_own = form.device_id == caller.device.id.as_str() && Hash::of(form.token.expose()) == caller.credential;
    if !is_own {
        return Err(invalid("A device can only revoke itself: device_id and token must be its own."));
    }
    let revoked = gateway.revoke_device(&caller.device.id, RevokedBy::Device).await;
    revoked.map_err(|error| match error {
        RevokeError::Store(error) => Rejection::from(error),
        other => {
            tracing::error!(error = %other, "a device could not be revoked");
            Rejection::from(countersign_store::Error::Closed)
        }
    })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
