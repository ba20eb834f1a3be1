//! Why the provider could not start.

use std::io;
use std::path::PathBuf;

use countersign_gateway::OpenError as GatewayError;
use countersign_gateway::keys::KeyError;
use countersign_store::Error as StoreError;

use super::tls::CertificateError;

/// The provider could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The home's folder can't be made or used.
    #[error("the folder {path} can't be used: {source}; check that it may be written")]
    Home {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process serves from this home.
    #[error("the folder {path} is already served by process {pid}; stop that one, or use another --home")]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The other process, as far as its file tells.
        pid: String,
    },
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

impl OpenError {
    /// Stable code in snake_case, as the CLI prints it.
    pub const fn code(&self) -> &'static str {
        "provider"
    }
}
