//! Limits registrations per link: twenty in ten minutes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use countersign_jose::clock::Timestamp;
use countersign_protocol::id::RegistrationTokenId;

const WINDOW: u64 = 600_000;
/// Links remembered at most; beyond it, windows that have ended are dropped, and then all.
const LINKS: usize = 65_536;

/// Counts registrations by link. Memory only: a restart forgives.
pub(crate) struct RegistrationRate {
    per_window: u32,
    windows: Mutex<HashMap<RegistrationTokenId, (Timestamp, u32)>>,
}

impl RegistrationRate {
    pub(crate) fn new(per_window: u32) -> Self {
        Self { per_window, windows: Mutex::default() }
    }

    /// Counts one registration; the error is the number of seconds after which to try again.
    pub(crate) fn admit(&self, link: &RegistrationTokenId, now: Timestamp) -> Result<(), u64> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= LINKS {
            windows.retain(|_, (from, _)| now.millis_since(*from) < WINDOW);
            if windows.len() >= LINKS {
                windows.clear();
            }
        }
        let (from, count) = windows.entry(link.clone()).or_insert((now, 0));
        if now.millis_since(*from) >= WINDOW {
            (*from, *count) = (now, 0);
        }
        if *count >= self.per_window {
            return Err((WINDOW - now.millis_since(*from)).div_ceil(1000));
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_in_ten_minutes_and_others_are_not_affected() {
        let rate = RegistrationRate::new(20);
        let now = Timestamp::from_seconds(1_000);
        let link = |text: &str| text.parse::<RegistrationTokenId>().expect("an id");
        let (one, two) = (&link("rt_one"), &link("rt_two"));
        for _ in 0..20 {
            assert_eq!(rate.admit(one, now), Ok(()));
        }
        assert_eq!(rate.admit(one, now.plus_seconds(1)), Err(599));
        assert_eq!(rate.admit(two, now), Ok(()));
        assert_eq!(rate.admit(one, now.plus_seconds(600)), Ok(()));
    }
}
