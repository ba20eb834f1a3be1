//! Devices that several people use: every account has a PIN of its own person, and none a passkey.

use countersign_protocol::problem::ProblemCode;

use crate::account::Account;
use crate::device::Device;
use crate::enroll::EnrollmentResult;
use crate::error::EnrollError;
use crate::link_preview::LinkPreview;
use crate::ports::user_verifier::UserVerifier;
use crate::ports::vault::VaultError;

impl Device {
    /// Enrolls one of several people who use this device, with a PIN of their own: a passkey could be used by whoever unlocks it. From
    /// then on every account here is made like this, and no passkey approves on this device.
    ///
    /// # Errors
    /// [`EnrollError`]; [`EnrollError::Refused`] with `shared_not_allowed` where the provider takes no such devices,
    /// [`EnrollError::NoPin`] for anything but a person's PIN.
    pub async fn enroll_shared(
        &self,
        preview: &LinkPreview,
        device_name: &str,
        verifier: &dyn UserVerifier,
    ) -> Result<EnrollmentResult, EnrollError> {
        if !preview.shared_allowed {
            return Err(EnrollError::Refused { code: ProblemCode::SharedNotAllowed, detail: None });
        }
        self.enroll_as(preview, device_name, true, verifier).await
    }

    /// Whether several people use this device.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn is_shared(&self) -> Result<bool, VaultError> {
        Ok(self.inner.services.vault.accounts().await?.iter().any(Account::is_shared_here))
    }
}
