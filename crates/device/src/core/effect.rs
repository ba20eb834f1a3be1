//! What an account wants done. Effects are carried out in order: what is written first is durable before anything is sent.

use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::Outcome;

use crate::device_event::DeviceEvent;
use crate::ports::transport::Call;
use crate::ports::vault::Change;

/// Names a call until its reply. Ids are never used twice by one core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(super) u64);

/// Something to be done.
pub enum Effect {
    /// Make all these changes or none, durably. Should it fail, this core is void: rebuild it from the vault.
    Write(Vec<Change>),
    /// Tell the listeners.
    Emit(DeviceEvent),
    /// Make a call; report it by [`Event::Replied`](super::Event::Replied) or [`Event::Failed`](super::Event::Failed).
    Call {
        /// Its name.
        id: CallId,
        /// What to send.
        call: Call,
    },
    /// Open a stream; report by [`Event::Opened`](super::Event::Opened), [`Event::StreamEvent`](super::Event::StreamEvent) and in the
    /// end [`Event::Failed`](super::Event::Failed), or by [`Event::Replied`](super::Event::Replied) where it was refused.
    OpenStream {
        /// Its name.
        id: CallId,
        /// What to send.
        call: Call,
    },
    /// Drop a call or stream; nothing more is reported of it.
    Cancel(CallId),
    /// Look up an ended challenge; report by [`Event::Recalled`](super::Event::Recalled).
    Recall {
        /// Which.
        challenge: ChallengeId,
        /// The outcome that is about it.
        outcome: Compact<Outcome>,
    },
    /// Destroy both keys: the issuer signed that this device is revoked.
    DestroyKeys,
}
