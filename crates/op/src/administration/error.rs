//! Why a client or a person was not added or changed.

use countersign_gateway::{EndError, KeyError};
use countersign_store::Error as StoreError;

use crate::config::ConfigError;

/// Why a command about a client or a person did nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// The id or name is somebody's already.
    #[error("{what} is taken already; choose another, or remove the one there is")]
    Taken {
        /// "client till-15", "the hint alice@example.com".
        what: String,
    },
    /// Nobody has this id.
    #[error("there is no {what}")]
    Unknown {
        /// "client till-15", "user alice".
        what: String,
    },
    /// The entry stands in the configuration file, which commands don't write.
    #[error("{what} stands in the configuration file: change it there, then restart the provider")]
    InFile {
        /// "client till-15", "user alice".
        what: String,
    },
    /// The client proves itself by a key or a certificate.
    #[error("client {client_id} has no secret: it authenticates by {method}")]
    NoSecret {
        /// The client.
        client_id: String,
        /// Its `token_endpoint_auth_method`.
        method: &'static str,
    },
    /// The entry is not sound; every mistake in it.
    #[error("{}", .0.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("\n"))]
    Entry(Vec<ConfigError>),
    /// The provider would never call an address of the entry.
    #[error("`{member}` can't be used: {why}")]
    OutOfReach {
        /// "jwks_uri", "backchannel_client_notification_endpoint".
        member: &'static str,
        /// In words.
        why: String,
    },
    /// An approval that was pending could not be ended.
    #[error("what was pending could not be ended: {0}")]
    End(#[from] EndError),
    /// The key that its ID tokens need.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The thread that made the key ended early.
    #[error("the key for its ID tokens could not be made; try again")]
    KeyNotMade,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DirectoryError {
    /// Stable code in snake_case, as the CLI prints it.
    pub const fn code(&self) -> &'static str {
        match self {
            DirectoryError::Taken { .. } => "taken",
            DirectoryError::Unknown { .. } => "unknown",
            DirectoryError::InFile { .. } => "in_file",
            DirectoryError::NoSecret { .. } => "no_secret",
            DirectoryError::Entry(_) => "invalid_entry",
            DirectoryError::OutOfReach { .. }
            | DirectoryError::End(_)
            | DirectoryError::Key(_)
            | DirectoryError::KeyNotMade
            | DirectoryError::Store(_) => "provider",
        }
    }
}
