//! Waking a sleeping device: a push says "look now" and nothing else.

use std::future::Future;
use std::pin::Pin;

/// Something that can wake the device: Web Push, UnifiedPush, a phone's push service.
///
/// A wake has no content: whatever a push says, the device only pulls, authenticated, from its providers. A forged push
/// therefore costs one request and shows nothing.
pub trait Wake: Send + Sync {
    /// Ends when the device should pull from all its accounts; `None` when no wake will come any more.
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<PullNow>> + Send + '_>>;
}

/// The one thing a wake can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullNow;
