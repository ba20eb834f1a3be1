//! Wake port: a push notification makes the device pull. It carries nothing else.

use crate::ports::maybe_send::{BoxFuture, MaybeSend};

/// A push service: Web Push, UnifiedPush, a phone's own.
///
/// A wake has no content: whatever a push says, the device only pulls, authenticated, from its providers. A forged push
/// therefore costs one request and shows nothing.
pub trait Wake: MaybeSend {
    /// Waits for the next wake; `None` when no more will come.
    fn next(&mut self) -> BoxFuture<'_, Option<PullNow>>;
}

/// A wake: the device pulls from all its accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullNow;
