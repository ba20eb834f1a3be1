//! Enrollment statements: the first makes a device take part, and a new one follows where what it says has changed. Also the news
//! to the user's other devices.

use countersign_jose::hash::Hash;
use countersign_protocol::enrollment::{ApprovalKeyType, ConfirmedBy, EnrollmentStatement, StatedProtection};
use countersign_protocol::id::{DeviceId, MessageId, Subject};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::limits;
use countersign_protocol::notice::{DeviceEvent, DeviceNotice};
use countersign_protocol::text::{self, TextError};
use countersign_store::{Error as StoreError, Snapshot, Transaction};

use crate::Gateway;
use crate::event_sink::GatewayEvent;
use crate::outcome::EndError;
use crate::store::devices::{self, Device};
use crate::store::{feed, links};
use crate::withdrawal::AT_ONCE;

/// A device was not renamed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenameError {
    /// The name is empty, too long, or has a character that is not allowed.
    #[error("the device's name: {0}")]
    Name(#[from] TextError),
    /// The store failed, or the gateway's key did not sign.
    #[error(transparent)]
    End(#[from] EndError),
}

impl RenameError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            RenameError::Name(_) => "invalid_device_name",
            RenameError::End(error) => error.code(),
        }
    }
}

impl Gateway {
    /// Confirms a registered device: signs its enrollment statement, and notifies it and the user's other devices.
    pub(crate) fn confirm_device(
        &self,
        transaction: &Transaction<'_>,
        device: &Device,
        confirmed_by: ConfirmedBy,
    ) -> Result<(), EndError> {
        let link = links::by_id(transaction, &device.link)?;
        self.confirm_labelled(transaction, device, confirmed_by, link.map(|link| link.subject_label))
    }

    /// As [`Gateway::confirm_device`], where the user's name is not that of the device's link.
    pub(super) fn confirm_labelled(
        &self,
        transaction: &Transaction<'_>,
        device: &Device,
        confirmed_by: ConfirmedBy,
        subject_label: Option<String>,
    ) -> Result<(), EndError> {
        let now = self.now();
        let before = devices::statements(transaction, &device.id)?;
        let statement = EnrollmentStatement {
            iss: self.settings().issuer.clone(),
            sub: device.subject.clone(),
            jti: MessageId::random(self.random()),
            iat: now.seconds(),
            device_id: device.id.clone(),
            device_name: device.name.clone(),
            subject_label,
            transport_key: device.transport_key()?,
            approval_key: device.approval_key()?,
            approval_key_type: match device.passkey {
                None => ApprovalKeyType::P256,
                Some(_) => ApprovalKeyType::Webauthn,
            },
            webauthn: device.passkey.clone(),
            shared: device.shared,
            code_origin: device.code_origin.clone(),
            on_behalf_of: self.on_behalf_of(),
            device_class: device.class,
            key_protection: StatedProtection { claimed: device.key_protection, verified: device.key_verified },
            confirmed_by,
            sequence: before.len() as u64 + 1,
            prev: before.last().map(Hash::of),
            must_understand: match device.passkey {
                None => Vec::new(),
                Some(_) => EnrollmentStatement::PASSKEY_MEMBERS.map(str::to_owned).to_vec(),
            },
        };
        self.put_in_force(transaction, &statement)?;
        devices::confirm(transaction, &device.id, now)?;
        self.notify_other_devices(transaction, &device.subject, DeviceEvent::DeviceAdded, Some(device))?;
        let Device { subject, id: device_id, name, class, .. } = device;
        let added = GatewayEvent::DeviceAdded { subject, device: device_id, name, class: *class };
        self.event_sink().record(transaction, &added)?;
        tracing::info!(device = %device.id, ?confirmed_by, "device confirmed");
        Ok(())
    }

    /// Signs a statement, which is in force from now on, and sends it to its device.
    fn put_in_force(&self, transaction: &Transaction<'_>, statement: &EnrollmentStatement) -> Result<(), EndError> {
        let signed = Compact::sign(statement, &self.keys().signing)?;
        devices::add_statement(transaction, statement, &signed)?;
        feed::append(transaction, &statement.device_id, "notice", signed.as_str(), self.now(), self.random())?;
        Ok(())
    }

    /// Puts a new statement in force if what a device's latest one says is no longer so: after this change, and by the
    /// configuration. Returns whether it did.
    fn restate(
        &self,
        transaction: &Transaction<'_>,
        device: &DeviceId,
        change: impl FnOnce(&mut EnrollmentStatement),
    ) -> Result<bool, EndError> {
        let Some(latest) = devices::latest_statement(transaction, device)? else { return Ok(false) };
        // Signed by this gateway.
        let before = latest.peek().map_err(|_| StoreError::MissingRow)?;
        let mut next = EnrollmentStatement { on_behalf_of: self.on_behalf_of(), ..before.clone() };
        change(&mut next);
        if next == before {
            return Ok(false);
        }
        next.jti = MessageId::random(self.random());
        next.iat = self.now().seconds().max(before.iat);
        next.sequence = before.sequence + 1;
        next.prev = Some(latest.hash());
        self.put_in_force(transaction, &next)?;
        tracing::info!(%device, sequence = next.sequence, "a device's enrollment statement has changed");
        Ok(true)
    }

    /// Tells a user's devices the name that the user has from now on, by a new enrollment statement for each that has another.
    /// Returns their number.
    ///
    /// # Errors
    /// [`EndError`]; then the transaction must be rolled back.
    pub fn relabel(
        &self,
        transaction: &Transaction<'_>,
        subject: &Subject,
        subject_label: &str,
    ) -> Result<usize, EndError> {
        let mut changed = 0;
        for device in devices::active(transaction, subject)? {
            let label = |next: &mut EnrollmentStatement| next.subject_label = Some(subject_label.to_owned());
            changed += usize::from(self.restate(transaction, &device.id, label)?);
        }
        Ok(changed)
    }

    /// Whether every active device of a user was told this name.
    ///
    /// # Errors
    /// The store's.
    pub fn is_labelled(
        &self,
        snapshot: &Snapshot<'_>,
        subject: &Subject,
        subject_label: &str,
    ) -> Result<bool, StoreError> {
        for device in devices::active(snapshot, subject)? {
            let latest = devices::latest_statement(snapshot, &device.id)?.map(|latest| latest.peek());
            if !matches!(latest, Some(Ok(said)) if said.subject_label.as_deref() == Some(subject_label)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives an active device another name, of 1 to 100 characters by the protocol's text rules, and tells it by a new enrollment
    /// statement. Returns whether there is such a device.
    ///
    /// # Errors
    /// [`RenameError`]; nothing was changed.
    pub async fn rename_device(&self, device: &DeviceId, name: &str) -> Result<bool, RenameError> {
        text::check(name, limits::NAME_CHARACTERS)?;
        let (gateway, device, name) = (self.clone(), device.clone(), name.to_owned());
        let renamed = self.store().write(move |tx: &Transaction<'_>| gateway.rename_device_in(tx, &device, &name));
        Ok(renamed.await?)
    }

    /// As [`Gateway::rename_device`], for a name that was checked.
    pub(crate) fn rename_device_in(
        &self,
        transaction: &Transaction<'_>,
        device: &DeviceId,
        name: &str,
    ) -> Result<bool, EndError> {
        if !devices::rename(transaction, device, name)? {
            return Ok(false);
        }
        self.restate(transaction, device, |next| name.clone_into(&mut next.device_name))?;
        Ok(true)
    }

    /// Brings what every device is told of the providers whose requests it may get up to the configuration, a few devices in each
    /// write.
    pub(crate) async fn restate_on_behalf_of(&self) -> Result<(), EndError> {
        let issuers = self.on_behalf_of();
        loop {
            let listed = issuers.clone();
            let some = self
                .store()
                .read_slow(move |snapshot| devices::on_behalf_of_others(snapshot, listed.as_deref(), AT_ONCE))
                .await?;
            if some.is_empty() {
                return Ok(());
            }
            let gateway = self.clone();
            let restated = self.store().write(move |tx: &Transaction<'_>| {
                some.iter().try_for_each(|device| gateway.restate(tx, device, |_| {}).map(drop))
            });
            restated.await?;
        }
    }

    fn on_behalf_of(&self) -> Option<Vec<Issuer>> {
        Some(self.settings().on_behalf_of.clone()).filter(|issuers| !issuers.is_empty())
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
