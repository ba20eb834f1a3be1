//! Errors of adding, changing and removing clients and users.

use countersign_gateway::{EndError, KeyError};
use countersign_store::Error as StoreError;

use crate::config::ConfigError;

/// Why a command about a client or a user failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// The id, subject or name is in use.
    #[error("{what} is already in use; choose another, or remove the existing one")]
    Taken {
        /// "client till-15", "the hint alice@example.com".
        what: String,
    },
    /// No such client, user or device.
    #[error("there is no {what}")]
    Unknown {
        /// "client till-15", "user alice".
        what: String,
    },
    /// The entry is in the configuration file, which commands don't write.
    #[error("{what} is in the configuration file: change it there, then restart the provider")]
    InFile {
        /// "client till-15", "user alice".
        what: String,
    },
    /// The client authenticates by a key or a certificate.
    #[error("client {client_id} has no secret: it authenticates by {method}")]
    NoSecret {
        /// The client.
        client_id: String,
        /// Its `token_endpoint_auth_method`.
        method: &'static str,
    },
    /// The entry is invalid; every error in it.
    #[error("{}", .0.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("\n"))]
    Entry(Vec<ConfigError>),
    /// The egress policy blocks an address in the entry.
    #[error("`{member}` can't be used: {why}")]
    OutOfReach {
        /// "jwks_uri", "backchannel_client_notification_endpoint".
        member: &'static str,
        /// The egress error's text.
        why: String,
    },
    /// A pending approval could not be withdrawn, or an enrollment statement not be signed.
    #[error("devices could not be told of it: {0}")]
    End(#[from] EndError),
    /// The signing key for the client's `id_token_signed_response_alg`.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The thread that generated the key panicked.
    #[error("the key for its ID tokens could not be generated; try again")]
    KeyNotMade,
    /// The store's error. Not transparent: whether it is transient is read from the cause.
    #[error("{0}")]
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
            DirectoryError::Entry(_) | DirectoryError::OutOfReach { .. } => "invalid_entry",
            DirectoryError::End(_) | DirectoryError::Key(_) | DirectoryError::KeyNotMade | DirectoryError::Store(_) => {
                "provider"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn a_failure_of_the_store_is_the_cause_that_decides_between_500_and_503() {
        let error = DirectoryError::from(StoreError::Closed);
        assert!(error.source().is_some_and(|cause| cause.is::<StoreError>()), "{error:?}");
    }
}
