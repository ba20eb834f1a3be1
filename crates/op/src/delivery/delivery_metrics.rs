//! Delivery counters by kind and outcome, for `countersign_notifications_total`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Number of delivery attempts with one kind and outcome since the provider was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryCount {
    /// `ping`, `push` or `event`.
    pub kind: &'static str,
    /// `delivered`; `refused` (final); `failed` (retried); `given_up` (not delivered in time).
    pub outcome: &'static str,
    /// Attempts.
    pub count: u64,
}

#[derive(Default)]
pub(crate) struct DeliveryMetrics(Mutex<BTreeMap<(&'static str, &'static str), u64>>);

impl DeliveryMetrics {
    pub(super) fn count(&self, kind: &'static str, outcome: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((kind, outcome)).or_default() += 1;
    }

    pub(crate) fn all(&self) -> Vec<DeliveryCount> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|((kind, outcome), count)| DeliveryCount { kind, outcome, count: *count }).collect()
    }
}
