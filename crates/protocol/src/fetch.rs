//! Fetching: one object, by pull, long poll or stream. The envelope is unsigned; every message in it is signed.

use serde::{Deserialize, Serialize};

use crate::challenge::Challenge;
use crate::id::ChallengeId;
use crate::jws::Compact;
use crate::outcome::Outcome;
use crate::push::PushStatus;

/// The response to a fetch, and the data of a stream's event. Unknown members are ignored. Delivery is at least once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchResponse {
    /// Position in the device's feed after this response: opaque, compared for equality only.
    pub cursor: String,
    /// Challenges, oldest first.
    #[serde(default)]
    pub challenges: Vec<Compact<Challenge>>,
    /// Challenges that ended, with their outcomes.
    #[serde(default)]
    pub withdrawn: Vec<WithdrawnChallenge>,
    /// Statements, revocations and device notices.
    #[serde(default)]
    pub notices: Vec<String>,
    /// The device's cursor was missing or unknown: this is everything pending, and what is absent has ended.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub reset: bool,
    /// There is more than fits in one response: fetch again at once.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub more: bool,
    /// Whether the device can be woken; in every fetch, in a stream's first update and in one when it changes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub push: Option<PushStatus>,
}

/// A challenge that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawnChallenge {
    /// The challenge.
    pub id: ChallengeId,
    /// The signed outcome.
    pub outcome: Compact<Outcome>,
}

/// The gateway's 200 to an answer, a refusal or a dispute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The outcome for this device; absent after a refusal while other devices may still answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outcome: Option<Compact<Outcome>>,
}
