//! Polls under way: one slot for each client's request, taken by its latest poll from its first step on. A client that lost
//! its connection and polls again is answered on the new one; the earlier poll ends at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_jose::hash::Hash;
use tokio::sync::Notify;

/// Slots of polls by client and request. Cheap to clone.
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
    /// Takes the slot of this client's request from the poll that has it, which ends if it is held. Whether there was one: then two
    /// are under way at once. Another client's poll of the same id has a slot of its own, since it is nobody's to end.
    pub(crate) fn take(&self, client_id: &str, request: &Hash) -> (Slot, bool) {
        let request = Hash::of([request.as_bytes().as_slice(), client_id.as_bytes()].concat());
        let replaced = Arc::new(Notify::new());
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = slots.insert(request, replaced.clone());
        if let Some(earlier) = &earlier {
            // `notify_one` stores a permit if the earlier poll is not waiting yet.
            earlier.notify_one();
        }
        (Slot { polls: self.clone(), request, replaced }, earlier.is_some())
    }

    /// Number of polls under way.
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
    async fn of_two_polls_at_once_the_later_is_told_so_and_of_two_in_turn_neither() {
        let polls = LongPolls::default();
        let request = Hash::of("one");
        let (first, overlaps) = polls.take("till", &request);
        assert!(!overlaps);
        let (other, overlaps) = polls.take("kiosk", &request);
        assert!(!overlaps, "another client's poll ends none of these");
        let (second, overlaps) = polls.take("till", &request);
        assert!(overlaps);
        first.replaced().await;
        drop((first, second, other));
        assert!(!polls.take("till", &request).1);
    }

    #[tokio::test]
    async fn the_latest_poll_of_a_request_ends_the_one_before() {
        let polls = LongPolls::default();
        let (one, other) = (Hash::of("one"), Hash::of("other"));
        let (first, _) = polls.take("till", &one);
        let (elsewhere, _) = polls.take("till", &other);
        let (second, _) = polls.take("till", &one);
        first.replaced().await;
        drop(first);
        assert_eq!(polls.count(), 2, "the first one's end leaves the second in its slot");
        drop((second, elsewhere));
        assert_eq!(polls.count(), 0);
    }
}
