//! Keyring port: secrets that the person's session keeps, apart from the files of a home.

use countersign_jose::secret::Secret;
use thiserror::Error;

use crate::ports::maybe_send::{BoxFuture, MaybeSend, MaybeSync};

/// The keyring of the person's session. No call asks the person anything, and each ends within [`ANSWER_MS`].
pub trait Keyring: MaybeSend + MaybeSync {
    /// Whether secrets can be read and written now.
    ///
    /// # Errors
    /// [`KeyringError`] says why not.
    fn check(&self) -> BoxFuture<'_, Result<(), KeyringError>>;

    /// The secret of this name; `None` where the keyring is open and has none.
    ///
    /// # Errors
    /// [`KeyringError`]
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Secret>, KeyringError>>;

    /// Stores a secret under this name, in place of an earlier one.
    ///
    /// # Errors
    /// [`KeyringError`]
    fn write<'a>(&'a self, name: &'a str, secret: &'a Secret) -> BoxFuture<'a, Result<(), KeyringError>>;

    /// Deletes the secret of this name. One that is gone already is no error.
    ///
    /// # Errors
    /// [`KeyringError`]
    fn delete<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), KeyringError>>;
}

/// How long a keyring may take to answer, in milliseconds.
pub const ANSWER_MS: u64 = 2_000;

/// Why the keyring's half of a key is not at hand. The key itself is untouched, and nothing was destroyed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyringError {
    /// This program can use none.
    #[error("this build of Countersign uses no keyring on this system")]
    Unsupported,
    /// No keyring answers in this session; the reason, in English.
    #[error(
        "this session has no keyring ({0}); log in to the desktop, or start one that provides the Secret Service, such as gnome-keyring"
    )]
    Absent(String),
    /// It answers, and is locked.
    #[error("the keyring is locked; unlock it in the desktop's settings for passwords and keys, and try again")]
    Locked,
    /// It does not answer in time.
    #[error("the keyring did not answer within two seconds; try again")]
    Silent,
    /// It is open, and has no secret for this account.
    #[error(
        "the keyring has no secret for this account: it was emptied, or this home comes from another session or computer; bring the keyring back, or enroll again"
    )]
    Emptied,
    /// It has another secret for this account.
    #[error(
        "the keyring's secret for this account is not the one that the key was sealed with; bring the keyring back, or enroll again"
    )]
    Replaced,
    /// It refused; the reason, in English.
    #[error("the keyring refused: {0}")]
    Refused(String),
}

impl KeyringError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            KeyringError::Unsupported => "keyring_unsupported",
            KeyringError::Absent(_) => "keyring_absent",
            KeyringError::Locked => "keyring_locked",
            KeyringError::Silent => "keyring_silent",
            KeyringError::Emptied => "keyring_emptied",
            KeyringError::Replaced => "keyring_replaced",
            KeyringError::Refused(_) => "keyring_refused",
        }
    }
}
