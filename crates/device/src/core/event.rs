//! Inputs of the core.

use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::Outcome;

use super::effect::CallId;
use crate::ports::transport::{Reply, StreamEvent, TransportError};
use crate::ports::vault::StoredChallenge;

/// An input of [`Core::step`](super::Core::step).
pub enum Event {
    /// Pull now: the device started, a push came, a person opened the app.
    Wake,
    /// Keep fetching from now on (or stop): by stream, or by long poll where streams are blocked.
    Watch(bool),
    /// The [deadline](super::Core::deadline) has come.
    Tick,
    /// A person saw a request.
    Shown(ChallengeId),
    /// A call got its reply.
    Replied {
        /// The call's id.
        id: CallId,
        /// The reply.
        reply: Reply,
    },
    /// A call got no reply, or a stream ended.
    Failed {
        /// The call's id.
        id: CallId,
        /// Why; `None` where the other side closed the stream regularly.
        why: Option<TransportError>,
    },
    /// A stream is open.
    Opened {
        /// The call's id.
        id: CallId,
        /// Status and headers.
        head: Reply,
    },
    /// An event arrived on the stream.
    StreamEvent {
        /// The call's id.
        id: CallId,
        /// The event.
        event: StreamEvent,
    },
    /// The vault's reply to [`Effect::Recall`](super::Effect::Recall).
    Recalled {
        /// The outcome as received.
        outcome: Compact<Outcome>,
        /// The stored challenge, if the vault has it.
        kept: Option<Box<StoredChallenge>>,
    },
}
