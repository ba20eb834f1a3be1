//! How many authentication requests each client has made in the current minute: the only requests that are ever refused for
//! their number, before anybody is looked up. Forgotten at a restart, which costs nobody anything.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use countersign_jose::clock::Timestamp;

const MINUTE: u64 = 60_000;

/// The current minute of each client.
#[derive(Default)]
pub(crate) struct RateLimit {
    windows: Mutex<HashMap<String, Window>>,
}

struct Window {
    from: Timestamp,
    requests: u32,
}

impl RateLimit {
    /// Counts one request.
    ///
    /// # Errors
    /// The seconds until the client may ask again, if it has used up its minute.
    pub(crate) fn check(&self, client_id: &str, per_minute: u32, now: Timestamp) -> Result<(), u64> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = match windows.get_mut(client_id) {
            Some(window) => window,
            None => windows.entry(client_id.to_owned()).or_insert(Window { from: now, requests: 0 }),
        };
        if now.millis_since(window.from) >= MINUTE {
            *window = Window { from: now, requests: 0 };
        }
        if window.requests >= per_minute {
            return Err((MINUTE - now.millis_since(window.from)).div_ceil(1000));
        }
        window.requests += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_used_up_is_told_when_the_next_begins() {
        let budget = RateLimit::default();
        let start = Timestamp::from_seconds(1000);
        assert_eq!(budget.check("till", 2, start), Ok(()));
        assert_eq!(budget.check("till", 2, start.plus_seconds(1)), Ok(()));
        assert_eq!(budget.check("till", 2, start.plus_seconds(50)), Err(10));
        assert_eq!(budget.check("kiosk", 2, start.plus_seconds(50)), Ok(()), "one client's budget is not another's");
        assert_eq!(budget.check("till", 2, start.plus_seconds(60)), Ok(()));
    }
}
