//! What senders of an outbox share, the gateway's and those above it: calls under way, a few at once to each recipient; the pauses
//! between attempts; results that have to be kept.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::hash::Hash;
use std::time::Duration;

use countersign_jose::random::{self, Random};
use countersign_store::{Error as StoreError, Store, Transaction};
use tokio::task::{Id, JoinSet};
use tokio::time::{sleep, timeout};

/// Pause after the first failed attempt; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Pause before a result is written again after the store failed.
const WRITE_RETRY_PAUSE: Duration = Duration::from_secs(2);
/// How long calls may continue once their sender stops.
const GRACE: Duration = Duration::from_secs(3);

/// Calls under way, each by the key of what it sends: a few to each recipient, so that one that hangs delays no other.
pub struct InFlight<K> {
    most: usize,
    /// Calls that have to fail before their recipient counts as failing.
    failing_after: usize,
    /// What failed at each recipient since the last call that it responded to, at most so many.
    failed: HashMap<String, HashSet<K>>,
    tasks: JoinSet<bool>,
    of_task: HashMap<Id, (String, K)>,
    keys: HashSet<K>,
    rooms: Rooms,
}

/// How many calls each recipient may get.
#[derive(Clone)]
pub struct Rooms {
    most_per_recipient: usize,
    by_recipient: HashMap<String, usize>,
    failing: HashSet<String>,
}

impl Rooms {
    /// How many calls to this recipient may be under way; `None`: as many are.
    pub fn room(&self, recipient: &str) -> Option<usize> {
        let most = if self.is_failing(recipient) { 1 } else { self.most_per_recipient };
        (self.under_way(recipient) < most).then_some(most)
    }

    /// Whether there is room for another call to this recipient, failing or not.
    pub fn has_room(&self, recipient: &str) -> bool {
        self.under_way(recipient) < self.most_per_recipient
    }

    /// Whether this recipient's calls failed of late.
    pub fn is_failing(&self, recipient: &str) -> bool {
        self.failing.contains(recipient)
    }

    fn under_way(&self, recipient: &str) -> usize {
        self.by_recipient.get(recipient).copied().unwrap_or_default()
    }
}

impl<K: Clone + Eq + Hash> InFlight<K> {
    /// At most `most` calls, and `most_per_recipient` to each recipient; one whose last call failed gets one.
    pub fn new(most: usize, most_per_recipient: usize) -> InFlight<K> {
        let (tasks, of_task, keys, by_recipient, failing, failed) = Default::default();
        let rooms = Rooms { most_per_recipient, by_recipient, failing };
        InFlight { most, failing_after: 1, failed, tasks, of_task, keys, rooms }
    }

    /// A recipient is failing once calls of so many keys failed, and none responded in between.
    #[must_use]
    pub fn failing_after(self, keys: usize) -> InFlight<K> {
        InFlight { failing_after: keys, ..self }
    }

    /// Forgets what failed at recipients of which nothing is known any more.
    pub fn forget_failures(&mut self, is_known: impl Fn(&str) -> bool) {
        self.failed.retain(|recipient, _| is_known(recipient));
        self.rooms.failing.retain(|recipient| is_known(recipient));
    }

    /// Whether as many calls are under way as may be, whoever the recipients are.
    pub fn is_full(&self) -> bool {
        self.tasks.len() >= self.most
    }

    /// How many calls each recipient may get now.
    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// Starts a call, unless one of this key is under way. It returns whether the recipient responds: `false` gives it fewer at once.
    pub fn start(&mut self, recipient: String, key: K, call: impl Future<Output = bool> + Send + 'static) {
        if !self.keys.insert(key.clone()) {
            return;
        }
        *self.rooms.by_recipient.entry(recipient.clone()).or_default() += 1;
        let task = self.tasks.spawn(call);
        self.of_task.insert(task.id(), (recipient, key));
    }

    /// Waits for a call to finish; never resolves while none is under way.
    pub async fn next_finished(&mut self) {
        let (task, responds) = match self.tasks.join_next_with_id().await {
            Some(Ok(finished)) => finished,
            Some(Err(error)) => {
                tracing::error!(%error, "a call of an outbox panicked");
                (error.id(), false)
            }
            None => return std::future::pending().await,
        };
        let Some((recipient, key)) = self.of_task.remove(&task) else { return };
        self.keys.remove(&key);
        let Rooms { by_recipient, failing, .. } = &mut self.rooms;
        if let Some(count) = by_recipient.get_mut(&recipient) {
            *count -= 1;
            if *count == 0 {
                by_recipient.remove(&recipient);
            }
        }
        if responds {
            self.failed.remove(&recipient);
            failing.remove(&recipient);
            return;
        }
        let failed = self.failed.entry(recipient.clone()).or_default();
        if failed.len() < self.failing_after {
            failed.insert(key);
        }
        if failed.len() >= self.failing_after {
            failing.insert(recipient);
        }
    }

    /// Waits for all calls, for three seconds at most. Whether all finished; the others are cut off.
    pub async fn finish(mut self) -> bool {
        timeout(GRACE, async { while self.tasks.join_next().await.is_some() {} }).await.is_ok()
    }
}

/// Exponential back-off with jitter: doubles with each of `attempts` up to `longest`, times 0.5 to 1.5, so that what failed together
/// is not repeated together.
pub fn pause(attempts: u32, longest: Duration, random: &dyn Random) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
    let usual = doubled.min(longest);
    usual / 2 + usual.mul_f64(f64::from(random::below(random, 1001)) / 1000.0)
}

/// Writes an attempt's result, repeated until the store accepts it or closes: until then the same must not be tried again.
pub async fn write_result(
    store: &Store,
    work: impl Fn(&Transaction<'_>) -> Result<(), StoreError> + Clone + Send + 'static,
) {
    while let Err(error) = store.write(work.clone()).await {
        tracing::warn!(%error, "the result of an attempt could not be written");
        if matches!(error, StoreError::Closed) {
            return;
        }
        sleep(WRITE_RETRY_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_recipient_that_fails_gets_one_call_at_once_until_it_responds() {
        let mut calls = InFlight::new(10, 2);
        calls.start("slow".to_owned(), 1, async { false });
        calls.start("slow".to_owned(), 1, async { panic!("the same is under way") });
        assert_eq!((calls.rooms().room("slow"), calls.rooms().room("other")), (Some(2), Some(2)));
        calls.next_finished().await;
        assert_eq!((calls.rooms().room("slow"), calls.rooms().room("other")), (Some(1), Some(2)));
        calls.start("slow".to_owned(), 2, async { true });
        assert_eq!(calls.rooms().room("slow"), None);
        calls.next_finished().await;
        assert_eq!(calls.rooms().room("slow"), Some(2));
        assert!(calls.finish().await);
    }

    #[tokio::test]
    async fn attack_a_recipient_of_many_fails_by_the_calls_of_several_and_is_forgotten_with_its_last() {
        let mut calls = InFlight::new(10, 2).failing_after(2);
        for _ in 0..3 {
            calls.start("shared".to_owned(), 1, async { false });
            calls.next_finished().await;
            assert!(!calls.rooms().is_failing("shared"), "one key alone, however often");
        }
        calls.start("shared".to_owned(), 2, async { false });
        calls.next_finished().await;
        assert!(calls.rooms().is_failing("shared"));
        calls.start("shared".to_owned(), 1, async { true });
        calls.next_finished().await;
        assert!(!calls.rooms().is_failing("shared"));
        for key in 1..3 {
            calls.start("shared".to_owned(), key, async { false });
            calls.next_finished().await;
        }
        calls.forget_failures(|recipient| recipient == "shared");
        assert!(calls.rooms().is_failing("shared"));
        calls.forget_failures(|_| false);
        assert!(!calls.rooms().is_failing("shared") && calls.failed.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn all_calls_together_are_bounded_and_one_that_panics_counts_as_failed() {
        let mut calls = InFlight::new(2, 2);
        calls.start("one".to_owned(), 1, async { panic!("by itself") });
        calls.start("other".to_owned(), 2, std::future::pending());
        assert!(calls.is_full());
        calls.next_finished().await;
        assert!(!calls.is_full());
        assert_eq!((calls.rooms().room("one"), calls.rooms().room("other")), (Some(1), Some(2)));
        assert!(!calls.finish().await, "one never finishes");
    }
}
