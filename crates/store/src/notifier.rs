//! Wakes the listeners of a topic. Truth is always in the store; a wake-up only says "read again".

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// What can be listened to, named by an id. Ids of different kinds carry prefixes, so that they never collide.
pub type Topic = String;

/// The listeners of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Notifier {
    topics: Topics,
}

type Topics = Arc<Mutex<HashMap<Topic, Listeners>>>;

/// The listeners of one topic.
#[derive(Default)]
struct Listeners {
    notify: Arc<Notify>,
    /// How many there are. Futures hold the `Notify` too, and may live longer.
    count: usize,
}

/// One listener of a topic; dropping it ends the listening.
pub struct Listener {
    topics: Topics,
    topic: Topic,
    notify: Arc<Notify>,
}

impl Notifier {
    /// Begins to listen. Call [`Listener::changed`] *before* reading the store and await it afterwards: nothing is missed in between.
    pub fn listen(&self, topic: &str) -> Listener {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let listeners = topics.entry(topic.to_owned()).or_default();
        listeners.count += 1;
        let notify = listeners.notify.clone();
        Listener { topics: self.topics.clone(), topic: topic.to_owned(), notify }
    }

    /// Wakes every listener of the topic.
    pub fn notify(&self, topic: &str) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listeners) = topics.get(topic) {
            listeners.notify.notify_waiters();
        }
    }

    /// Wakes every listener: another process changed the store, and which topics it touched is not known.
    pub fn notify_all(&self) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for listeners in topics.values() {
            listeners.notify.notify_waiters();
        }
    }

    /// How many topics have a listener.
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
        if let Some(listeners) = topics.get_mut(&self.topic) {
            listeners.count -= 1;
            if listeners.count == 0 {
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
    async fn a_topic_is_forgotten_although_a_future_of_its_listener_is_still_held() {
        let notifier = Notifier::default();
        let listener = notifier.listen("ap_1");
        let changed = listener.changed();
        drop(listener);
        assert_eq!(notifier.topics(), 0);
        drop(changed);
    }
}
