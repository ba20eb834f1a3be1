//! What a device says of itself when it registers, with a link or without.

use countersign_jose::key::PublicKey;
use countersign_protocol::discovery::SharedPolicy;
use countersign_protocol::id::{DeviceId, RegistrationTokenId, Subject};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::registration::{DeviceClass, DeviceDescription, KeyProtection};
use countersign_protocol::{limits, text};
use countersign_store::Transaction;

use crate::Gateway;
use crate::push::CheckedAddress;
use crate::rejection::{Rejection, reject};
use crate::store::devices::{self, NewDevice};
use crate::store::feed;
use crate::store::passkeys::{NewPasskey, Resumed};

/// A device's own description, checked.
pub(super) struct CheckedDescription {
    /// Its transport key, proven by the request's DPoP proof.
    pub(super) transport: PublicKey,
    said: DeviceDescription,
    push_address: Option<CheckedAddress>,
}

/// What is stored of a new device beside its own description.
pub(super) struct DeviceKeys<'a> {
    pub(super) subject: &'a Subject,
    pub(super) approval_key: &'a PublicKey,
    pub(super) passkey: Option<&'a NewPasskey>,
    pub(super) link: &'a RegistrationTokenId,
    pub(super) allow_automated: bool,
    pub(super) resumed: Option<Resumed>,
}

impl CheckedDescription {
    /// Whether the device can show this interaction.
    pub(super) fn shows(&self, interaction: InteractionType) -> bool {
        self.said.interaction_types.contains(&interaction)
    }
}

impl Gateway {
    /// Checks what a device says of itself. `page`: the request's `Origin`.
    pub(super) fn check_description(
        &self,
        transport: &PublicKey,
        said: &DeviceDescription,
        page: Option<&str>,
    ) -> Result<CheckedDescription, Rejection> {
        let push_address = said.push_address.clone().map(|address| self.check_push_address(address)).transpose()?;
        let device = CheckedDescription { transport: transport.clone(), said: said.clone(), push_address };
        let invalid =
            |member: &str| reject(ProblemCode::InvalidRequest, format!("{member} can't be displayed or used."));
        let origin = self.settings().issuer.origin();
        if said.code_origin.as_deref().is_some_and(|code| code != origin || page != Some(code)) {
            return Err(reject(ProblemCode::InvalidRequest, "code_origin is not the origin of this provider's page."));
        }
        text::check(&said.device_name, limits::NAME_CHARACTERS).map_err(|_| invalid("device_name"))?;
        text::check(&said.platform, limits::NAME_CHARACTERS).map_err(|_| invalid("platform"))?;
        if said.countersign_version == 0 {
            return Err(invalid("countersign_version"));
        }
        if said.shared && self.settings().shared == SharedPolicy::Refused {
            let detail = "This provider takes no devices that several people use.";
            return Err(reject(ProblemCode::SharedNotAllowed, detail));
        }
        let minimum = self.settings().minimum_interaction;
        if !device.shows(minimum) {
            let detail = format!("This provider requires devices that support {}.", minimum.as_str());
            return Err(reject(ProblemCode::InteractionTypeUnsupported, detail));
        }
        Ok(device)
    }

    /// Stores a new device, unconfirmed, and its push address.
    pub(super) fn store_device(
        &self,
        tx: &Transaction<'_>,
        device: &CheckedDescription,
        keys: &DeviceKeys<'_>,
    ) -> Result<DeviceId, Rejection> {
        let id = DeviceId::random(self.random());
        let said = &device.said;
        let known: Vec<_> =
            said.interaction_types.iter().copied().filter(|one| InteractionType::ALL.contains(one)).collect();
        devices::insert(
            tx,
            &NewDevice {
                id: &id,
                subject: keys.subject,
                name: &said.device_name,
                class: said.device_class,
                platform: &said.platform,
                key_protection: said.key_protection,
                transport_key: &device.transport,
                approval_key: keys.approval_key,
                passkey: keys.passkey,
                shared: said.shared,
                code_origin: said.code_origin.as_deref(),
                resumed: keys.resumed,
                interaction_types: &known,
                version: said.countersign_version,
                allow_automated: keys.allow_automated,
                link: keys.link,
                registered_at: self.now(),
                feed_head: feed::first(self.random()),
            },
        )?;
        if let Some(address) = &device.push_address {
            self.keep_push_address(tx, &id, address)?;
        }
        Ok(id)
    }
}

/// Checks that a device with a passkey is one that a person uses alone.
pub(super) fn check_passkey_device(said: &DeviceDescription) -> Result<(), Rejection> {
    let detail = if said.key_protection != KeyProtection::Passkey {
        "key_protection is passkey where the approval key is one."
    } else if said.device_class != DeviceClass::Interactive {
        "A passkey verifies a person: its device is interactive."
    } else if said.shared {
        "A passkey can't tell who of several people used it: a shared device has a key of another type."
    } else {
        return Ok(());
    };
    Err(reject(ProblemCode::InvalidRequest, detail))
}
