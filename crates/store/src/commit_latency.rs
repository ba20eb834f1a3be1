//! How long groups of writes wait for the disk, which decides who answers short reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// How long a group of writes may wait for the disk on the average before reads no longer wait behind it.
const SHORT: Duration = Duration::from_millis(1);

/// The most that one wait counts, so that after a long one a dozen short ones say that it is over.
const LONGEST_COUNTED: Duration = Duration::from_millis(16);

/// A moving average of how long groups wait for the disk, or for another process that holds the file.
#[derive(Clone, Default)]
pub(crate) struct CommitLatency {
    microseconds: Arc<AtomicU32>,
    groups: Arc<AtomicU64>,
    /// Counts as short, whatever it is.
    is_kept_short: Arc<AtomicBool>,
}

impl CommitLatency {
    /// Adds one group's wait. Called by the writer alone.
    pub(crate) fn record(&self, waited: Duration) {
        let waited = i64::try_from(waited.min(LONGEST_COUNTED).as_micros()).unwrap_or(i64::MAX);
        let average = i64::from(self.microseconds.load(Ordering::Relaxed));
        let next = average + (waited - average) / 8;
        self.microseconds.store(u32::try_from(next).unwrap_or_default(), Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
    }

    /// How many groups were written since the file was opened.
    pub(crate) fn groups(&self) -> u64 {
        self.groups.load(Ordering::Relaxed)
    }

    /// Whether a read may wait for a commit.
    pub(crate) fn is_short(&self) -> bool {
        self.is_kept_short.load(Ordering::Relaxed)
            || u128::from(self.microseconds.load(Ordering::Relaxed)) <= SHORT.as_micros()
    }

    /// From now on every read waits for commits, so that the writer does, and counts, all of them.
    pub(crate) fn keep_short(&self) {
        self.is_kept_short.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_slow_after_several_slow_commits_and_quick_again_after_some_quick_ones() {
        let latency = CommitLatency::default();
        assert!(latency.is_short(), "nothing is known yet");
        (0..50).for_each(|_| latency.record(Duration::from_micros(200)));
        latency.record(Duration::from_millis(3));
        assert!(latency.is_short(), "one in fifty");
        (0..8).for_each(|_| latency.record(Duration::from_millis(3)));
        assert!(!latency.is_short());
        (0..50).for_each(|_| latency.record(Duration::from_micros(200)));
        assert!(latency.is_short());
        latency.record(Duration::MAX);
        assert!(!latency.is_short(), "another process held the file");
        (0..24).for_each(|_| latency.record(Duration::from_micros(200)));
        assert!(latency.is_short());
    }
}
