//! Outputs of the core, to be carried out in order: what is written is durable before anything is sent.

use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::Outcome;

use crate::device_event::DeviceEvent;
use crate::ports::transport::Call;
use crate::ports::vault::Change;

/// A call's id until its reply. A core never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(super) u64);

/// An output of [`Core::step`](super::Core::step).
pub enum Effect {
    /// Make all these changes or none, durably. Where that fails, this core is ahead of the vault and must not be used
    /// any more.
    Write(Vec<Change>),
    /// Send an event to the listeners.
    Emit(DeviceEvent),
    /// Make a call; report it by [`Event::Replied`](super::Event::Replied) or [`Event::Failed`](super::Event::Failed).
    Call {
        /// Its id.
        id: CallId,
        /// The call.
        call: Call,
    },
    /// Open a stream; report by [`Event::Opened`](super::Event::Opened),
    /// [`Event::StreamEvent`](super::Event::StreamEvent) and in the end [`Event::Failed`](super::Event::Failed), or by
    /// [`Event::Replied`](super::Event::Replied) where it was refused.
    OpenStream {
        /// Its id.
        id: CallId,
        /// The call.
        call: Call,
    },
    /// Drop a call or stream; nothing more is reported of it.
    Cancel(CallId),
    /// Look up an ended challenge; report by [`Event::Recalled`](super::Event::Recalled).
    Recall {
        /// The challenge's id.
        challenge: ChallengeId,
        /// The outcome that is about it.
        outcome: Compact<Outcome>,
    },
    /// Destroy both keys: the issuer signed that this device is revoked.
    DestroyKeys,
}
