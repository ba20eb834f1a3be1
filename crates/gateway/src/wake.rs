//! Who is waiting for what: wakes the waiters of one topic. Truth is always in the store; a wake-up only says "look again".

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// What somebody can wait for, named by an id. A device's and an approval's ids never collide: they carry prefixes.
pub type Topic = String;

/// The waiters of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Wakes {
    topics: Arc<Mutex<HashMap<Topic, Arc<Notify>>>>,
}

/// A place in the queue of one topic; leaving the scope leaves the queue.
pub struct Listener {
    topics: Arc<Mutex<HashMap<Topic, Arc<Notify>>>>,
    topic: Topic,
    notify: Arc<Notify>,
}

impl Wakes {
    /// Begins to listen. Ask [`Listener::changed`] *before* reading the store and await it afterwards: nothing is missed in between.
    pub fn listen(&self, topic: &str) -> Listener {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let notify = topics.entry(topic.to_owned()).or_default().clone();
        Listener { topics: self.topics.clone(), topic: topic.to_owned(), notify }
    }

    /// Wakes everybody who waits for the topic.
    pub fn wake(&self, topic: &str) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(notify) = topics.get(topic) {
            notify.notify_waiters();
        }
    }

    /// Wakes everybody: another process changed the store, and nobody knows what.
    pub fn wake_all(&self) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for notify in topics.values() {
            notify.notify_waiters();
        }
    }

    /// How many topics have a waiter.
    pub fn topics(&self) -> usize {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Listener {
    /// Resolves at the next wake-up after this call (not after its first poll).
    pub fn changed(&self) -> impl Future<Output = ()> + Send + use<> {
        // `notified_owned` counts from its creation for `notify_waiters`, so no `enable` is needed.
        self.notify.clone().notified_owned()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        // Two left: the map's and ours. Whoever listens anew takes the lock first, so nobody can be lost.
        if Arc::strong_count(&self.notify) <= 2 {
            topics.remove(&self.topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wake_up_between_asking_and_awaiting_is_not_lost() {
        let wakes = Wakes::default();
        let listener = wakes.listen("dv_1");
        let changed = listener.changed();
        wakes.wake("dv_1");
        changed.await;
    }

    #[test]
    fn a_topic_without_listeners_is_forgotten() {
        let wakes = Wakes::default();
        let one = wakes.listen("dv_1");
        let two = wakes.listen("dv_1");
        drop(one);
        assert_eq!(wakes.topics(), 1, "the second listener still waits");
        drop(two);
        assert_eq!(wakes.topics(), 0);
    }
}
