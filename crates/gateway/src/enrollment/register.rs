//! Device registration: binds a device's two keys to the user of an enrollment link. Idempotent: the same request gets the
//! same device again after a lost 201; another key is refused.

use countersign_jose::hash::Hash;
use countersign_jose::key::{PublicKey, Signer as _};
use countersign_jose::secret::Secret;
use countersign_protocol::discovery::{Mode, PasskeyPolicy};
use countersign_protocol::enrollment::{ApprovalKeyType, ConfirmedBy};
use countersign_protocol::id::DeviceId;
use countersign_protocol::notice::DeviceEvent;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::registration::{
    Confirm, DeviceClass, DeviceStatus, KeyProtection, KeySet, ProvenKey, RegistrationRequest, RegistrationResponse,
    RegistrationToken, TokenError,
};
use countersign_protocol::webauthn::{AttestationResult, StatedPasskey};
use countersign_protocol::{limits, text};
use countersign_store::Transaction;

use crate::Gateway;
use crate::push::CheckedAddress;
use crate::rejection::{Rejection, reject};
use crate::store::devices::{self, Device, DeviceState, NewDevice};
use crate::store::links::{self, Link, LinkState};
use crate::store::passkeys::{self, NewPasskey};
use crate::store::{credentials, feed};

/// A registration whose token, keys and proofs are verified.
pub(crate) struct VerifiedRegistration {
    token: RegistrationToken,
    request: RegistrationRequest,
    key: ProvenKey,
    push_address: Option<CheckedAddress>,
    /// Hash of the body's bytes; identifies a repeated registration.
    body: Hash,
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
    pub(crate) fn check_registration(
        &self,
        token: RegistrationToken,
        mut request: RegistrationRequest,
        proven: &PublicKey,
        page: Option<&str>,
        body: &[u8],
    ) -> Result<VerifiedRegistration, Rejection> {
        if request.public_key != *proven {
            let detail = "The DPoP proof is signed by another key than public_key.";
            return Err(reject(ProblemCode::InvalidPublicKey, detail));
        }
        let key = self.check_approval_key(&token, &request)?;
        let invalid =
            |member: &str| reject(ProblemCode::InvalidRequest, format!("{member} can't be displayed or used."));
        let origin = self.settings().issuer.origin();
        if request.code_origin.as_deref().is_some_and(|code| code != origin || page != Some(code)) {
            return Err(reject(ProblemCode::InvalidRequest, "code_origin is not the origin of this provider's page."));
        }
        text::check(&request.device_name, limits::NAME_CHARACTERS).map_err(|_| invalid("device_name"))?;
        text::check(&request.platform, limits::NAME_CHARACTERS).map_err(|_| invalid("platform"))?;
        if request.countersign_version == 0 {
            return Err(invalid("countersign_version"));
        }
        let minimum = self.settings().minimum_interaction;
        if !request.interaction_types.contains(&minimum) {
            let detail = format!("This provider requires devices that support {}.", minimum.as_str());
            return Err(reject(ProblemCode::InteractionTypeUnsupported, detail));
        }
        let automated = request.device_class == DeviceClass::Automated;
        if automated && !token.allow_automated && self.settings().mode != Mode::Test {
            let detail = "This link is for an interactive device, not for an automated one.";
            return Err(reject(ProblemCode::AutomatedNotAllowed, detail));
        }
        let push_address = request.push_address.take().map(|address| self.check_push_address(address)).transpose()?;
        Ok(VerifiedRegistration { token, request, key, push_address, body: Hash::of(body) })
    }

    /// Verifies the approval key's proof, and that policy takes such a key.
    fn check_approval_key(
        &self,
        token: &RegistrationToken,
        request: &RegistrationRequest,
    ) -> Result<ProvenKey, Rejection> {
        let is_passkey = request.approval_key_type == ApprovalKeyType::Webauthn;
        if is_passkey != (request.key_protection == KeyProtection::Passkey) {
            let detail = "key_protection is passkey where approval_key_type is webauthn, and nowhere else.";
            return Err(reject(ProblemCode::InvalidRequest, detail));
        }
        if is_passkey && request.device_class != DeviceClass::Interactive {
            return Err(reject(ProblemCode::InvalidRequest, "A passkey verifies a person: its device is interactive."));
        }
        let party = self.settings().relying_party();
        if is_passkey && party.is_none() {
            return Err(reject(ProblemCode::PasskeyNotAllowed, "This provider takes no passkeys."));
        }
        let proven = request.verify_proof(token, party.as_ref());
        let key = proven.map_err(|error| reject(ProblemCode::InvalidPublicKey, format!("approval_proof: {error}.")))?;
        // No attestation is verified here yet, so that nothing shows that a passkey stays on its device.
        if is_passkey && self.settings().passkeys == PasskeyPolicy::DeviceBound {
            let detail =
                "This provider takes passkeys alone that can't leave their device, and this one does not show it.";
            return Err(reject(ProblemCode::PasskeyNotAllowed, detail));
        }
        Ok(key)
    }

    /// Binds the device, or answers a repeated registration with a new credential.
    pub(crate) async fn register(&self, checked: VerifiedRegistration) -> Result<RegistrationResponse, Rejection> {
        let gateway = self.clone();
        match self.store().write(move |tx| gateway.register_in(tx, &checked)).await? {
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
        // A repeated registration revokes the credential in the lost response.
        credentials::end_all(tx, &device.id)?;
        let credential = Secret::random(self.random());
        let expires_at = self.now().plus_seconds(limits::CREDENTIAL_SECONDS);
        credentials::add(tx, &device.id, &Hash::of(credential.expose()), expires_at)?;

        let waits = device.state == DeviceState::Unconfirmed;
        Ok(RegistrationReply::Response(Box::new(RegistrationResponse {
            registration_ref: format!("urn:push-reg:{}", device.id),
            device_credential: credential,
            expires_in: limits::CREDENTIAL_SECONDS,
            status: if waits { DeviceStatus::Unconfirmed } else { DeviceStatus::Confirmed },
            confirmation_code: waits.then(|| self.confirmation_code(&device.id)),
            subject: link.subject,
            subject_label: link.subject_label,
            device_id: device.id,
        })))
    }

    fn add_device(
        &self,
        tx: &Transaction<'_>,
        checked: &VerifiedRegistration,
        link: &Link,
    ) -> Result<Device, Rejection> {
        let request = &checked.request;
        let known =
            || reject(ProblemCode::InvalidPublicKey, "A key belongs to another registration: make new keys for each.");
        for key in [&request.public_key, checked.key.public_key()] {
            if devices::is_key_known(tx, key.thumbprint())? {
                return Err(known());
            }
        }
        let passkey = self.new_passkey(&checked.key);
        if let Some(passkey) = &passkey
            && passkeys::is_known(tx, &passkey.id)?
        {
            return Err(known());
        }
        if devices::count_not_ended(tx, &link.subject)? >= self.settings().max_devices_per_user {
            let words = "This user has as many devices as the provider allows: remove one first.";
            return Err(reject(ProblemCode::DeviceLimit, words));
        }
        let id = DeviceId::random(self.random());
        let known: Vec<_> = request
            .interaction_types
            .iter()
            .copied()
            .filter(|one| countersign_protocol::interaction::InteractionType::ALL.contains(one))
            .collect();
        devices::insert(
            tx,
            &NewDevice {
                id: &id,
                subject: &link.subject,
                name: &request.device_name,
                class: request.device_class,
                platform: &request.platform,
                key_protection: request.key_protection,
                transport_key: &request.public_key,
                approval_key: checked.key.public_key(),
                passkey: passkey.as_ref(),
                code_origin: request.code_origin.as_deref(),
                interaction_types: &known,
                version: request.countersign_version,
                allow_automated: link.allow_automated,
                link: &link.id,
                registered_at: self.now(),
                feed_head: feed::first(self.random()),
            },
        )?;
        links::register(tx, &link.id, &id, &checked.body.to_string())?;
        if let Some(address) = &checked.push_address {
            self.keep_push_address(tx, &id, address)?;
        }
        let gone = || reject(ProblemCode::Internal, "The device was not stored. Try again.");
        if link.confirm == Confirm::None && self.settings().mode == Mode::Test {
            let device = devices::by_id(tx, &id)?.ok_or_else(gone)?;
            links::set_state(tx, &link.id, LinkState::Confirmed)?;
            self.confirm_device(tx, &device, ConfirmedBy::None)?;
        }
        devices::by_id(tx, &id)?.ok_or_else(gone)
    }

    /// What is kept of a passkey.
    fn new_passkey(&self, key: &ProvenKey) -> Option<NewPasskey> {
        let ProvenKey::Passkey(created) = key else { return None };
        let party = self.settings().relying_party()?;
        Some(NewPasskey {
            stated: StatedPasskey {
                origin: party.origin,
                rp_id: party.rp_id,
                backup_eligible: created.backup_eligible,
                attestation: AttestationResult::None,
                aaguid: created.credential.aaguid,
            },
            id: created.credential.id.clone(),
            sign_count: created.sign_count,
            verified: None,
        })
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
        && device.transport_kid == *checked.request.public_key.thumbprint()
        && device.approval_kid == *checked.key.public_key().thumbprint()
        && link.registration.as_deref() == Some(checked.body.to_string().as_str())
}
