//! What can go wrong for a person, one enum per operation, each variant with a stable code.

use countersign_protocol::discovery::DiscoveryError;
use countersign_protocol::link::LinkError;
use countersign_protocol::manifest::ManifestError;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::registration::TokenError;
use countersign_protocol::text::TextError;
use thiserror::Error;

use crate::history::HistoryError;
use crate::ports::key_store::KeyError;
use crate::ports::transport::TransportError;
use crate::ports::vault::VaultError;

/// Why a device could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The home.
    #[cfg(not(target_arch = "wasm32"))]
    #[error(transparent)]
    Home(#[from] crate::home::HomeError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// What is stored does not verify.
    #[error("the account {account} cannot be used: {why}")]
    Account {
        /// Which.
        account: String,
        /// What is wrong, in words.
        why: &'static str,
    },
    /// The HTTP client.
    #[error("{0}")]
    Http(String),
}

impl OpenError {
    /// What is wrong with one account, in words, for showing it beside the account.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn why(&self) -> String {
        match self {
            OpenError::Account { why, .. } => (*why).to_owned(),
            other => other.to_string(),
        }
    }

    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            #[cfg(not(target_arch = "wasm32"))]
            OpenError::Home(error) => error.code(),
            OpenError::Vault(error) => error.code(),
            OpenError::Keys(error) => error.code(),
            OpenError::Account { .. } => "account_damaged",
            OpenError::Http(_) => "http_unavailable",
        }
    }
}

/// Why a device could not enroll. Nothing of the link was shown before it was verified.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnrollError {
    /// The link itself.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The provider's discovery document.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The registration token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The provider's key manifests.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The device's name.
    #[error("this name for the device cannot be used: {0}")]
    Name(TextError),
    /// No reply.
    #[error(transparent)]
    NoReply(#[from] TransportError),
    /// The provider replied with something that is not what was asked for.
    #[error("the provider did not reply as one ({what}, status {status})")]
    NotAProvider {
        /// What was asked for.
        what: &'static str,
        /// The status of the reply.
        status: u16,
    },
    /// The provider said no.
    #[error("{}", refused(*.code, .detail))]
    Refused {
        /// Its code.
        code: ProblemCode,
        /// Its words.
        detail: Option<String>,
    },
    /// The person would not choose a PIN.
    #[error("enrolling needs a PIN")]
    NoPin,
    /// This link was begun with another PIN.
    #[error("this link was begun with another PIN; use that one, or ask for a new link")]
    OtherPin,
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
            EnrollError::NoReply(_) => "no_reply",
            EnrollError::NotAProvider { .. } => "not_a_provider",
            EnrollError::Refused { code, .. } => code.as_str(),
            EnrollError::NoPin => "no_pin",
            EnrollError::OtherPin => "other_pin",
            EnrollError::Vault(error) => error.code(),
            EnrollError::Keys(error) => error.code(),
        }
    }
}

fn refused(code: ProblemCode, detail: &Option<String>) -> String {
    match detail {
        // The provider's words are text from outside.
        Some(detail) => {
            format!("the provider refused ({}): {}", code.as_str(), countersign_protocol::text::escape(detail))
        }
        None => format!("the provider refused ({})", code.as_str()),
    }
}

/// Why a request could not be answered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// This device keeps no such request.
    #[error("there is no such request; `countersign pending` lists them")]
    Unknown,
    /// It was answered here before; an answer is never signed twice.
    #[error("this request was answered already")]
    Answered,
    /// It has ended.
    #[error("this request has ended")]
    Ended,
    /// Its time is over by the provider's clock.
    #[error("this request has expired")]
    Expired,
    /// The account is not confirmed yet.
    #[error("this account is not confirmed yet; type the confirmation code where the link came from")]
    NotConfirmed,
    /// It asks for a number.
    #[error("this request needs the number that the other screen shows")]
    ValueNeeded,
    /// The number cannot be right: another length, or none of the choices.
    #[error("the number does not fit: {expected}")]
    ValueUnfit {
        /// What would fit.
        expected: String,
    },
    /// The person did not verify themselves.
    #[error("approving needs the PIN")]
    NotVerified,
    /// A wrong PIN.
    #[error("wrong PIN; {}", after_wrong_pin(*.tries_left, *.wait_ms))]
    WrongPin {
        /// Tries until the approval key is destroyed.
        tries_left: u32,
        /// How long the next try has to wait, in milliseconds.
        wait_ms: u64,
    },
    /// Too early after wrong PINs.
    #[error("too many wrong PINs; try again in {}", in_words(*.left_ms))]
    PinWait {
        /// Milliseconds left.
        left_ms: u64,
    },
    /// The tenth wrong PIN: this account can deny and report, and no longer approve.
    #[error(
        "ten wrong PINs: this account's approval key was destroyed. It can still deny; enroll this device again to approve"
    )]
    PinSpent,
    /// A person's account was answered with a PIN from a file, an environment variable or a pipe.
    #[error("this account was enrolled for a person; its PIN has to be typed at the terminal")]
    PersonNeeded,
    /// The account can't be used on this device.
    #[error("this account cannot be used: {why}")]
    Unusable {
        /// Why, in words, as [`AccountView::unusable`](crate::view::AccountView::unusable) has it.
        why: String,
    },
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The account stands still after an earlier failure.
    #[error("this account stopped after an earlier failure; start again")]
    Stopped,
}

impl AnswerError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            AnswerError::Unknown => "unknown_request",
            AnswerError::Answered => "already_answered",
            AnswerError::Ended => "request_ended",
            AnswerError::Expired => "request_expired",
            AnswerError::NotConfirmed => "not_confirmed",
            AnswerError::ValueNeeded => "value_needed",
            AnswerError::ValueUnfit { .. } => "value_unfit",
            AnswerError::NotVerified => "not_verified",
            AnswerError::WrongPin { .. } => "wrong_pin",
            AnswerError::PinWait { .. } => "pin_wait",
            AnswerError::PinSpent => "pin_spent",
            AnswerError::PersonNeeded => "person_needed",
            AnswerError::Unusable { .. } => "account_unusable",
            AnswerError::Keys(error) => error.code(),
            AnswerError::Vault(error) => error.code(),
            AnswerError::Stopped => "stopped",
        }
    }
}

fn after_wrong_pin(tries_left: u32, wait_ms: u64) -> String {
    let left = match tries_left {
        1 => "1 try is left before the approval key is destroyed".to_owned(),
        many => format!("{many} tries are left before the approval key is destroyed"),
    };
    match wait_ms {
        0 => left,
        wait => format!("{left}, the next in {}", in_words(wait)),
    }
}

fn in_words(millis: u64) -> String {
    match millis.div_ceil(1000) {
        1 => "1 second".to_owned(),
        seconds if seconds < 120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// Why evidence could not be exported, or a history not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// This device keeps no such request.
    #[error("there is no such request; `countersign history` lists them")]
    Unknown,
    /// It has not ended, or this device did not answer it.
    #[error("there is no evidence: {0}")]
    Incomplete(&'static str),
    /// The history was changed.
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
