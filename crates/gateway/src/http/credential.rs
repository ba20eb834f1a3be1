//! `POST /push/credential`: a new credential for a device; the one before serves until the new one's first use.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_jose::hash::Hash;
use countersign_jose::secret::Secret;
use countersign_protocol::limits;
use countersign_protocol::registration::CredentialResponse;

use super::reply;
use crate::Gateway;
use crate::device_auth::{AdmittedDevices, CallHead, Caller};
use crate::rejection::Rejection;
use crate::store::credentials;

pub(super) async fn renew(State(gateway): State<Gateway>, call: CallHead) -> Response {
    let url = &gateway.urls().credential;
    match gateway.caller(&call, "POST", url, AdmittedDevices::ExpiredCredential).await {
        Ok(caller) => {
            let nonce = caller.nonce.clone();
            reply::finish(issue(&gateway, caller).await, gateway.now(), Some(&nonce))
        }
        Err(refused) => reply::finish(Err(refused), gateway.now(), None),
    }
}

async fn issue(gateway: &Gateway, caller: Caller) -> Result<Response, Rejection> {
    let credential = Secret::random(gateway.random());
    let hash = Hash::of(credential.expose());
    let expires_at = gateway.now().plus_seconds(limits::CREDENTIAL_SECONDS);
    let device = caller.device.id;
    let kept = gateway.store().write(move |tx| -> Result<(), Rejection> {
        // A renewal whose reply was lost is void; what the device holds was used, for it came with it.
        credentials::end_unused(tx, &device)?;
        credentials::add(tx, &device, &hash, expires_at)?;
        Ok(())
    });
    kept.await?;
    let response = CredentialResponse { device_credential: credential, expires_in: limits::CREDENTIAL_SECONDS };
    Ok(reply::json(StatusCode::OK, &response))
}
