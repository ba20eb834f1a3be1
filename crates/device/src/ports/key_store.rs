//! Key store port: an account's transport key, usable at any time, and its approval key, which opens after user
//! verification.

use std::sync::Arc;

use countersign_jose::hash::Hash;
use countersign_jose::key::{PublicKey, Signer};
use countersign_jose::secret::Secret;
use countersign_protocol::discovery::AttestationConveyance;
use countersign_protocol::registration::KeyProtection;
use countersign_protocol::webauthn::{self, CreationProof, PasskeyProof, RelyingParty};
use thiserror::Error;

use crate::account::AccountId;
use crate::ports::keyring::KeyringError;
use crate::ports::maybe_send::{BoxFuture, MaybeSend, MaybeSync};
use crate::ports::user_verifier::Verified;

/// Generates, stores, opens and destroys keys. Files, a TPM, a phone's keystore, a browser are implementations.
pub trait KeyStore: MaybeSend + MaybeSync {
    /// What protects the approval keys of this store, as the registration declares it; passkeys aside, which speak for themselves.
    fn protection(&self) -> KeyProtection;

    /// What protects this account's approval key, as the registration declares it, where that differs by account.
    ///
    /// # Errors
    /// [`KeyError`] where the key can't be read.
    fn protection_of<'a>(&'a self, _account: &'a AccountId) -> BoxFuture<'a, Result<KeyProtection, KeyError>> {
        Box::pin(std::future::ready(Ok(self.protection())))
    }

    /// Whether a new account's approval key may be protected like this: not where the person insisted on another protection.
    fn accepts(&self, _protection: KeyProtection) -> bool {
        true
    }

    /// Whether it makes passkeys: the browser has them, and something on this device verifies the person.
    fn makes_passkeys(&self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(false))
    }

    /// Generates both keys of a new account; the approval key opens with this PIN, or by this platform's verification,
    /// from now on. With `passkey`, the approval key is a passkey: making it, and each of its signatures, asks the person.
    ///
    /// # Errors
    /// [`KeyError::Storage`], [`KeyError::PinNeeded`]; [`KeyError::Keyring`] where the person insisted on one; for a passkey
    /// [`KeyError::NoPasskeys`], [`KeyError::NoScreenLock`], [`KeyError::Declined`], [`KeyError::TimedOut`].
    fn make<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
        passkey: Option<&'a PasskeyRequest>,
    ) -> BoxFuture<'a, Result<NewKeys, KeyError>>;

    /// Generates the transport key of a new account alone: its approval key will be a passkey that exists already.
    ///
    /// # Errors
    /// [`KeyError::NoPasskeys`], [`KeyError::Storage`].
    fn make_transport<'a>(&'a self, _account: &'a AccountId) -> BoxFuture<'a, Result<PublicKey, KeyError>> {
        Box::pin(std::future::ready(Err(KeyError::NoPasskeys)))
    }

    /// Has the person choose one of the passkeys that this page's host has. It signs the challenge, and is the account's approval key
    /// from now on.
    ///
    /// # Errors
    /// [`KeyError::NoPasskeys`], [`KeyError::Declined`] (also where there is none), [`KeyError::TimedOut`], [`KeyError::Storage`].
    fn find_passkey<'a>(
        &'a self,
        _account: &'a AccountId,
        _party: &'a RelyingParty,
        _challenge: &'a Hash,
    ) -> BoxFuture<'a, Result<PasskeyProof, KeyError>> {
        Box::pin(std::future::ready(Err(KeyError::NoPasskeys)))
    }

    /// The transport key, ready to sign.
    ///
    /// # Errors
    /// [`KeyError::Gone`] where it was destroyed.
    fn transport<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>>;

    /// Whether the approval key could be opened now, as far as can be told without its PIN. Asked before a try of a PIN is
    /// counted, and before the person is asked for one. It may take two seconds.
    ///
    /// # Errors
    /// [`KeyError::Gone`] where it was destroyed; [`KeyError::Keyring`] where the keyring's half is not at hand.
    fn check_approval<'a>(&'a self, _account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Opens the approval key with the PIN, or for a person whom the platform verified. The caller has stored the try
    /// of a PIN first ([`crate::pin::PinGuard`]).
    ///
    /// # Errors
    /// [`KeyError::WrongPin`], [`KeyError::PinNeeded`]; [`KeyError::Gone`] where it was destroyed; [`KeyError::Keyring`]
    /// where the PIN could not be checked for want of the keyring's half.
    fn open_approval<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
    ) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>>;

    /// Destroys the approval key alone: the account can still fetch, deny and dispute.
    ///
    /// # Errors
    /// [`KeyError::Storage`]. A key that is gone already is no error.
    fn destroy_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>>;

    /// Destroys both keys.
    ///
    /// # Errors
    /// [`KeyError::Storage`]. Keys that are gone already are no error.
    fn destroy<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>>;

    /// Whether the approval key still exists.
    fn has_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, bool>;

    /// Encrypts a secret (a device credential) so that the vault can store it.
    ///
    /// # Errors
    /// [`KeyError::Storage`].
    fn seal<'a>(&'a self, account: &'a AccountId, secret: &'a Secret) -> BoxFuture<'a, Result<String, KeyError>>;

    /// Decrypts what [`KeyStore::seal`] encrypted for this account.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`].
    fn unseal<'a>(&'a self, account: &'a AccountId, sealed: &'a str) -> BoxFuture<'a, Result<Secret, KeyError>>;
}

/// A key that is ready to sign, and may take its time: hardware is slow, and may ask the person first.
pub trait SigningKey: MaybeSend + MaybeSync {
    /// A signature over these bytes, a JWS signing input (RFC 7515 §5.1): 64 bytes for ES256; of a passkey, the third part of
    /// ES256-WebAuthn. A dropped future takes the person's prompt away, where there is one.
    ///
    /// # Errors
    /// [`KeyError::Declined`] where the person would not; [`KeyError`] otherwise.
    fn sign(&self, input: String) -> BoxFuture<'static, Result<Vec<u8>, KeyError>>;
}

/// A key in memory, which signs at once.
pub struct LocalKey<S>(pub S);

impl<S: Signer> SigningKey for LocalKey<S> {
    fn sign(&self, input: String) -> BoxFuture<'static, Result<Vec<u8>, KeyError>> {
        let signed = self.0.sign(input.as_bytes()).map(|signature| signature.to_vec());
        Box::pin(std::future::ready(signed.map_err(|_| KeyError::Gone)))
    }
}

/// The public halves of new keys.
#[derive(Clone, Debug)]
pub struct NewKeys {
    /// Of the key that signs DPoP proofs, denials and disputes.
    pub transport: PublicKey,
    /// Of the key that signs approvals.
    pub approval: PublicKey,
    /// Its creation, where it is a passkey.
    pub created: Option<CreationProof>,
}

/// A passkey to be made as an account's approval key.
#[derive(Clone, Debug)]
pub struct PasskeyRequest {
    /// The page it is made on.
    pub party: RelyingParty,
    /// Hash of the registration token.
    pub token: Hash,
    /// How the system's list of passkeys names it.
    pub user_name: String,
    /// Whether its maker is to attest it.
    pub attestation: AttestationConveyance,
}

impl PasskeyRequest {
    /// The challenge of its creation, which binds it to the link and to the account's transport key.
    pub fn challenge(&self, transport: &PublicKey) -> Hash {
        webauthn::registration_challenge(&self.token, transport.thumbprint())
    }
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
    /// The key store took too long.
    #[error("the key store does not answer")]
    TimedOut,
    /// This store makes and uses no passkeys: the browser has none, or keeps them from this page.
    #[error("there are no passkeys here; open the page in the system's own browser, or choose a PIN")]
    NoPasskeys,
    /// Nothing on this device verifies a person.
    #[error("this device has no screen lock; set one, or choose a PIN")]
    NoScreenLock,
    /// The key was destroyed, or never existed.
    #[error("the key of this account is gone; remove the account and enroll again")]
    Gone,
    /// The key exists and can't be read.
    #[error("the key of this account cannot be read; its file was changed or written by a newer version")]
    Unreadable,
    /// The keyring's half of the key is not at hand.
    #[error("nothing was changed: {0}")]
    Keyring(#[from] KeyringError),
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
            KeyError::TimedOut => "key_store_silent",
            KeyError::NoPasskeys => "no_passkeys",
            KeyError::NoScreenLock => "no_screen_lock",
            KeyError::Gone => "key_gone",
            KeyError::Unreadable => "key_unreadable",
            KeyError::Keyring(why) => why.code(),
            KeyError::Storage(_) => "key_store_unusable",
        }
    }
}

pub use memory::MemoryKeys;
mod memory;
