//! The browser's clock, and milliseconds since the page was opened.

use countersign_jose::clock::{Clock, Timestamp};

use super::js;

/// The browser's clock.
pub(super) struct BrowserClock;

impl Clock for BrowserClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(whole(js_sys::Date::now()))
    }
}

/// Monotonic time since the page was opened, in milliseconds (`performance.now()`).
pub(super) fn ticks() -> u64 {
    let performance = js::global("performance");
    js::call(&performance, "now", &[]).ok().and_then(|now| now.as_f64()).map_or(0, whole)
}

/// Milliseconds as JavaScript counts them: with a fraction, far below 2^53.
fn whole(millis: f64) -> u64 {
    millis.max(0.0) as u64
}
