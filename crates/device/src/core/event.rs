//! Inputs of the core.

use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::Outcome;

use super::effect::{CallId, DraftId, SigningJob};
use crate::ports::key_store::KeyError;
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
    /// The person takes the account off this device.
    Unenroll,
    /// The device was locked: nothing that a person released before may be signed.
    Lock,
    /// The person took an approval back before it was signed.
    Withdrawn(DraftId),
    /// A key has signed.
    Signed {
        /// What it signed.
        job: SigningJob,
        /// The signature's bytes.
        signature: Vec<u8>,
    },
    /// A key did not sign.
    NotSigned {
        /// What it should have signed.
        job: SigningJob,
        /// Why.
        why: KeyError,
    },
    /// The key store's reply to [`Effect::Seal`](super::Effect::Seal): the encrypted credential.
    Sealed(Result<String, KeyError>),
    /// A call could not be signed, and was not sent.
    NotSent {
        /// The call's id.
        id: CallId,
    },
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
