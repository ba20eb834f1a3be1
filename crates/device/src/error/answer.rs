//! Answering and disputing a request.

use thiserror::Error;

use crate::account::AccountStatus;
use crate::ports::key_store::KeyError;
use crate::ports::vault::VaultError;

/// Why a request could not be answered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// This device has no such request.
    #[error("there is no such request; `countersign pending` lists them")]
    Unknown,
    /// This device answered it before; an answer is never signed twice.
    #[error("this request was answered already")]
    Answered,
    /// An answer to it is being signed.
    #[error("this request is being answered; confirm or refuse it first")]
    Answering,
    /// The device was locked before the answer was signed.
    #[error("nothing was signed: the device was locked meanwhile")]
    Locked,
    /// The key did not sign within two minutes: nobody confirmed.
    #[error("nothing was signed: it was not confirmed within two minutes")]
    TimedOut,
    /// The request has ended.
    #[error("this request has ended")]
    Ended,
    /// The request has expired by the provider's clock.
    #[error("this request has expired")]
    Expired,
    /// The account is not confirmed yet, and cannot answer.
    #[error("this account is not confirmed yet; type the confirmation code where the link came from")]
    NotConfirmed,
    /// The request asks for a number, and none was given.
    #[error("this request needs the number that the other screen shows")]
    ValueNeeded,
    /// The number cannot be right: wrong length, not one of the choices, or not asked for.
    #[error("the number does not fit: this request expects {expected}")]
    ValueUnfit {
        /// What the request expects, in English: `6 digits`, `one of 12, 40, 77`, `no number`.
        expected: String,
    },
    /// The user verifier returned no PIN.
    #[error("approving needs the PIN")]
    NotVerified,
    /// The PIN is wrong.
    #[error("wrong PIN; {}", after_wrong_pin(*.tries_left, *.wait_ms))]
    WrongPin {
        /// Tries until the approval key is destroyed.
        tries_left: u32,
        /// How long the next try has to wait, in milliseconds.
        wait_ms: u64,
    },
    /// Too soon after wrong PINs.
    #[error("too many wrong PINs; try again in {}", duration(*.left_ms))]
    PinWait {
        /// Milliseconds until the next try.
        left_ms: u64,
    },
    /// The tenth wrong PIN destroyed the approval key: this account can still deny and dispute.
    #[error(
        "ten wrong PINs: this account's approval key was destroyed. It can still deny; enroll this device again to approve"
    )]
    PinSpent,
    /// A PIN from a file, an environment variable or a pipe was given for an account enrolled for a person.
    #[error("this account was enrolled for a person; its PIN has to be typed at the terminal")]
    PersonNeeded,
    /// Several people use this device, and the account has a passkey, which whoever unlocks the device could use. It can still deny.
    #[error("several people use this device, so no passkey approves on it; enroll again with a PIN")]
    SharedDevice,
    /// The account can't be used on this device, and nothing of it was changed.
    #[error("this account cannot be used: {why}")]
    Unusable {
        /// Why, in English, as [`AccountView::unusable`](crate::view::AccountView::unusable) has it.
        why: String,
    },
    /// The account takes no part: the provider would not take the answer.
    #[error("nothing was signed: {}", .status.no_part().unwrap_or("the account takes no part"))]
    NoPart {
        /// Suspended, not known or revoked.
        status: AccountStatus,
    },
    /// It was signed and stored, and the provider replied that the account takes no part. It is sent as soon as it does again.
    #[error("it is stored, and the provider did not take it: {}", .status.no_part().unwrap_or("the account takes no part"))]
    NotTaken {
        /// Suspended, not known or revoked.
        status: AccountStatus,
    },
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The account's task ended after a failure of vault or key store.
    #[error("this account stopped after an earlier failure; restart the program")]
    Stopped,
}

impl AnswerError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            AnswerError::Unknown => "unknown_request",
            AnswerError::Answered => "already_answered",
            AnswerError::Answering => "answering",
            AnswerError::Locked => "locked",
            AnswerError::TimedOut => "not_confirmed_in_time",
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
            AnswerError::SharedDevice => "shared_device",
            AnswerError::Unusable { .. } => "account_unusable",
            AnswerError::NoPart { status } => status.no_part_code(),
            AnswerError::NotTaken { .. } => "not_taken",
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
        wait => format!("{left}, the next in {}", duration(wait)),
    }
}

fn duration(millis: u64) -> String {
    match millis.div_ceil(1000) {
        1 => "1 second".to_owned(),
        seconds if seconds < 120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}
