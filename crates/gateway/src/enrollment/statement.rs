//! Makes a device take part: its enrollment statement, and the news to the user's other devices.

use countersign_jose::hash::Hash;
use countersign_protocol::enrollment::{ApprovalKeyType, ConfirmedBy, EnrollmentStatement, StatedProtection};
use countersign_protocol::id::{DeviceId, MessageId, Subject};
use countersign_protocol::jws::Compact;
use countersign_protocol::notice::{DeviceEvent, DeviceNotice};
use countersign_store::{Error as StoreError, Transaction};

use crate::Gateway;
use crate::event_sink::GatewayEvent;
use crate::outcome::EndError;
use crate::store::devices::{self, Device};
use crate::store::{feed, links};

impl Gateway {
    /// Confirms a registered device: signs its enrollment statement, and notifies it and the user's other devices.
    pub(crate) fn confirm_device(
        &self,
        transaction: &Transaction<'_>,
        device: &Device,
        confirmed_by: ConfirmedBy,
    ) -> Result<(), EndError> {
        let now = self.now();
        let before = devices::statements(transaction, &device.id)?;
        let link = links::by_id(transaction, &device.link)?;
        let statement = EnrollmentStatement {
            iss: self.settings().issuer.clone(),
            sub: device.subject.clone(),
            jti: MessageId::random(self.random()),
            iat: now.seconds(),
            device_id: device.id.clone(),
            device_name: device.name.clone(),
            subject_label: link.map(|link| link.subject_label),
            transport_key: device.transport_key()?,
            approval_key: device.approval_key()?,
            approval_key_type: ApprovalKeyType::P256,
            on_behalf_of: None,
            device_class: device.class,
            key_protection: StatedProtection { claimed: device.key_protection, verified: device.key_verified },
            confirmed_by,
            sequence: before.len() as u64 + 1,
            prev: before.last().map(Hash::of),
        };
        let signed = Compact::sign(&statement, &self.keys().signing)?;
        devices::add_statement(transaction, &device.id, statement.sequence, signed.as_str(), &signed.hash())?;
        devices::confirm(transaction, &device.id, now)?;
        feed::append(transaction, &device.id, "notice", signed.as_str(), now, self.random())?;
        self.notify_other_devices(transaction, &device.subject, DeviceEvent::DeviceAdded, Some(device))?;
        let Device { subject, id: device_id, name, class, .. } = device;
        let added = GatewayEvent::DeviceAdded { subject, device: device_id, name, class: *class };
        self.event_sink().record(transaction, &added)?;
        tracing::info!(device = %device.id, ?confirmed_by, "device confirmed");
        Ok(())
    }

    /// Adds an event to the feeds of the user's active devices, except the one it is about.
    pub(crate) fn notify_other_devices(
        &self,
        transaction: &Transaction<'_>,
        subject: &Subject,
        event: DeviceEvent,
        about: Option<&Device>,
    ) -> Result<(), EndError> {
        let except = about.map(|device| &device.id);
        for other in self.others(transaction, subject, except)? {
            let notice = DeviceNotice {
                iss: self.settings().issuer.clone(),
                aud: other.id.clone(),
                sub: subject.clone(),
                jti: MessageId::random(self.random()),
                iat: self.now().seconds(),
                event,
                device_id: about.map(|device| device.id.clone()),
                device_name: about.map(|device| device.name.clone()),
                device_class: about.map(|device| device.class),
            };
            let signed = Compact::sign(&notice, &self.keys().signing)?;
            feed::append(transaction, &other.id, "notice", signed.as_str(), self.now(), self.random())?;
        }
        Ok(())
    }

    /// The user's active devices except one.
    pub(crate) fn others(
        &self,
        transaction: &Transaction<'_>,
        subject: &Subject,
        except: Option<&DeviceId>,
    ) -> Result<Vec<Device>, StoreError> {
        let mut devices = devices::active(transaction, subject)?;
        devices.retain(|device| Some(&device.id) != except);
        Ok(devices)
    }
}
