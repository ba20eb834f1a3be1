//! A registered device becomes an account: stored, started, and brought up to date once.

use std::sync::atomic::Ordering;

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::key::PublicKey;
use countersign_protocol::registration::{DeviceDescription, DeviceStatus, RegistrationResponse};
use countersign_protocol::text;

use crate::account::{Account, AccountEndpoints, AccountId, AccountStatus, Lifetime};
use crate::core::Event;
use crate::device::Device;
use crate::enroll::EnrollmentResult;
use crate::error::EnrollError;
use crate::link_preview::VerifiedProvider;
use crate::ports::key_store::KeyError;
use crate::ports::vault::Change;

/// An account about to be stored.
pub(crate) struct NewAccount {
    pub(crate) id: AccountId,
    pub(crate) provider: VerifiedProvider,
    pub(crate) device: DeviceDescription,
    pub(crate) transport_key: PublicKey,
    pub(crate) approval_key: PublicKey,
}

impl Device {
    /// Stores the account of a registration, starts it, and fetches once. The registration of this token is done.
    pub(crate) async fn keep(
        &self,
        new: NewAccount,
        registered: RegistrationResponse,
        now: Timestamp,
        token: Hash,
    ) -> Result<EnrollmentResult, EnrollError> {
        let account = self.account(new, &registered, now).await?;
        let enrolled = EnrollmentResult {
            account: account.id.clone(),
            issuer: account.issuer.clone(),
            subject: account.subject.clone(),
            subject_label: text::escape(&account.subject_label),
            device_id: account.device_id.clone(),
            device_class: account.device_class,
            key_protection: account.key_protection,
            confirmation_code: registered.confirmation_code,
            test: account.test,
        };
        let changes = vec![Change::PutAccount(Box::new(account.clone())), Change::DeleteEnrollment(token)];
        self.inner.services.vault.apply(&account.id, changes).await?;
        let handle = self.start(account).await.map_err(|_| EnrollError::Keys(KeyError::Unreadable))?;
        // The first fetch brings the enrollment statement; until it comes the account waits, as after any start.
        handle.task.send(Event::Wake).await.ok();
        handle.task.wait_idle().await.ok();
        if self.inner.watching.load(Ordering::SeqCst) {
            handle.task.send(Event::Watch(true)).await.ok();
        }
        Ok(enrolled)
    }

    async fn account(
        &self,
        new: NewAccount,
        registered: &RegistrationResponse,
        now: Timestamp,
    ) -> Result<Account, EnrollError> {
        let NewAccount { id, provider, device, transport_key, approval_key } = new;
        Ok(Account {
            device_name: device.device_name,
            issuer: provider.issuer,
            test: provider.test,
            support: provider.support,
            endpoints: AccountEndpoints::of(&provider.endpoints),
            subject: registered.subject.clone(),
            subject_label: registered.subject_label.clone(),
            device_id: registered.device_id.clone(),
            device_class: device.device_class,
            key_protection: device.key_protection,
            transport_key,
            approval_key,
            shared: device.shared,
            root: provider.root,
            manifests: provider.manifests,
            statements: Vec::new(),
            credential: self.inner.services.keys.seal(&id, &registered.device_credential).await?,
            credential_lifetime: Lifetime { from: now.seconds(), seconds: registered.expires_in },
            cursor: None,
            clock_ahead_ms: None,
            push_told: None,
            listed: Vec::new(),
            status: match registered.status {
                DeviceStatus::Confirmed => AccountStatus::Active,
                DeviceStatus::Unconfirmed => AccountStatus::Unconfirmed,
            },
            unenrolled_at: None,
            id,
        })
    }
}
