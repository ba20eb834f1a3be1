//! Taking an account off a device.

use thiserror::Error;

use crate::ports::key_store::KeyError;
use crate::ports::vault::VaultError;

/// Why an account could not be taken off this device.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UnenrollError {
    /// This device has no such account.
    #[error("this device has no such account; `countersign accounts` lists them")]
    Unknown,
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl UnenrollError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            UnenrollError::Unknown => "unknown_account",
            UnenrollError::Vault(error) => error.code(),
            UnenrollError::Keys(error) => error.code(),
        }
    }
}
