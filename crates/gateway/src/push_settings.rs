//! How the gateway pushes, and who is told what becomes of pushes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign_egress::Egress;

use crate::push_services::PushService;

/// How the gateway pushes.
#[derive(Clone)]
pub struct PushSettings {
    /// Makes the calls: its address guard judges every endpoint.
    pub egress: Egress,
    /// `mailto:` or `https:`: how a push service reaches the operator (RFC 8292 §2.1). Some refuse pushes without it.
    pub contact: Option<String>,
    /// The hosts that addresses may have; `None`: any that the address guard permits.
    pub services: Option<Vec<PushService>>,
    /// The provider's name, shown by browsers that show a push themselves.
    pub title: String,
    /// Where a tap on that leads.
    pub navigate: String,
    /// Told what becomes of pushes, for metrics.
    pub observer: Arc<dyn PushObserver>,
}

impl fmt::Debug for PushSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushSettings")
            .field("contact", &self.contact)
            .field("services", &self.services)
            .finish_non_exhaustive()
    }
}

/// Told what becomes of pushes. No call names a device.
pub trait PushObserver: Send + Sync {
    /// A push was `queued`, `sent`, or not sent: `confirmed` by the device before, `ended` (nothing waits any more), `gone` (the service
    /// no longer knows the address), `rekey` (it refuses our key), `refused`, `failed` (repeated).
    fn wakeup(&self, result: &'static str);

    /// A device made its first call this long after a push service accepted a push for it.
    fn looked(&self, after: Duration);
}

/// Counts nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoopObserver;

impl PushObserver for NoopObserver {
    fn wakeup(&self, _result: &'static str) {}

    fn looked(&self, _after: Duration) {}
}
