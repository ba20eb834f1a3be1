//! Events of a device for its listeners: an app, a terminal, a script. Listeners show these and derive nothing of their
//! own.

use countersign_protocol::answer::Decision;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::notice::DeviceEvent as OtherDevice;
use countersign_protocol::outcome::Ending;
use countersign_protocol::refusal::RefusalCode;
use countersign_protocol::revocation::RevokedBy;
use countersign_tls::CertificateFault;
use serde::{Serialize, Serializer};

use crate::account::AccountId;
use crate::ports::transport::Unreached;
use crate::view::ChallengeView;

/// An event of one account. The JSON form is a line of `countersign watch --json`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeviceEvent {
    /// A verified request waits for an answer. Emitted once per request and start.
    Challenge(Box<ChallengeView>),
    /// A request ended without an answer of this device, or a second outcome followed a dispute.
    Ended {
        /// The account.
        account: AccountId,
        /// The challenge.
        id: ChallengeId,
        /// What people call the approval; `None` where the challenge cannot be read.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        approval_ref: Option<ApprovalRef>,
        /// How it ended; `None` where the provider no longer knew it.
        outcome: Option<Ending>,
        /// The device that answered, where another did.
        by: Option<String>,
        /// Whether it was practice: nothing came of it, and nothing of it is kept.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        practice: bool,
    },
    /// A request that this device answered has ended, by a verified outcome.
    Answered {
        /// The account.
        account: AccountId,
        /// The challenge.
        id: ChallengeId,
        /// What people call the approval; `None` where the challenge cannot be read.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        approval_ref: Option<ApprovalRef>,
        /// This device's decision.
        decision: Decision,
        /// How it ended; `None` where the provider no longer knew it.
        outcome: Option<Ending>,
        /// The device that answered first, where another did.
        by: Option<String>,
        /// Whether it was practice: nothing came of it, and nothing of it is kept.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        practice: bool,
    },
    /// The provider did not accept an answer or dispute, and sent no outcome. An answer is sent again.
    AnswerNotTaken {
        /// The account.
        account: AccountId,
        /// The challenge.
        id: ChallengeId,
        /// The HTTP status of the reply.
        status: u16,
    },
    /// This device could not verify, read or show a request. It sends the provider a refusal and shows nothing of the
    /// request.
    Refused {
        /// The account.
        account: AccountId,
        /// The challenge.
        id: ChallengeId,
        /// The refusal's code.
        code: RefusalCode,
    },
    /// A signed message did not verify and was ignored.
    Ignored {
        /// The account.
        account: AccountId,
        /// The kind of message, in English.
        what: &'static str,
    },
    /// The provider cannot be reached, or something else replies in its place. Answers wait in the outbox.
    Offline {
        /// The account.
        account: AccountId,
        /// Since when, by this device's clock (seconds since the epoch).
        since: u64,
        /// Why it counts as offline.
        why: OfflineReason,
    },
    /// The provider replies again.
    Online {
        /// The account.
        account: AccountId,
    },
    /// The confirmation code was typed: the account receives challenges from now on.
    Confirmed {
        /// The account.
        account: AccountId,
    },
    /// The provider does not recognise this device, and signed nothing about it. Keys and records stay; the device asks
    /// again every hour.
    AccountUnknown {
        /// The account.
        account: AccountId,
        /// Since when (seconds since the epoch).
        since: u64,
    },
    /// The provider has suspended this device, and signed nothing about it: it may have been copied or restored. Keys
    /// and records stay; the device asks again every hour.
    AccountSuspended {
        /// The account.
        account: AccountId,
        /// Since when (seconds since the epoch).
        since: u64,
    },
    /// The provider recognises this device again.
    AccountKnown {
        /// The account.
        account: AccountId,
    },
    /// The provider signed that this device is revoked. Its keys are destroyed; its history stays.
    AccountRevoked {
        /// The account.
        account: AccountId,
        /// When it was revoked (seconds since the epoch).
        at: u64,
        /// Who revoked it.
        by: RevokedBy,
    },
    /// An account can't be used on this device. Nothing of it was changed or removed; other accounts work.
    AccountUnusable {
        /// The account.
        account: AccountId,
        /// Why, in English.
        why: String,
    },
    /// Another device of the same user was revoked.
    OtherDeviceRevoked {
        /// The account.
        account: AccountId,
        /// That device's name.
        device_name: String,
        /// Who revoked it.
        by: RevokedBy,
    },
    /// Another device of the same user was added, changed or suspended.
    OtherDevice {
        /// The account.
        account: AccountId,
        /// What happened to it.
        change: OtherDevice,
        /// That device's name.
        device_name: Option<String>,
    },
    /// Vault or key store failed; the account does nothing until the device is opened again.
    Stopped {
        /// The account.
        account: AccountId,
        /// What failed, in English.
        message: String,
    },
}

/// Why a provider counts as offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OfflineReason {
    /// No connection.
    Unreachable(Unreached),
    /// Something else replies in the provider's place: a captive portal, a proxy.
    NotTheProvider,
    /// No reply in time.
    NoReply,
    /// It replies with 408, 429 or 5xx, or refuses valid proofs.
    Unwell,
    /// Its certificate was refused.
    Certificate(CertificateFault),
}

impl OfflineReason {
    /// The stable code of this reason, as it stands in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            OfflineReason::Unreachable(_) => "unreachable",
            OfflineReason::NotTheProvider => "not_the_provider",
            OfflineReason::NoReply => "no_reply",
            OfflineReason::Unwell => "unwell",
            OfflineReason::Certificate(fault) => fault.code(),
        }
    }
}

impl Serialize for OfflineReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl DeviceEvent {
    /// The account this is about.
    pub fn account(&self) -> &AccountId {
        match self {
            DeviceEvent::Challenge(view) => &view.account,
            DeviceEvent::Ended { account, .. }
            | DeviceEvent::Answered { account, .. }
            | DeviceEvent::AnswerNotTaken { account, .. }
            | DeviceEvent::Refused { account, .. }
            | DeviceEvent::Ignored { account, .. }
            | DeviceEvent::Offline { account, .. }
            | DeviceEvent::Online { account }
            | DeviceEvent::Confirmed { account }
            | DeviceEvent::AccountUnknown { account, .. }
            | DeviceEvent::AccountSuspended { account, .. }
            | DeviceEvent::AccountKnown { account }
            | DeviceEvent::AccountRevoked { account, .. }
            | DeviceEvent::AccountUnusable { account, .. }
            | DeviceEvent::OtherDeviceRevoked { account, .. }
            | DeviceEvent::OtherDevice { account, .. }
            | DeviceEvent::Stopped { account, .. } => account,
        }
    }
}
