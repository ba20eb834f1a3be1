//! Authentication of a device's calls: its credential and a DPoP proof of the transport key (RFC 9449), on every call.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::key::Thumbprint;
use countersign_protocol::dpop::{DpopProof, ExpectedRequest, VerifiedProof};
use countersign_protocol::jws::Compact;
use countersign_protocol::limits;
use countersign_protocol::problem::ProblemCode;

use crate::dpop_nonce::NonceError;
use crate::rejection::{Rejection, reject};
use crate::store::credentials;
use crate::store::devices::{Device, DeviceState};
use crate::{CallConnection, Gateway, KeyOwner};

/// What authenticates a call: its headers, and the connection that is told of it.
pub(crate) struct CallHead {
    pub(crate) headers: HeaderMap,
    connection: Option<CallConnection>,
}

impl CallHead {
    /// Of a request whose body is still to be read.
    pub(crate) fn of<B>(request: &Request<B>) -> CallHead {
        CallHead::new(request.headers().clone(), request.extensions())
    }

    fn new(headers: HeaderMap, extensions: &Extensions) -> CallHead {
        CallHead { headers, connection: extensions.get().cloned() }
    }
}

impl<S: Sync> FromRequestParts<S> for CallHead {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<CallHead, Infallible> {
        Ok(CallHead::new(std::mem::take(&mut parts.headers), &parts.extensions))
    }
}

/// A device whose call was authenticated.
pub(crate) struct Caller {
    pub(crate) device: Device,
    /// Hash of the credential it presented.
    pub(crate) credential: Hash,
    pub(crate) credential_until: Timestamp,
    /// Whether a push is queued for the device.
    pub(crate) push_queued: bool,
    /// For the response's `DPoP-Nonce`.
    pub(crate) nonce: String,
}

/// The devices that an endpoint admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AdmittedDevices {
    /// Devices that take part.
    Active,
    /// These, and devices that wait for their code.
    Unconfirmed,
    /// These, and devices whose credential expired up to 90 days ago: they come for a new one.
    ExpiredCredential,
}

impl Device {
    /// How many streams it may have open, and how many long polls.
    pub(crate) fn most_held_calls(&self) -> usize {
        match self.state {
            DeviceState::Unconfirmed => limits::UNCONFIRMED_HELD_CALLS,
            _ => limits::DEVICE_HELD_CALLS,
        }
    }
}

impl Gateway {
    /// Authenticates a call. `url` is the configured endpoint, never derived from the Host header.
    pub(crate) async fn caller(
        &self,
        call: &CallHead,
        method: &str,
        url: &str,
        admits: AdmittedDevices,
    ) -> Result<Caller, Rejection> {
        let credential = credential(&call.headers)?;
        let proof = self.verify_proof(&call.headers, method, url, credential)?;
        let hash = Hash::of(credential);
        let unknown = || {
            let words = "The device's credential is not known here, or was replaced.";
            reject(ProblemCode::InvalidDeviceCredential, words)
        };
        let presented = self.store().read(move |snapshot| credentials::by_hash(snapshot, &hash)).await?;
        let presented = presented.ok_or_else(unknown)?;
        let device = presented.device;
        if device.transport_kid != *proof.key.thumbprint() {
            return Err(reject(ProblemCode::InvalidDpopProof, "The DPoP proof is by another key than the device's."));
        }
        self.accept_nonce(&proof)?;
        let nonce = self.nonce_for(&device.transport_kid);
        let admitted = self.check_state(&device, presented.expires_at, admits);
        admitted.map_err(|refused| refused.with_nonce(nonce.clone()))?;
        if !presented.used {
            let id = device.id.clone();
            let kept = self.store().write(move |tx| {
                // Streams of the credentials that this ends read again, and end.
                tx.notify_after_commit(id.as_str());
                credentials::mark_used(tx, &id, &hash)
            });
            if !kept.await? {
                return Err(unknown());
            }
        }
        if let Some(connection) = &call.connection {
            let owner = KeyOwner::Device(device.id.as_str().to_owned());
            connection.key_proven(&owner, device.state != DeviceState::Unconfirmed);
        }
        self.note_call(&device.id);
        let (credential_until, push_queued) = (presented.expires_at, presented.push_queued);
        Ok(Caller { device, credential: hash, credential_until, push_queued, nonce })
    }

    /// Whether the device may go on; checked again whenever a long call wakes up.
    pub(crate) fn check_state(
        &self,
        device: &Device,
        credential_until: Timestamp,
        admits: AdmittedDevices,
    ) -> Result<(), Rejection> {
        match device.state {
            DeviceState::Active => {}
            DeviceState::Unconfirmed if admits != AdmittedDevices::Active => {}
            DeviceState::Unconfirmed => {
                let words = "The device is not confirmed yet: type the code it shows where the link came from.";
                return Err(reject(ProblemCode::NotFound, words));
            }
            DeviceState::Suspended => {
                let words = "This device is suspended: it may have been copied or restored. Ask your provider.";
                return Err(reject(ProblemCode::DeviceSuspended, words));
            }
            DeviceState::Revoked | DeviceState::Abandoned => {
                let words = "This device was removed from the account.";
                return Err(reject(ProblemCode::DeviceRevoked, words).with_revocation(device.revocation.clone()));
            }
        }
        let grace = if admits == AdmittedDevices::ExpiredCredential { limits::CREDENTIAL_GRACE_SECONDS } else { 0 };
        if self.now() >= credential_until.plus_seconds(grace) {
            let words = "The device's credential has expired: renew it.";
            return Err(reject(ProblemCode::InvalidDeviceCredential, words));
        }
        Ok(())
    }

    /// Verifies the call's one proof against method, URL and token; nonce and key are still to be checked.
    pub(crate) fn verify_proof(
        &self,
        headers: &HeaderMap,
        method: &str,
        url: &str,
        token: &str,
    ) -> Result<VerifiedProof, Rejection> {
        let mut proofs = headers.get_all("dpop").iter();
        let (Some(proof), None) = (proofs.next(), proofs.next()) else {
            return Err(reject(ProblemCode::DpopRequired, "The call needs exactly one DPoP proof."));
        };
        let proof = proof.to_str().unwrap_or_default();
        let expected = ExpectedRequest { method, url, token, now: self.now() };
        DpopProof::verify(&Compact::from_text(proof), &expected)
            .map_err(|error| reject(ProblemCode::InvalidDpopProof, format!("{error}.")))
    }

    /// Accepts the proof's nonce and `jti` once.
    pub(crate) fn accept_nonce(&self, proof: &VerifiedProof) -> Result<(), Rejection> {
        let thumbprint = proof.key.thumbprint();
        let accepted = self.nonces().accept(proof.nonce.as_deref(), &proof.jti, thumbprint, self.now(), self.random());
        accepted.map_err(|why| refused(why).with_nonce(self.nonce_for(thumbprint)))
    }

    /// Whether the proof's nonce is one for a registration without a link.
    pub(crate) fn check_resume_nonce(&self, proof: &VerifiedProof) -> Result<(), Rejection> {
        let thumbprint = proof.key.thumbprint();
        let checked = self.resume_nonces().check(proof.nonce.as_deref(), thumbprint, self.now());
        checked.map_err(|why| refused(why).with_nonce(self.resume_nonce_for(thumbprint)))
    }

    /// Uses up the nonce of a registration without a link: no other proof may name it.
    pub(crate) fn use_up_resume_nonce(&self, proof: &VerifiedProof) -> Result<(), Rejection> {
        let (nonce, thumbprint) = (proof.nonce.as_deref(), proof.key.thumbprint());
        let once = nonce.unwrap_or_default();
        let accepted = self.resume_nonces().accept(nonce, once, thumbprint, self.now(), self.random());
        accepted.map_err(refused)
    }

    /// A fresh nonce for the registration of a key without a link.
    pub(crate) fn resume_nonce_for(&self, thumbprint: &Thumbprint) -> String {
        self.resume_nonces().issue(thumbprint, self.now())
    }

    /// A fresh nonce for a key.
    pub(crate) fn nonce_for(&self, thumbprint: &Thumbprint) -> String {
        self.nonces().issue(thumbprint, self.now())
    }
}

fn refused(why: NonceError) -> Rejection {
    match why {
        NonceError::UseNew => {
            reject(ProblemCode::UseDpopNonce, "Sign the proof again with the nonce of this response.")
        }
        NonceError::Replayed => reject(ProblemCode::InvalidDpopProof, "This DPoP proof was used before."),
    }
}

/// The credential of `Authorization: DPoP <credential>` (RFC 9449 §7.1).
pub(crate) fn credential(headers: &HeaderMap) -> Result<&str, Rejection> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let one = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    };
    one.and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("dpop"))
        .map(|(_, credential)| credential.trim())
        .filter(|credential| !credential.is_empty() && credential.len() <= 512)
        .ok_or_else(|| {
            reject(ProblemCode::DpopRequired, "The call needs Authorization: DPoP with the device's credential.")
        })
}
