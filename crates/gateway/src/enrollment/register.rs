//! Device registration: binds a device's two keys to the user of an enrollment link. Idempotent: the same request gets the
//! same device again after a lost 201; another key is refused.

use countersign_jose::hash::Hash;
use countersign_jose::key::{PublicKey, Signer as _};
use countersign_jose::secret::Secret;
use countersign_protocol::discovery::Mode;
use countersign_protocol::enrollment::{ApprovalKeyType, ConfirmedBy};
use countersign_protocol::limits;
use countersign_protocol::notice::DeviceEvent;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::registration::{
    Confirm, DeviceClass, DeviceStatus, KeyProof, KeyProtection, KeySet, ProvenKey, RegistrationRequest,
    RegistrationResponse, RegistrationToken, TokenError,
};
use countersign_protocol::webauthn::{AttestationResult, CreatedPasskey, StatedPasskey};
use countersign_store::Transaction;

use super::description::{CheckedDescription, DeviceKeys, check_passkey_device};
use super::resume::{KnownPasskey, active_device, unknown_passkey};
use crate::Gateway;
use crate::attestation::{self, AttestationError};
use crate::rejection::{Rejection, reject};
use crate::store::credentials;
use crate::store::devices::{self, Device, DeviceState};
use crate::store::links::{self, Link, LinkState};
use crate::store::passkeys::{self, NewPasskey};

/// A registration whose token, keys and proofs are verified.
pub(crate) struct VerifiedRegistration {
    token: RegistrationToken,
    device: CheckedDescription,
    key: RegisteredKey,
    /// Hash of the body's bytes; identifies a repeated registration.
    body: Hash,
}

/// The approval key of a registration.
enum RegisteredKey {
    /// A key of the device's own, that no device ever had.
    P256(PublicKey),
    /// A passkey that no device ever had, and what its statement will say of it.
    Passkey(PublicKey, Box<NewPasskey>),
    /// The passkey of a device that is to be replaced.
    Known(Box<KnownPasskey>),
}

impl RegisteredKey {
    const fn public_key(&self) -> &PublicKey {
        match self {
            Self::P256(key) | Self::Passkey(key, _) => key,
            Self::Known(known) => known.key(),
        }
    }
}

/// Result of a registration; both cases commit.
enum RegistrationReply {
    Response(Box<RegistrationResponse>),
    AlreadyUsed,
}

impl Gateway {
    /// Verifies the registration token, before any other member is read.
    pub(crate) fn check_token(&self, request: &RegistrationRequest) -> Result<RegistrationToken, Rejection> {
        let ours = self.keys();
        let mut keys = KeySet { keys: vec![ours.registration.public_key().clone()] };
        keys.keys.extend(ours.former_registration.iter().cloned());
        let endpoint = &self.urls().registration;
        RegistrationToken::verify(&request.registration_token, &keys, &self.settings().issuer, endpoint, self.now())
            .map_err(|error| match error {
                TokenError::Expired => {
                    reject(ProblemCode::RegistrationTokenExpired, "This link has expired. Ask for a new one.")
                }
                other => reject(ProblemCode::InvalidRegistrationToken, other.to_string()),
            })
    }

    /// Verifies the other members. `proven` is the key of the request's DPoP proof; `page`, the request's `Origin`.
    pub(crate) async fn check_registration(
        &self,
        token: RegistrationToken,
        request: RegistrationRequest,
        proven: &PublicKey,
        page: Option<&str>,
        body: &[u8],
    ) -> Result<VerifiedRegistration, Rejection> {
        if request.public_key != *proven {
            let detail = "The DPoP proof is signed by another key than public_key.";
            return Err(reject(ProblemCode::InvalidPublicKey, detail));
        }
        let key = match (&request.approval_key, &request.approval_proof) {
            (None, KeyProof::Known(proof)) => {
                RegisteredKey::Known(Box::new(self.known_by_link(&token, &request, proof).await?))
            }
            _ => self.check_approval_key(&token, &request)?,
        };
        let device = self.check_description(&request.public_key, &request.device, page)?;
        let automated = request.device.device_class == DeviceClass::Automated;
        if automated && !token.allow_automated && self.settings().mode != Mode::Test {
            let detail = "This link is for an interactive device, not for an automated one.";
            return Err(reject(ProblemCode::AutomatedNotAllowed, detail));
        }
        Ok(VerifiedRegistration { token, device, key, body: Hash::of(body) })
    }

    /// Verifies the approval key's proof, and that policy takes such a key.
    fn check_approval_key(
        &self,
        token: &RegistrationToken,
        request: &RegistrationRequest,
    ) -> Result<RegisteredKey, Rejection> {
        let is_passkey = request.approval_key_type == ApprovalKeyType::Webauthn;
        if is_passkey {
            check_passkey_device(&request.device)?;
        } else if request.device.key_protection == KeyProtection::Passkey {
            let detail = "key_protection is passkey where approval_key_type is webauthn, and nowhere else.";
            return Err(reject(ProblemCode::InvalidRequest, detail));
        }
        let party = self.settings().relying_party();
        if is_passkey && party.is_none() {
            return Err(reject(ProblemCode::PasskeyNotAllowed, "This provider takes no passkeys."));
        }
        let refused = |why: String| reject(ProblemCode::InvalidPublicKey, format!("approval_proof: {why}."));
        let proven = request.verify_proof(token, party.as_ref()).map_err(|why| refused(why.to_string()))?;
        match (proven, party) {
            (ProvenKey::Passkey(created), Some(party)) => {
                let verified = self.check_attestation(&created).map_err(|why| refused(why.to_string()))?;
                let stated = StatedPasskey {
                    origin: party.origin,
                    rp_id: party.rp_id,
                    backup_eligible: created.backup_eligible,
                    attestation: verified.map_or(AttestationResult::None, |_| AttestationResult::Verified),
                    aaguid: created.credential.aaguid,
                };
                if !self.settings().takes_passkey(&stated) {
                    let detail = "This provider takes passkeys alone that can't leave their device, and this one does not show it.";
                    return Err(reject(ProblemCode::PasskeyNotAllowed, detail));
                }
                let (id, sign_count, backup_state) = (created.credential.id, created.sign_count, created.backup_state);
                let passkey = NewPasskey { stated, id, sign_count, backup_state, verified };
                Ok(RegisteredKey::Passkey(created.credential.key, Box::new(passkey)))
            }
            (proven, _) => Ok(RegisteredKey::P256(proven.public_key().clone())),
        }
    }

    /// What keeps a new passkey, by an attestation under a listed root.
    fn check_attestation(&self, created: &CreatedPasskey) -> Result<Option<KeyProtection>, AttestationError> {
        let roots = &self.settings().attestation_roots;
        if roots.is_empty() { Ok(None) } else { attestation::verify(created, roots, self.now()) }
    }

    /// Binds the device, or answers a repeated registration with a new credential.
    pub(crate) async fn register(&self, checked: VerifiedRegistration) -> Result<RegistrationResponse, Rejection> {
        let gateway = self.clone();
        let replaces = matches!(checked.key, RegisteredKey::Known(_));
        let reply = self.store().write(move |tx| gateway.register_in(tx, &checked)).await?;
        if replaces {
            self.withdraw_from_ended_devices().await?;
        }
        match reply {
            RegistrationReply::Response(response) => Ok(*response),
            RegistrationReply::AlreadyUsed => {
                let words = "This link was used by another device. If that was not you, tell your provider.";
                Err(reject(ProblemCode::RegistrationTokenAlreadyUsed, words))
            }
        }
    }

    fn register_in(
        &self,
        tx: &Transaction<'_>,
        checked: &VerifiedRegistration,
    ) -> Result<RegistrationReply, Rejection> {
        let unknown = || reject(ProblemCode::InvalidRegistrationToken, "This link is unknown or was deleted.");
        let link = links::by_id(tx, &checked.token.jti)?.ok_or_else(unknown)?;
        let device = match link.device.as_ref().map(|id| devices::by_id(tx, id)).transpose()?.flatten() {
            None if link.state == LinkState::Open => self.add_device(tx, checked, &link)?,
            Some(device) if is_same(checked, &link, &device) => device,
            _ => return self.link_used_again(tx, &link),
        };
        let mut response = self.registered(tx, device, link.subject_label)?;
        if let RegisteredKey::Known(known) = &checked.key {
            response.approval_key = Some(known.key().clone());
        }
        Ok(RegistrationReply::Response(Box::new(response)))
    }

    /// The response to a registration, with a new credential. A repeated registration revokes the credential in the lost response.
    pub(super) fn registered(
        &self,
        tx: &Transaction<'_>,
        device: Device,
        subject_label: String,
    ) -> Result<RegistrationResponse, Rejection> {
        credentials::end_all(tx, &device.id)?;
        let credential = Secret::random(self.random());
        let expires_at = self.now().plus_seconds(limits::CREDENTIAL_SECONDS);
        credentials::add(tx, &device.id, &Hash::of(credential.expose()), expires_at)?;

        let waits = device.state == DeviceState::Unconfirmed;
        Ok(RegistrationResponse {
            registration_ref: format!("urn:push-reg:{}", device.id),
            device_credential: credential,
            expires_in: limits::CREDENTIAL_SECONDS,
            status: if waits { DeviceStatus::Unconfirmed } else { DeviceStatus::Confirmed },
            confirmation_code: waits.then(|| self.confirmation_code(&device.id)),
            subject: device.subject,
            subject_label,
            device_id: device.id,
            evidence_root: None,
            approval_key: None,
        })
    }

    fn add_device(
        &self,
        tx: &Transaction<'_>,
        checked: &VerifiedRegistration,
        link: &Link,
    ) -> Result<Device, Rejection> {
        let passkey = match &checked.key {
            RegisteredKey::P256(_) => None,
            RegisteredKey::Passkey(_, passkey) => Some(&**passkey),
            RegisteredKey::Known(known) => {
                let old = active_device(tx, known)?.ok_or_else(unknown_passkey)?;
                let device = self.replace_device(tx, &old, known, &checked.device, Some(link))?;
                links::register(tx, &link.id, &device.id, &checked.body.to_string())?;
                links::set_state(tx, &link.id, LinkState::Confirmed)?;
                return Ok(device);
            }
        };
        let known =
            || reject(ProblemCode::InvalidPublicKey, "A key belongs to another registration: make new keys for each.");
        for key in [&checked.device.transport, checked.key.public_key()] {
            if devices::is_key_known(tx, key.thumbprint())? {
                return Err(known());
            }
        }
        if let Some(passkey) = passkey
            && passkeys::is_known(tx, &passkey.id)?
        {
            return Err(known());
        }
        if devices::count_not_ended(tx, &link.subject)? >= self.settings().max_devices_per_user {
            let words = "This user has as many devices as the provider allows: remove one first.";
            return Err(reject(ProblemCode::DeviceLimit, words));
        }
        let keys = DeviceKeys {
            subject: &link.subject,
            approval_key: checked.key.public_key(),
            passkey,
            link: &link.id,
            allow_automated: link.allow_automated,
            resumed: None,
        };
        let id = self.store_device(tx, &checked.device, &keys)?;
        links::register(tx, &link.id, &id, &checked.body.to_string())?;
        let gone = || reject(ProblemCode::Internal, "The device was not stored. Try again.");
        if link.confirm == Confirm::None && self.settings().mode == Mode::Test {
            let device = devices::by_id(tx, &id)?.ok_or_else(gone)?;
            links::set_state(tx, &link.id, LinkState::Confirmed)?;
            self.confirm_device(tx, &device, ConfirmedBy::None)?;
        }
        devices::by_id(tx, &id)?.ok_or_else(gone)
    }

    /// Another device used the link, or its device has ended: notifies the user's devices, once.
    fn link_used_again(&self, tx: &Transaction<'_>, link: &Link) -> Result<RegistrationReply, Rejection> {
        if !link.alerted {
            links::set_alerted(tx, &link.id)?;
            self.notify_other_devices(tx, &link.subject, DeviceEvent::LinkUsedAgain, None)?;
            tracing::warn!(link = %link.id, subject = %link.subject, "an enrollment link was used again, with another key");
        }
        Ok(RegistrationReply::AlreadyUsed)
    }
}

/// Whether this repeats the registration that created the link's device.
fn is_same(checked: &VerifiedRegistration, link: &Link, device: &Device) -> bool {
    matches!(link.state, LinkState::Registered | LinkState::Confirmed)
        && matches!(device.state, DeviceState::Unconfirmed | DeviceState::Active)
        && device.transport_kid == *checked.device.transport.thumbprint()
        && device.approval_kid == *checked.key.public_key().thumbprint()
        && link.registration.as_deref() == Some(checked.body.to_string().as_str())
}
