//! Where an account's two keys are: the transport key, ready at any time, and the approval key, shut until the person is
//! verified.

use std::sync::Arc;

use countersign_protocol::key::{PublicKey, Signer};
use countersign_protocol::registration::KeyProtection;
use countersign_protocol::secret::Secret;
use thiserror::Error;

use crate::account::AccountId;
use crate::pin::PinEntry;

/// Makes, keeps, uses and destroys keys. A file, a TPM, a phone's keystore are implementations.
pub trait KeyStore: Send + Sync {
    /// What keeps the approval keys made here.
    fn protection(&self) -> KeyProtection;

    /// Makes both keys of a new account; the approval key opens with this PIN from now on.
    ///
    /// # Errors
    /// [`KeyError::Storage`].
    fn make(&self, account: &AccountId, pin: &PinEntry) -> Result<NewKeys, KeyError>;

    /// The transport key.
    ///
    /// # Errors
    /// [`KeyError::Gone`] where it was destroyed.
    fn transport(&self, account: &AccountId) -> Result<Arc<dyn Signer>, KeyError>;

    /// Opens the approval key with the PIN. Whoever calls this has counted the try first ([`crate::pin::PinGuard`]).
    ///
    /// # Errors
    /// [`KeyError::WrongPin`]; [`KeyError::Gone`] where it was destroyed.
    fn open_approval(&self, account: &AccountId, pin: &PinEntry) -> Result<Box<dyn Signer>, KeyError>;

    /// Destroys the approval key alone: the account still fetches, denies and reports.
    ///
    /// # Errors
    /// [`KeyError::Storage`]. A key that is gone already is no error.
    fn destroy_approval(&self, account: &AccountId) -> Result<(), KeyError>;

    /// Destroys both keys.
    ///
    /// # Errors
    /// [`KeyError::Storage`]. Keys that are gone already are no error.
    fn destroy(&self, account: &AccountId) -> Result<(), KeyError>;

    /// Whether the approval key still exists.
    fn has_approval(&self, account: &AccountId) -> bool;

    /// Seals a secret (a device credential) so that it can be stored with other records.
    ///
    /// # Errors
    /// [`KeyError::Storage`].
    fn seal(&self, account: &AccountId, secret: &Secret) -> Result<String, KeyError>;

    /// Opens what [`KeyStore::seal`] sealed for this account.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`].
    fn unseal(&self, account: &AccountId, sealed: &str) -> Result<Secret, KeyError>;
}

/// The public halves of new keys.
#[derive(Clone, Debug)]
pub struct NewKeys {
    /// Signs transport, denials and disputes.
    pub transport: PublicKey,
    /// Signs approvals.
    pub approval: PublicKey,
}

/// Why a key could not be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The PIN does not open it.
    #[error("wrong PIN")]
    WrongPin,
    /// It was destroyed, or never made.
    #[error("the key of this account is gone; remove the account and enroll again")]
    Gone,
    /// It is there and can't be read.
    #[error("the key of this account cannot be read; its file was changed or written by a newer version")]
    Unreadable,
    /// Its keeper refused.
    #[error("the key store cannot be used: {0}")]
    Storage(#[from] std::io::Error),
}

impl KeyError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            KeyError::WrongPin => "wrong_pin",
            KeyError::Gone => "key_gone",
            KeyError::Unreadable => "key_unreadable",
            KeyError::Storage(_) => "key_store_unusable",
        }
    }
}

pub use memory::MemoryKeys;
mod memory;
