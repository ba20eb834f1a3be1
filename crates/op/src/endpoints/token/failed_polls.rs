//! Pace of polls that fail. A client that polls without pause is answered `slow_down` or `invalid_grant` as fast as it asks,
//! which costs everybody else the provider's time. Beyond a number that no client with working code reaches, the answers to its
//! failed polls wait; what succeeds never does, because a shop's tills are one client. A client that hangs up instead of waiting
//! for an answer waits before anything is done for its next polls. Held in memory; a restart resets it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
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

/// Failed polls of each client.
#[derive(Default)]
pub(crate) struct FailedPolls {
    /// Polls whose failure is answered.
    answered: Debts,
    /// Polls that broke off before they were answered.
    broken_off: Debts,
}

impl FailedPolls {
    /// How long this client's next poll waits before anything is done for it.
    pub(crate) fn wait_before(&self, client_id: &str, now: Instant) -> Duration {
        self.broken_off.wait(client_id, now)
    }

    /// Begins a poll, which has broken off unless [`PollUnderWay::end`] says otherwise.
    pub(crate) fn begin<'p>(&'p self, client_id: &'p str) -> PollUnderWay<'p> {
        PollUnderWay { polls: self, client_id, is_broken_off: true }
    }
}

/// A poll until it is answered. What one costs that breaks off is spent, and a client that hangs up would otherwise never wait.
pub(crate) struct PollUnderWay<'p> {
    polls: &'p FailedPolls,
    client_id: &'p str,
    is_broken_off: bool,
}

impl PollUnderWay<'_> {
    /// Counts the poll as failed. Returns how long its answer waits.
    pub(crate) fn fail(&self, now: Instant) -> Duration {
        self.polls.answered.count(self.client_id, now);
        self.polls.answered.wait(self.client_id, now)
    }

    /// Ends the poll, which is answered now.
    pub(crate) fn end(mut self) {
        self.is_broken_off = false;
    }
}

impl Drop for PollUnderWay<'_> {
    fn drop(&mut self) {
        if self.is_broken_off {
            self.polls.broken_off.count(self.client_id, Instant::now());
        }
    }
}

/// When each client's polls will have been made up for.
#[derive(Default)]
struct Debts(Mutex<HashMap<String, Instant>>);

impl Debts {
    fn wait(&self, client_id: &str, now: Instant) -> Duration {
        let paid_at = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(client_id).copied();
        let debt = paid_at.map_or(Duration::ZERO, |paid_at| paid_at.saturating_duration_since(now));
        debt.saturating_sub(FREE).min(LONGEST)
    }

    /// Counts a poll. Debt never exceeds what the longest wait pays, so that who stops is soon served as ever.
    fn count(&self, client_id: &str, now: Instant) {
        let mut debts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if debts.len() >= KEPT && !debts.contains_key(client_id) {
            debts.retain(|_, paid_at| *paid_at > now);
        }
        let paid_at = debts.entry(client_id.to_owned()).or_insert(now);
        *paid_at = ((*paid_at).max(now) + EACH).min(now + FREE + LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_failed_polls_cost_no_wait_and_those_beyond_wait_until_fifty_a_second_are_left() {
        let (polls, now) = (Debts::default(), Instant::now());
        (0..100).for_each(|_| polls.count("till", now));
        assert_eq!(polls.wait("till", now), Duration::ZERO);
        (0..50).for_each(|_| polls.count("till", now));
        assert_eq!(polls.wait("till", now), Duration::from_secs(1));
        assert_eq!(polls.wait("kiosk", now), Duration::ZERO, "another client waits for nobody");
        assert_eq!(polls.wait("till", now + Duration::from_secs(1)), Duration::ZERO);
    }

    #[test]
    fn a_client_that_stops_is_served_as_ever_after_seconds_however_much_it_failed() {
        let (polls, now) = (Debts::default(), Instant::now());
        (0..100_000).for_each(|_| polls.count("till", now));
        assert_eq!(polls.wait("till", now), LONGEST);
        assert_eq!(polls.wait("till", now + LONGEST), Duration::ZERO);
    }

    #[test]
    fn only_polls_that_broke_off_make_the_next_ones_wait_before_they_begin() {
        let (polls, now) = (FailedPolls::default(), Instant::now());
        for _ in 0..200 {
            polls.begin("kiosk").end();
            drop(polls.begin("till"));
            let failed = polls.begin("terminal");
            failed.fail(now);
            failed.end();
        }
        let waits = ["kiosk", "till", "terminal"].map(|client| !polls.wait_before(client, now).is_zero());
        assert_eq!(waits, [false, true, false]);
        let answers_wait = |client| !polls.begin(client).fail(now).is_zero();
        assert_eq!(["kiosk", "till", "terminal"].map(answers_wait), [false, false, true]);
    }

    #[test]
    fn debts_that_are_paid_are_forgotten() {
        let (polls, now) = (Debts::default(), Instant::now());
        (0..KEPT).for_each(|n| polls.count(&format!("client-{n}"), now));
        polls.count("new", now + Duration::from_secs(1));
        assert_eq!(polls.0.lock().unwrap().len(), 1);
    }
}
