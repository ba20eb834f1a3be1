//! Enrolling from a link.

use countersign_protocol::discovery::DiscoveryError;
use countersign_protocol::link::LinkError;
use countersign_protocol::manifest::ManifestError;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::registration::{KeyProtection, TokenError};
use countersign_protocol::text::{self, TextError};
use thiserror::Error;

use crate::ports::key_store::KeyError;
use crate::ports::transport::TransportError;
use crate::ports::vault::VaultError;

/// Why a device could not enroll. No text holds anything of a link that was not verified.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnrollError {
    /// The text is no enrollment link.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The discovery document is not valid.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The registration token does not verify, or has expired.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The key manifests do not verify, or do not chain to the root that the token names.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The device's name is too long or holds characters that could deceive.
    #[error("this name for the device cannot be used: {0}")]
    Name(TextError),
    /// No reply.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The reply is not the document that was asked for.
    #[error("unexpected reply from the provider ({what}, HTTP status {status})")]
    NotAProvider {
        /// The document that was asked for.
        what: &'static str,
        /// The HTTP status of the reply.
        status: u16,
    },
    /// The provider refused, with a problem document (RFC 9457).
    #[error("{}", refused(*.code, .detail))]
    Refused {
        /// The problem's code.
        code: ProblemCode,
        /// The provider's explanation, not escaped.
        detail: Option<String>,
    },
    /// The user verifier returned no PIN.
    #[error("enrolling needs a PIN")]
    NoPin,
    /// An earlier attempt with this link chose another PIN.
    #[error("an earlier attempt with this link chose another PIN; use that PIN, or ask for a new link")]
    OtherPin,
    /// No device of this user has the passkey that the person chose.
    #[error("no device of this user was set up with that passkey; set this one up anew")]
    UnknownPasskey,
    /// A known passkey registers nothing again here without a link: policy, or the time that has passed since the enrollment.
    #[error("without a link this page cannot be set up again; ask for a new link")]
    NoResumption,
    /// The provider takes no passkey of this page, and no PIN was chosen.
    #[error("this provider takes no passkey from this page; choose a PIN")]
    NoPasskey,
    /// An earlier attempt with this link made a key that is protected in another way than the person insists on now.
    #[error(
        "an earlier attempt with this link made a key with the protection {}; enroll with that one, or ask for a new link",
        .made.as_str()
    )]
    OtherKey {
        /// The protection of the key that was made.
        made: KeyProtection,
    },
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl EnrollError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            EnrollError::Link(_) => "invalid_link",
            EnrollError::Discovery(_) => "invalid_discovery",
            EnrollError::Token(TokenError::Expired) => "link_expired",
            EnrollError::Token(_) => "link_not_verified",
            EnrollError::Manifest(_) => "manifest_not_verified",
            EnrollError::Name(_) => "invalid_name",
            EnrollError::Transport(TransportError::Certificate(fault)) => fault.code(),
            EnrollError::Transport(_) => "no_reply",
            EnrollError::NotAProvider { .. } => "not_a_provider",
            EnrollError::Refused { code, .. } => code.as_str(),
            EnrollError::NoPin => "no_pin",
            EnrollError::OtherPin => "other_pin",
            EnrollError::NoPasskey => "no_passkey",
            EnrollError::UnknownPasskey => "unknown_passkey",
            EnrollError::NoResumption => "resume_not_allowed",
            EnrollError::OtherKey { .. } => "other_key",
            EnrollError::Vault(error) => error.code(),
            EnrollError::Keys(error) => error.code(),
        }
    }
}

fn refused(code: ProblemCode, detail: &Option<String>) -> String {
    match detail {
        // Text from outside: escaped.
        Some(detail) => {
            format!("the provider refused ({}): {}", code.as_str(), text::escape(detail))
        }
        None => format!("the provider refused ({})", code.as_str()),
    }
}
