//! Reading the history and exporting evidence.

use thiserror::Error;

use crate::history::HistoryError;
use crate::ports::vault::VaultError;

/// Why evidence could not be exported, or a history not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// This device has no such request.
    #[error("there is no such request; `countersign history` lists them")]
    Unknown,
    /// The request has not ended, or nothing about it was signed; the reason, in English.
    #[error("there is no evidence: {0}")]
    Incomplete(&'static str),
    /// The history is not the chain that this device wrote.
    #[error(transparent)]
    Broken(#[from] HistoryError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl ExportError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            ExportError::Unknown => "unknown_request",
            ExportError::Incomplete(_) => "evidence_incomplete",
            ExportError::Broken(_) => "history_broken",
            ExportError::Vault(error) => error.code(),
        }
    }
}
