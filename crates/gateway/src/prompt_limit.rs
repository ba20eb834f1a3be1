//! Prompt limit per client and user: decides whether the client's next request is held (listed, not pushed), never refused.

use countersign_jose::clock::Timestamp;

use crate::request::{Limits, UnvouchedLimits};

/// Window in which prompts are counted, in milliseconds.
const WINDOW: u64 = 60_000;
/// First pause of the back-off, in milliseconds; doubles with each further unapproved prompt.
const FIRST_PAUSE: u64 = 10_000;
/// Longest pause of the back-off, in milliseconds.
const MAX_PAUSE: u64 = 3_600_000;
/// Milliseconds without a prompt after which the back-off is reset.
const RESET_AFTER: u64 = 86_400_000;
/// Longest hold after repeated `not_me`, in milliseconds.
const MAX_NOT_ME_HOLD: u64 = 7 * 86_400_000;
/// Wrong numbers in a row after which a client is held for that user (PSD2 RTS art. 4: five).
const WRONG_NUMBERS: u32 = 5;
/// Hold after that many wrong numbers, in milliseconds.
const WRONG_NUMBERS_HOLD: u64 = 900_000;

/// One client's recent prompts to one user. A time of zero is not set.
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
    /// Records a new request and returns whether it is held. `pending` is the number of this client's pending requests to this
    /// user that are not held. One that is not held counts as an unwanted prompt until the user approves one.
    pub(crate) fn admit(&mut self, now: Timestamp, pending: u32, limits: &Limits) -> bool {
        if now < self.held_until || pending >= limits.max_pending {
            return true;
        }
        if self.step > 0 && now.millis_since(self.next_prompt) >= RESET_AFTER {
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

    /// As [`PromptHistory::admit`], for the history that all clients share which nobody vouches for: a fixed window, and no
    /// waits that grow, since one client's prompts are not another's fault.
    pub(crate) fn admit_unvouched(&mut self, now: Timestamp, pending: u32, limits: &UnvouchedLimits) -> bool {
        if now.millis_since(self.window_from) >= WINDOW {
            self.window_from = now;
            self.prompts = 0;
        }
        if pending >= limits.pending || self.prompts >= limits.per_minute {
            return true;
        }
        self.prompts += 1;
        false
    }

    /// The user approved one: a wanted prompt does not count.
    pub(crate) fn approved_unvouched(&mut self) {
        self.prompts = self.prompts.saturating_sub(1);
    }

    /// Resets the history after an approval.
    pub(crate) fn approved(&mut self) {
        *self = Self::default();
    }

    /// Records a denial as `not_me`. Returns until when the client is held for this user.
    pub(crate) fn not_me(&mut self, now: Timestamp, hold_millis: u64) -> Timestamp {
        let hold = doubled(hold_millis, self.not_me_count, MAX_NOT_ME_HOLD);
        self.not_me_count = self.not_me_count.saturating_add(1);
        self.held_until = self.held_until.max(now.plus_millis(hold));
        self.held_until
    }

    /// Records a wrong number.
    pub(crate) fn wrong_number(&mut self, now: Timestamp) {
        self.wrong_in_a_row = self.wrong_in_a_row.saturating_add(1);
        if self.wrong_in_a_row >= WRONG_NUMBERS {
            self.wrong_in_a_row = 0;
            self.held_until = self.held_until.max(now.plus_millis(WRONG_NUMBERS_HOLD));
        }
    }

    fn wait_longer(&mut self, now: Timestamp) {
        self.next_prompt = now.plus_millis(doubled(FIRST_PAUSE, self.step, MAX_PAUSE));
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

    /// Sends a request each second; returns the seconds at which the user was prompted.
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
