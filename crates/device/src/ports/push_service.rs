//! Push service port: where this program can be woken, and whether it may show that something waits. A browser's, or a
//! distributor's.

use countersign_protocol::push::PushAddress;

use crate::ports::maybe_send::{BoxFuture, MaybeSend, MaybeSync};

/// Whether this program may show that something waits. Without that it is not woken: a browser promises to show something for
/// every push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It may.
    Granted,
    /// The person was not asked, or did not say.
    Askable,
    /// It may not. The person alone can change that, in the system's settings.
    Denied,
    /// There is nothing of the kind here.
    Unsupported,
}

/// A subscription at the push service. There is one, whatever the number of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// What a provider has to know of it.
    pub address: PushAddress,
    /// The provider's key that it was made for (RFC 8292), as discovery has it; `None` where the service does not say.
    pub key: Option<String>,
}

/// Why there is no subscription.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The person, or the system, does not allow it.
    #[error("waking is not allowed here")]
    NotAllowed,
    /// No push service, or it could not be reached: the platform's own word.
    #[error("no subscription: {0}")]
    Failed(String),
}

/// The push service that this program can be woken by.
pub trait PushService: MaybeSend + MaybeSync {
    /// What the person allowed, without asking.
    fn permission(&self) -> Permission;

    /// Asks the person, who may take their time. To be called in a gesture.
    fn ask(&self) -> BoxFuture<'_, Permission>;

    /// The present subscription.
    fn subscription(&self) -> BoxFuture<'_, Option<Subscription>>;

    /// Subscribes for a provider's key. May never end, where a platform's service can't be reached.
    ///
    /// # Errors
    /// [`SubscribeError`].
    fn subscribe<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Subscription, SubscribeError>>;

    /// Ends the present subscription, if there is one.
    fn unsubscribe(&self) -> BoxFuture<'_, ()>;
}
