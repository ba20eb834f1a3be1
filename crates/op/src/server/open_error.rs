//! Errors of opening a provider.

use std::io;
use std::path::PathBuf;

use countersign_gateway::OpenError as GatewayError;
use countersign_gateway::keys::KeyError;
use countersign_private_files::PermissionError;
use countersign_store::Error as StoreError;

use super::tls::CertificateError;

/// Why a provider could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The home folder can't be created, locked or written.
    #[error("the folder {path} can't be used: {source}; check that it may be written")]
    Home {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another process serves from this home.
    #[error("the folder {path} is already served by process {pid}; stop that one, or use another --home")]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Id of the other process; empty if its lock file has none.
        pid: String,
    },
    /// Others may change the home or a file in it, or read a key.
    #[error(transparent)]
    Permissions(#[from] PermissionError),
    /// There is a database, but not a key that was made with it.
    #[error(
        "the key file {path} is missing, but the database beside it is there: put the file back from your backup of keys/; a new key would not be the one that devices and clients know"
    )]
    KeyMissing {
        /// The file.
        path: PathBuf,
    },
    /// A key file can't be read or created.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The TLS certificate or its key can't be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The database can't be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gateway can't be opened.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

impl OpenError {
    /// Stable code in snake_case, as the CLI prints it.
    pub const fn code(&self) -> &'static str {
        "provider"
    }
}
