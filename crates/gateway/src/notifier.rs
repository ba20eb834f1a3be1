//! Who is waiting for what: wakes the waiters of one topic. Truth is always in the store; a wake-up only says "look again".

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// What somebody can wait for, named by an id. A device's and an approval's ids never collide: they carry prefixes.
pub type Topic = String;

/// The waiters of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Notifier {
    topics: Topics,
}

type Topics = Arc<Mutex<HashMap<Topic, Queue>>>;

/// Those who wait for one topic.
#[derive(Default)]
struct Queue {
    notify: Arc<Notify>,
    /// How many listeners there are. Futures hold the `Notify` too, and may live longer.
    listeners: usize,
}

/// A place in the queue of one topic; leaving the scope leaves the queue.
pub struct Listener {
    topics: Topics,
    topic: Topic,
    notify: Arc<Notify>,
}

impl Notifier {
    /// Begins to listen. Ask [`Listener::changed`] *before* reading the store and await it afterwards: nothing is missed in between.
    pub fn listen(&self, topic: &str) -> Listener {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = topics.entry(topic.to_owned()).or_default();
        queue.listeners += 1;
        let notify = queue.notify.clone();
        Listener { topics: self.topics.clone(), topic: topic.to_owned(), notify }
    }

    /// Notifier everybody who waits for the topic.
    pub fn notify(&self, topic: &str) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = topics.get(topic) {
            queue.notify.notify_waiters();
        }
    }

    /// Notifier everybody: another process changed the store, and nobody knows what.
    pub fn notify_all(&self) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in topics.values() {
            queue.notify.notify_waiters();
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
        if let Some(queue) = topics.get_mut(&self.topic) {
            queue.listeners -= 1;
            if queue.listeners == 0 {
                topics.remove(&self.topic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wake_up_between_asking_and_awaiting_is_not_lost() {
        let notifier = Notifier::default();
        let listener = notifier.listen("dv_1");
        let changed = listener.changed();
        notifier.notify("dv_1");
        changed.await;
    }

    #[test]
    fn a_topic_without_listeners_is_forgotten() {
        let notifier = Notifier::default();
        let one = notifier.listen("dv_1");
        let two = notifier.listen("dv_1");
        drop(one);
        assert_eq!(notifier.topics(), 1, "the second listener still waits");
        drop(two);
        assert_eq!(notifier.topics(), 0);
    }

    #[tokio::test]
    async fn a_topic_is_forgotten_though_somebody_still_holds_what_it_would_have_told() {
        let notifier = Notifier::default();
        let listener = notifier.listen("ap_1");
        let changed = listener.changed();
        drop(listener);
        assert_eq!(notifier.topics(), 0);
        drop(changed);
    }
}
