//! What can happen to an account.

use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::Outcome;

use super::effect::CallId;
use crate::ports::transport::{Reply, StreamEvent, TransportError};
use crate::ports::vault::StoredChallenge;

/// Something happened.
pub enum Event {
    /// Look now: the device started, a push came, a person opened the app. It says nothing else.
    Wake,
    /// Keep looking from now on (or no longer): by stream, or by long poll where streams are blocked.
    Watch(bool),
    /// The [deadline](super::Core::deadline) has come.
    Tick,
    /// A person saw a request.
    Shown(ChallengeId),
    /// A call got its reply.
    Replied {
        /// Which call.
        id: CallId,
        /// What came back.
        reply: Reply,
    },
    /// A call or a stream got none, or a stream ended.
    Failed {
        /// Which call.
        id: CallId,
        /// Why; `None` where the other side closed a stream in order.
        why: Option<TransportError>,
    },
    /// A stream is open.
    Opened {
        /// Which call.
        id: CallId,
        /// Status and headers.
        head: Reply,
    },
    /// Something arrived on a stream.
    StreamEvent {
        /// Which call.
        id: CallId,
        /// The event.
        event: StreamEvent,
    },
    /// The vault found, or did not find, the ended challenge that an outcome is about.
    Recalled {
        /// The outcome as received.
        outcome: Compact<Outcome>,
        /// What the vault keeps.
        kept: Option<Box<StoredChallenge>>,
    },
}
