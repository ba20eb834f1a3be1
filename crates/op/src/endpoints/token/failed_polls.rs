//! Pace of polls that fail. A client that polls without pause is answered `slow_down` or `invalid_grant` as fast as it asks,
//! which costs everybody else the provider's time. Beyond a number that no client with working code reaches, its next polls wait
//! before anything is done for them. Held in memory; a restart resets it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Each failed poll is made up for in this time: 50 a second.
const EACH: Duration = Duration::from_millis(20);

/// Debt below which no poll waits: a hundred failed polls at once.
const FREE: Duration = Duration::from_secs(2);

/// Longest wait of one poll: shorter than clients' own patience.
const LONGEST: Duration = Duration::from_secs(5);

/// Debts beyond which those that are paid are dropped from memory.
const KEPT: usize = 1000;

/// When each client's failed polls will have been made up for.
#[derive(Default)]
pub(crate) struct FailedPolls {
    paid_at: Mutex<HashMap<String, Instant>>,
}

impl FailedPolls {
    /// How long this client's next poll waits.
    pub(crate) fn wait(&self, client_id: &str, now: Instant) -> Duration {
        let paid_at = self.paid_at().get(client_id).copied();
        let debt = paid_at.map_or(Duration::ZERO, |paid_at| paid_at.saturating_duration_since(now));
        debt.saturating_sub(FREE).min(LONGEST)
    }

    /// Counts a failed poll. Debt never exceeds what the longest wait pays, so that who stops is soon served as ever.
    fn count(&self, client_id: &str, now: Instant) {
        let mut debts = self.paid_at();
        if debts.len() >= KEPT && !debts.contains_key(client_id) {
            debts.retain(|_, paid_at| *paid_at > now);
        }
        let paid_at = debts.entry(client_id.to_owned()).or_insert(now);
        *paid_at = ((*paid_at).max(now) + EACH).min(now + FREE + LONGEST);
    }

    /// Begins a poll, which counts as failed unless [`PollUnderWay::end`] says otherwise.
    pub(crate) fn begin<'p>(&'p self, client_id: &'p str) -> PollUnderWay<'p> {
        PollUnderWay { polls: self, client_id, has_failed: true }
    }

    fn paid_at(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.paid_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A poll that may fail. One that breaks off counts as failed: what it cost is spent, and a client that hangs up would otherwise
/// never wait.
pub(crate) struct PollUnderWay<'p> {
    polls: &'p FailedPolls,
    client_id: &'p str,
    has_failed: bool,
}

impl PollUnderWay<'_> {
    /// Ends the poll.
    pub(crate) fn end(mut self, has_failed: bool) {
        self.has_failed = has_failed;
    }
}

impl Drop for PollUnderWay<'_> {
    fn drop(&mut self) {
        if self.has_failed {
            self.polls.count(self.client_id, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_failed_polls_cost_no_wait_and_those_beyond_wait_until_fifty_a_second_are_left() {
        let (polls, now) = (FailedPolls::default(), Instant::now());
        (0..100).for_each(|_| polls.count("till", now));
        assert_eq!(polls.wait("till", now), Duration::ZERO);
        (0..50).for_each(|_| polls.count("till", now));
        assert_eq!(polls.wait("till", now), Duration::from_secs(1));
        assert_eq!(polls.wait("kiosk", now), Duration::ZERO, "another client waits for nobody");
        assert_eq!(polls.wait("till", now + Duration::from_secs(1)), Duration::ZERO);
    }

    #[test]
    fn a_client_that_stops_is_served_as_ever_after_seconds_however_much_it_failed() {
        let (polls, now) = (FailedPolls::default(), Instant::now());
        (0..100_000).for_each(|_| polls.count("till", now));
        assert_eq!(polls.wait("till", now), LONGEST);
        assert_eq!(polls.wait("till", now + LONGEST), Duration::ZERO);
    }

    #[test]
    fn a_poll_that_breaks_off_counts_as_failed() {
        let polls = FailedPolls::default();
        (0..200).for_each(|_| polls.begin("kiosk").end(false));
        (0..200).for_each(|_| drop(polls.begin("till")));
        (0..200).for_each(|_| polls.begin("terminal").end(true));
        let now = Instant::now();
        assert_eq!(polls.wait("kiosk", now), Duration::ZERO);
        assert!(!polls.wait("till", now).is_zero() && !polls.wait("terminal", now).is_zero());
    }

    #[test]
    fn debts_that_are_paid_are_forgotten() {
        let (polls, now) = (FailedPolls::default(), Instant::now());
        (0..KEPT).for_each(|n| polls.count(&format!("client-{n}"), now));
        polls.count("new", now + Duration::from_secs(1));
        assert_eq!(polls.paid_at().len(), 1);
    }
}
