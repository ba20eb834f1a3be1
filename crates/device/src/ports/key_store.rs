//! Key store port: an account's transport key, usable at any time, and its approval key, which opens after user
//! verification.

use std::sync::Arc;

use countersign_jose::key::{PublicKey, Signer};
use countersign_jose::secret::Secret;
use countersign_protocol::registration::KeyProtection;
use thiserror::Error;

use crate::account::AccountId;
use crate::ports::user_verifier::Verified;

/// Generates, stores, opens and destroys keys. Files, a TPM, a phone's keystore are implementations.
pub trait KeyStore: Send + Sync {
    /// What protects the approval keys of this store, as the registration declares it.
    fn protection(&self) -> KeyProtection;

    /// Generates both keys of a new account; the approval key opens with this PIN, or by this platform's verification,
    /// from now on.
    ///
    /// # Errors
    /// [`KeyError::Storage`], [`KeyError::PinNeeded`].
    fn make(&self, account: &AccountId, user: &Verified) -> Result<NewKeys, KeyError>;

    /// The transport key, ready to sign.
    ///
    /// # Errors
    /// [`KeyError::Gone`] where it was destroyed.
    fn transport(&self, account: &AccountId) -> Result<Arc<dyn Signer>, KeyError>;

    /// Opens the approval key with the PIN, or for a person whom the platform verified. The caller has stored the try
    /// of a PIN first ([`crate::pin::PinGuard`]).
    ///
    /// # Errors
    /// [`KeyError::WrongPin`], [`KeyError::PinNeeded`]; [`KeyError::Gone`] where it was destroyed.
    fn open_approval(&self, account: &AccountId, user: &Verified) -> Result<Box<dyn Signer>, KeyError>;

    /// Destroys the approval key alone: the account can still fetch, deny and dispute.
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

    /// Encrypts a secret (a device credential) so that the vault can store it.
    ///
    /// # Errors
    /// [`KeyError::Storage`].
    fn seal(&self, account: &AccountId, secret: &Secret) -> Result<String, KeyError>;

    /// Decrypts what [`KeyStore::seal`] encrypted for this account.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`].
    fn unseal(&self, account: &AccountId, sealed: &str) -> Result<Secret, KeyError>;
}

/// The public halves of new keys.
#[derive(Clone, Debug)]
pub struct NewKeys {
    /// Of the key that signs DPoP proofs, denials and disputes.
    pub transport: PublicKey,
    /// Of the key that signs approvals.
    pub approval: PublicKey,
}

/// Why a key could not be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The PIN does not open the approval key.
    #[error("wrong PIN")]
    WrongPin,
    /// The keys of this store open by a PIN, and none was given.
    #[error("this key opens by its PIN alone")]
    PinNeeded,
    /// The person did not confirm what the key should sign.
    #[error("nothing was signed: it was not confirmed on this device")]
    Declined,
    /// The key was destroyed, or never existed.
    #[error("the key of this account is gone; remove the account and enroll again")]
    Gone,
    /// The key exists and can't be read.
    #[error("the key of this account cannot be read; its file was changed or written by a newer version")]
    Unreadable,
    /// The operating system refused.
    #[error("the key store cannot be used: {0}")]
    Storage(#[from] std::io::Error),
}

impl KeyError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            KeyError::WrongPin => "wrong_pin",
            KeyError::PinNeeded => "pin_needed",
            KeyError::Declined => "declined",
            KeyError::Gone => "key_gone",
            KeyError::Unreadable => "key_unreadable",
            KeyError::Storage(_) => "key_store_unusable",
        }
    }
}

pub use memory::MemoryKeys;
mod memory;
