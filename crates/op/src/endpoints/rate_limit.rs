//! Rate limit for each client: fixed windows of a minute, checked before any user is looked up. Held in memory; a
//! restart resets it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use countersign_jose::clock::Timestamp;

/// A window, in milliseconds.
const MINUTE: u64 = 60_000;

/// Each client's current window.
#[derive(Default)]
pub(crate) struct RateLimit {
    windows: Mutex<HashMap<String, Window>>,
}

struct Window {
    start: Timestamp,
    requests: u32,
}

impl RateLimit {
    /// Counts a request.
    ///
    /// # Errors
    /// The seconds until the next window, if this one's `per_minute` requests are used up.
    pub(crate) fn check(&self, client_id: &str, per_minute: u32, now: Timestamp) -> Result<(), u64> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = match windows.get_mut(client_id) {
            Some(window) => window,
            None => windows.entry(client_id.to_owned()).or_insert(Window { start: now, requests: 0 }),
        };
        if now.millis_since(window.start) >= MINUTE {
            *window = Window { start: now, requests: 0 };
        }
        if window.requests >= per_minute {
            return Err((MINUTE - now.millis_since(window.start)).div_ceil(1000));
        }
        window.requests += 1;
        Ok(())
    }

    /// Takes back what [`RateLimit::check`] counted at this time, for a request that came to nothing.
    pub(crate) fn take_back(&self, client_id: &str, counted_at: Timestamp) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = windows.get_mut(client_id).filter(|window| window.start <= counted_at) {
            window.requests = window.requests.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_over_its_limit_learns_when_the_next_window_begins() {
        let limit = RateLimit::default();
        let start = Timestamp::from_seconds(1000);
        assert_eq!(limit.check("till", 2, start), Ok(()));
        assert_eq!(limit.check("till", 2, start.plus_seconds(1)), Ok(()));
        assert_eq!(limit.check("till", 2, start.plus_seconds(50)), Err(10));
        assert_eq!(limit.check("kiosk", 2, start.plus_seconds(50)), Ok(()), "clients have separate limits");
        assert_eq!(limit.check("till", 2, start.plus_seconds(60)), Ok(()));
        limit.take_back("till", start.plus_seconds(60));
        limit.take_back("till", start.plus_seconds(1));
        for _ in 0..2 {
            assert_eq!(limit.check("till", 2, start.plus_seconds(61)), Ok(()), "it came to nothing");
        }
        assert_eq!(limit.check("till", 2, start.plus_seconds(61)), Err(59), "that of a minute ago counts no more");
    }
}
