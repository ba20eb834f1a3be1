//! What a device fetches: one object, by pull, long poll or stream. Envelopes are unsigned; everything in them that counts is.

use serde::{Deserialize, Serialize};

use crate::challenge::Challenge;
use crate::id::ChallengeId;
use crate::jws::Compact;
use crate::outcome::Outcome;

/// The fetch object. Unknown members are ignored. Delivery is at least once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// Where the device stands after this: opaque, compared for equality only.
    pub cursor: String,
    /// Challenges, oldest first.
    #[serde(default)]
    pub challenges: Vec<Compact<Challenge>>,
    /// Challenges that ended, with their outcomes.
    #[serde(default)]
    pub withdrawn: Vec<Withdrawn>,
    /// Statements, revocations and device notices.
    #[serde(default)]
    pub notices: Vec<String>,
    /// The device's cursor was missing or unknown: this is everything pending, what is absent has ended.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub reset: bool,
    /// There is more than fitted: fetch again at once.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub more: bool,
}

/// A challenge that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// The challenge.
    pub id: ChallengeId,
    /// How it ended, signed.
    pub outcome: Compact<Outcome>,
}

/// The gateway's 200 to an answer, a refusal or a dispute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// The outcome for this device; absent after a refusal while other devices may still answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outcome: Option<Compact<Outcome>>,
}
