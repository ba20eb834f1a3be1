//! What the device tells whoever listens: an app, a terminal, a script. Listeners invent nothing; everything they show is here.

use countersign_protocol::answer::Decision;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::notice::DeviceEvent as OtherDevice;
use countersign_protocol::outcome::Ending;
use countersign_protocol::refusal::RefusalCode;
use countersign_protocol::revocation::RevokedBy;
use serde::Serialize;

use crate::account::AccountId;
use crate::view::ChallengeView;

/// Something happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeviceEvent {
    /// A verified request waits for an answer. The same request is told once per start.
    Challenge(Box<ChallengeView>),
    /// A request ended without an answer of this device, or a second statement about it arrived (a dispute).
    Ended {
        /// Whose.
        account: AccountId,
        /// Which.
        id: ChallengeId,
        /// How; `None` where the provider no longer knew it.
        outcome: Option<Ending>,
        /// The device that answered, where another did.
        by: Option<String>,
    },
    /// A request that this device answered has ended, verified.
    Answered {
        /// Whose.
        account: AccountId,
        /// Which.
        id: ChallengeId,
        /// What this device said.
        decision: Decision,
        /// How it ended; `None` where the provider no longer knew it.
        outcome: Option<Ending>,
        /// The device that answered first, where another did.
        by: Option<String>,
    },
    /// The provider did not take an answer, and gave no outcome. It is kept and sent again.
    AnswerNotTaken {
        /// Whose.
        account: AccountId,
        /// Which.
        id: ChallengeId,
        /// The status of the reply.
        status: u16,
    },
    /// This device could not verify, read or show a request, said so to the provider, and shows nothing of it.
    Refused {
        /// Whose.
        account: AccountId,
        /// Which.
        id: ChallengeId,
        /// Why.
        code: RefusalCode,
    },
    /// Something signed arrived that does not verify; it was ignored.
    Ignored {
        /// Whose.
        account: AccountId,
        /// What, in words.
        what: &'static str,
    },
    /// The provider cannot be reached, or does not reply as itself. Answers are kept and will be sent.
    Offline {
        /// Whose.
        account: AccountId,
        /// Since when, by this device's clock (seconds since the epoch).
        since: u64,
        /// Why.
        why: OfflineReason,
    },
    /// The provider replies again.
    Online {
        /// Whose.
        account: AccountId,
    },
    /// The confirmation code was typed: the account takes part now.
    Confirmed {
        /// Which.
        account: AccountId,
    },
    /// The provider does not know this device, without a signed word about it. Nothing is lost; it is asked again every hour.
    AccountUnknown {
        /// Which.
        account: AccountId,
        /// Since when (seconds since the epoch).
        since: u64,
    },
    /// The provider has suspended this device, without a signed word about it: it may have been copied or restored. Nothing is
    /// lost; it is asked again every hour.
    AccountSuspended {
        /// Which.
        account: AccountId,
        /// Since when (seconds since the epoch).
        since: u64,
    },
    /// The provider knows this device again.
    AccountKnown {
        /// Which.
        account: AccountId,
    },
    /// The provider signed that this device is revoked. Its keys are destroyed; its history stays.
    AccountRevoked {
        /// Which.
        account: AccountId,
        /// When (seconds since the epoch).
        at: u64,
        /// On whose word.
        by: RevokedBy,
    },
    /// An account can't be used on this device. Nothing of it was changed or removed; the others work.
    AccountUnusable {
        /// Which.
        account: AccountId,
        /// Why, in words.
        why: String,
    },
    /// Another device of the same person was revoked.
    OtherDeviceRevoked {
        /// Whose.
        account: AccountId,
        /// Its name.
        device_name: String,
        /// On whose word.
        by: RevokedBy,
    },
    /// Something happened to another device of the same person.
    OtherDevice {
        /// Whose.
        account: AccountId,
        /// What.
        change: OtherDevice,
        /// Its name.
        device_name: Option<String>,
    },
    /// The store or the key store failed; the account stands still until the device is opened again.
    Stopped {
        /// Which.
        account: AccountId,
        /// What to tell the person.
        message: String,
    },
}

/// Why a provider counts as offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OfflineReason {
    /// No connection.
    Unreachable,
    /// Something else answers in the provider's place: a captive portal, a proxy.
    NotTheProvider,
    /// No reply in time.
    NoReply,
    /// It replies that it is busy or broken.
    Unwell,
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
