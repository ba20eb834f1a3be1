//! Counts how attempts to tell somebody ended, for whoever watches the provider.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Attempts of one kind that ended alike, since the provider was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryCount {
    /// `ping`, `push` or `event`.
    pub kind: &'static str,
    /// `delivered`; `refused` (not tried again); `failed` (tried again later); `given_up` (nobody took it in time).
    pub outcome: &'static str,
    /// How many.
    pub count: u64,
}

/// The counts.
#[derive(Default)]
pub(crate) struct DeliveryMetrics(Mutex<BTreeMap<(&'static str, &'static str), u64>>);

impl DeliveryMetrics {
    pub(super) fn count(&self, kind: &'static str, outcome: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((kind, outcome)).or_default() += 1;
    }

    /// Everything that was counted.
    pub(crate) fn all(&self) -> Vec<DeliveryCount> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|((kind, outcome), count)| DeliveryCount { kind, outcome, count: *count }).collect()
    }
}
