//! Prompt limit: how often one client has lately asked one user, and whether its next request is held. It mutes, it never refuses.

use countersign_jose::clock::Timestamp;

use crate::request::Limits;

/// Prompts are counted in windows of this length.
const WINDOW: u64 = 60_000;
/// The first wait of the back-off; it doubles with each further unapproved prompt …
const FIRST_WAIT: u64 = 10_000;
/// … up to this,
const LONGEST_WAIT: u64 = 3_600_000;
/// and is forgotten after a day without a prompt.
const FORGOTTEN_AFTER: u64 = 86_400_000;
/// A client that is denied with `not_me` again and again is held for a week at most.
const LONGEST_NOT_ME: u64 = 7 * 86_400_000;
/// Wrong numbers in a row that hold a client for that user, and for how long (PSD2 RTS art. 4: five).
const WRONG_NUMBERS: u32 = 5;
const WRONG_NUMBERS_HOLD: u64 = 900_000;

/// One client's recent prompts to one user. Times are zero where nothing is due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PromptHistory {
    pub(crate) window_from: Timestamp,
    pub(crate) prompts: u32,
    pub(crate) step: u32,
    pub(crate) next_prompt: Timestamp,
    pub(crate) not_me_count: u32,
    pub(crate) wrong_in_a_row: u32,
    pub(crate) held_until: Timestamp,
}

impl PromptHistory {
    /// Decides about a new request; `pending` counts this client's requests that wait for this user unheld. Returns whether
    /// the request is held. One that is not held counts as a prompt until an approval shows that the person wanted it.
    pub(crate) fn admit(&mut self, now: Timestamp, pending: u32, limits: &Limits) -> bool {
        if now < self.held_until || pending >= limits.max_pending {
            return true;
        }
        if self.step > 0 && now.millis_since(self.next_prompt) >= FORGOTTEN_AFTER {
            self.step = 0;
            self.prompts = 0;
        }
        if self.step > 0 {
            if now < self.next_prompt {
                return true;
            }
            self.wait_longer(now);
            return false;
        }
        if now.millis_since(self.window_from) >= WINDOW {
            self.window_from = now;
            self.prompts = 0;
        }
        self.prompts += 1;
        if self.prompts >= limits.prompts_per_minute {
            self.wait_longer(now);
        }
        false
    }

    /// An approval: the person wants this client's prompts.
    pub(crate) fn approved(&mut self) {
        *self = Self::default();
    }

    /// A denial that says "this wasn't me". Returns until when the client is held for this user.
    pub(crate) fn not_me(&mut self, now: Timestamp, hold_millis: u64) -> Timestamp {
        let hold = doubled(hold_millis, self.not_me_count, LONGEST_NOT_ME);
        self.not_me_count = self.not_me_count.saturating_add(1);
        self.held_until = self.held_until.max(now.plus_millis(hold));
        self.held_until
    }

    /// A wrong number.
    pub(crate) fn wrong_number(&mut self, now: Timestamp) {
        self.wrong_in_a_row = self.wrong_in_a_row.saturating_add(1);
        if self.wrong_in_a_row >= WRONG_NUMBERS {
            self.wrong_in_a_row = 0;
            self.held_until = self.held_until.max(now.plus_millis(WRONG_NUMBERS_HOLD));
        }
    }

    fn wait_longer(&mut self, now: Timestamp) {
        self.next_prompt = now.plus_millis(doubled(FIRST_WAIT, self.step, LONGEST_WAIT));
        self.step = self.step.saturating_add(1);
    }
}

fn doubled(first: u64, times: u32, longest: u64) -> u64 {
    first.saturating_mul(1_u64.checked_shl(times).unwrap_or(u64::MAX)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn limits() -> Limits {
        Limits::default()
    }

    /// Asks once a second for so long; returns at which seconds the person was prompted.
    fn prompts(asking: &mut PromptHistory, seconds: u64) -> Vec<u64> {
        (0..seconds).filter(|s| !asking.admit(NOW.plus_seconds(*s), 0, &limits())).collect()
    }

    #[test]
    fn five_prompts_a_minute_then_waits_that_grow() {
        assert_eq!(prompts(&mut PromptHistory::default(), 400), [0, 1, 2, 3, 4, 14, 34, 74, 154, 314]);
    }

    #[test]
    fn the_wait_never_exceeds_an_hour() {
        let mut asking = PromptHistory::default();
        let all = prompts(&mut asking, 40_000);
        assert_eq!(all[all.len() - 1] - all[all.len() - 2], 3600);
    }

    #[test]
    fn an_approval_ends_every_wait() {
        let mut asking = PromptHistory::default();
        prompts(&mut asking, 10);
        asking.not_me(NOW, 900_000);
        asking.approved();
        assert!(!asking.admit(NOW.plus_seconds(11), 0, &limits()));
    }

    #[test]
    fn a_prompt_now_and_then_is_never_held() {
        let mut asking = PromptHistory::default();
        for minute in 0..100 {
            assert!(!asking.admit(NOW.plus_seconds(minute * 61), 0, &limits()), "minute {minute}");
        }
    }

    #[test]
    fn beyond_max_pending_a_request_is_held_and_does_not_count() {
        let mut asking = PromptHistory::default();
        for _ in 0..50 {
            assert!(asking.admit(NOW, 3, &limits()));
        }
        assert_eq!(asking, PromptHistory::default());
    }

    #[test]
    fn not_me_holds_for_a_quarter_of_an_hour_then_longer() {
        let mut asking = PromptHistory::default();
        let until = asking.not_me(NOW, 900_000);
        assert_eq!(until, NOW.plus_seconds(900));
        assert!(asking.admit(NOW.plus_seconds(899), 0, &limits()));
        assert!(!asking.admit(NOW.plus_seconds(900), 0, &limits()));
        assert_eq!(asking.not_me(NOW.plus_seconds(900), 900_000), NOW.plus_seconds(2700));
    }

    #[test]
    fn five_wrong_numbers_in_a_row_hold() {
        let mut asking = PromptHistory::default();
        for _ in 0..4 {
            asking.wrong_number(NOW);
        }
        assert!(!asking.clone().admit(NOW, 0, &limits()));
        asking.wrong_number(NOW);
        assert!(asking.admit(NOW.plus_seconds(899), 0, &limits()));
        assert!(!asking.admit(NOW.plus_seconds(900), 0, &limits()));
    }
}
