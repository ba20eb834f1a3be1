//! Pace of polls that fail: all that end in neither tokens nor `authorization_pending`. A client that polls without pause is answered
//! as fast as it asks, which costs everybody else the provider's time: each poll is a write. Beyond a number that no client with
//! working code reaches, the answers to its failed polls wait; what succeeds never does, because a shop's tills are one client. A
//! client that hangs up instead of waiting for an answer waits before anything is done for its next polls. So that more connections
//! are no faster, a bounded number of polls of such a client is under way at once. Held in memory; a restart resets it.

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

/// Polls of one client that are tried or wait for their late answer at once, while its failures are late: about a hundred a second.
const PLACES: usize = 512;

/// Failed polls of each client.
#[derive(Default)]
pub(crate) struct FailedPolls {
    /// Polls whose failure is answered.
    answered: Debts,
    /// Polls that broke off before they were answered.
    broken_off: Debts,
    /// Polls of each client that have a place.
    placed: Mutex<HashMap<String, usize>>,
}

impl FailedPolls {
    /// Takes a place for a poll; `None`: this client's failures are late, and as many of its polls as may be are under way.
    pub(crate) fn enter<'p>(&'p self, client_id: &'p str, now: Instant) -> Option<PollUnderWay<'p>> {
        let is_late = [&self.answered, &self.broken_off].iter().any(|debts| !debts.wait(client_id, now).is_zero());
        let mut placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        if is_late && placed.get(client_id).is_some_and(|count| *count >= PLACES) {
            return None;
        }
        *placed.entry(client_id.to_owned()).or_default() += 1;
        Some(PollUnderWay { polls: self, client_id, has_begun: false, has_place: true })
    }

    fn leave(&self, client_id: &str) {
        let mut placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = placed.get_mut(client_id) {
            *count -= 1;
            if *count == 0 {
                placed.remove(client_id);
            }
        }
    }
}

/// A poll until it is answered. What one costs that breaks off is spent, and a client that hangs up would otherwise never wait.
pub(crate) struct PollUnderWay<'p> {
    polls: &'p FailedPolls,
    client_id: &'p str,
    has_begun: bool,
    has_place: bool,
}

impl PollUnderWay<'_> {
    /// How long the poll waits before anything is done for it.
    pub(crate) fn wait_before(&self, now: Instant) -> Duration {
        self.polls.broken_off.wait(self.client_id, now)
    }

    /// Something is done for it from now on: it has broken off unless [`PollUnderWay::end`] says otherwise.
    pub(crate) fn begin(&mut self) {
        self.has_begun = true;
    }

    /// It was tried, and is held: it gives its place back.
    pub(crate) fn held(&mut self) {
        if std::mem::take(&mut self.has_place) {
            self.polls.leave(self.client_id);
        }
    }

    /// Counts the poll as failed. Returns how long its answer waits.
    pub(crate) fn fail(&self, now: Instant) -> Duration {
        self.polls.answered.count(self.client_id, now);
        self.polls.answered.wait(self.client_id, now)
    }

    /// Ends the poll, which is answered now.
    pub(crate) fn end(mut self) {
        self.has_begun = false;
    }
}

impl Drop for PollUnderWay<'_> {
    fn drop(&mut self) {
        if self.has_begun {
            self.polls.broken_off.count(self.client_id, Instant::now());
        }
        self.held();
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
        let begun = |client| {
            let mut poll = polls.enter(client, now).expect("a place");
            poll.begin();
            poll
        };
        for _ in 0..200 {
            begun("kiosk").end();
            drop(begun("till"));
            let failed = begun("terminal");
            failed.fail(now);
            failed.end();
        }
        let waits = ["kiosk", "till", "terminal"]
            .map(|client| !polls.enter(client, now).expect("a place").wait_before(now).is_zero());
        assert_eq!(waits, [false, true, false]);
        let answers_wait = |client| {
            let poll = begun(client);
            let waits = !poll.fail(now).is_zero();
            poll.end();
            waits
        };
        assert_eq!(["kiosk", "till", "terminal"].map(answers_wait), [false, false, true]);
    }

    #[test]
    fn attack_polls_of_a_client_whose_failures_are_late_have_a_bounded_number_of_places() {
        let (polls, now) = (FailedPolls::default(), Instant::now());
        let mut under_way: Vec<_> = (0..PLACES + 200).map(|_| polls.enter("till", now).expect("none failed")).collect();
        for _ in 0..150 {
            let failed = under_way.pop().expect("one");
            failed.fail(now);
            failed.end();
        }
        assert!(polls.enter("till", now).is_none(), "as many are under way as may be");
        assert!(polls.enter("kiosk", now).is_some(), "another client has its own");
        // Those that are held give their places back, and so does whoever is answered.
        under_way.iter_mut().take(50).for_each(PollUnderWay::held);
        assert!(polls.enter("till", now).is_none());
        under_way[50].held();
        let last = polls.enter("till", now).expect("a place");
        assert!(polls.enter("till", now).is_none());
        last.end();
        assert!(polls.enter("till", now).is_some());
        under_way[50].held();
        assert!(polls.enter("till", now + LONGEST).is_some(), "what is paid refuses nothing");
        drop(under_way);
        assert!(polls.placed.lock().unwrap().is_empty(), "nothing is left behind");
    }

    #[test]
    fn debts_that_are_paid_are_forgotten() {
        let (polls, now) = (Debts::default(), Instant::now());
        (0..KEPT).for_each(|n| polls.count(&format!("client-{n}"), now));
        polls.count("new", now + Duration::from_secs(1));
        assert_eq!(polls.0.lock().unwrap().len(), 1);
    }
}
