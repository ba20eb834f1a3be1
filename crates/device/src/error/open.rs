//! Opening a device and its accounts.

use thiserror::Error;

use crate::ports::key_store::KeyError;
use crate::ports::vault::VaultError;

/// Why a device could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The home folder.
    #[cfg(feature = "edge")]
    #[error(transparent)]
    Home(#[from] crate::home::HomeError),
    /// Another page of this browser holds the device.
    #[error("another window of this browser holds this device; close it, or answer there")]
    HeldElsewhere,
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A stored account does not verify.
    #[error("the account {account} cannot be used: {why}")]
    Account {
        /// The account's id.
        account: String,
        /// What is wrong, in English.
        why: &'static str,
    },
    /// The HTTP client could not be set up; the reason, in English.
    #[error("{0}")]
    Http(String),
}

impl OpenError {
    /// What is wrong with one account, in English, to be shown beside the account.
    pub(crate) fn why(&self) -> String {
        match self {
            OpenError::Account { why, .. } => (*why).to_owned(),
            other => other.to_string(),
        }
    }

    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            #[cfg(feature = "edge")]
            OpenError::Home(error) => error.code(),
            OpenError::HeldElsewhere => "home_in_use",
            OpenError::Vault(error) => error.code(),
            OpenError::Keys(error) => error.code(),
            OpenError::Account { .. } => "account_damaged",
            OpenError::Http(_) => "http_unavailable",
        }
    }
}
