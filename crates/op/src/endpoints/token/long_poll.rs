//! Held polls: one slot for each request, taken by its latest poll. A client that lost its connection and polls again
//! is answered on the new one; the earlier poll ends at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_jose::hash::Hash;
use tokio::sync::Notify;

/// Slots of held polls by request. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct LongPolls {
    slots: Arc<Mutex<HashMap<Hash, Arc<Notify>>>>,
}

/// A poll's slot, released when dropped.
pub(crate) struct Slot {
    polls: LongPolls,
    request: Hash,
    replaced: Arc<Notify>,
}

impl LongPolls {
    /// Takes the request's slot from the poll that had it.
    pub(crate) fn take(&self, request: Hash) -> Slot {
        let replaced = Arc::new(Notify::new());
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(earlier) = slots.insert(request, replaced.clone()) {
            // `notify_one` stores a permit if the earlier poll is not waiting yet.
            earlier.notify_one();
        }
        Slot { polls: self.clone(), request, replaced }
    }

    /// Ends the poll of this request that is held. Whether there was one: then two were under way at once.
    pub(crate) fn end(&self, request: &Hash) -> bool {
        let held = self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(request);
        if let Some(earlier) = &held {
            earlier.notify_one();
        }
        held.is_some()
    }

    /// Number of held polls.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Slot {
    /// Resolves when a later poll has taken the slot.
    pub(crate) async fn replaced(&self) {
        self.replaced.notified().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut slots = self.polls.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.get(&self.request).is_some_and(|holder| Arc::ptr_eq(holder, &self.replaced)) {
            slots.remove(&self.request);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_poll_that_is_ended_for_another_is_told_apart_from_none() {
        let polls = LongPolls::default();
        let request = Hash::of("one");
        assert!(!polls.end(&request));
        let held = polls.take(request);
        assert!(polls.end(&request));
        held.replaced().await;
        drop(held);
        assert!(!polls.end(&request));
    }

    #[tokio::test]
    async fn the_latest_poll_of_a_request_ends_the_one_before() {
        let polls = LongPolls::default();
        let (one, other) = (Hash::of("one"), Hash::of("other"));
        let first = polls.take(one);
        let elsewhere = polls.take(other);
        let second = polls.take(one);
        first.replaced().await;
        drop(first);
        assert_eq!(polls.count(), 2, "the first one's end leaves the second in its slot");
        drop((second, elsewhere));
        assert_eq!(polls.count(), 0);
    }
}
