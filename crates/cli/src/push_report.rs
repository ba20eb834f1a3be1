//! The result of a test push, as `countersign push-test` and `countersign op device push-test` print it.

use std::time::Duration;

use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;

/// How long a device may take to call after the push.
pub const LOOK_WITHIN: Duration = Duration::from_secs(10);

/// How many milliseconds each step took.
#[derive(Serialize)]
#[serde(tag = "event", rename = "push")]
pub struct PushReport {
    /// Until the provider took the push from its queue.
    pub queued_ms: u64,
    /// From then until the push service accepted it; `None`: it did not.
    pub accepted_ms: Option<u64>,
    /// From then until the device called; `None`: it did not, or nothing waited for it.
    pub looked_ms: Option<u64>,
    /// The push service's host.
    pub service: String,
}

impl PushReport {
    /// Prints it. `awaited`: whether the device's call was waited for.
    ///
    /// # Errors
    /// Standard output can't be written.
    pub fn print(&self, awaited: bool, output: Output) -> Result<(), Failure> {
        output.result(self, |_| {
            let (queued, service) = (self.queued_ms, &self.service);
            let Some(accepted) = self.accepted_ms else {
                return format!("{service} did not accept the push; the provider's log says why");
            };
            let looked = match (self.looked_ms, awaited) {
                (Some(looked), _) => format!("; the device called {looked} ms later"),
                (None, true) => format!("; the device did not call within {} s", LOOK_WITHIN.as_secs()),
                (None, false) => String::new(),
            };
            format!("taken from the queue after {queued} ms, accepted by {service} after {accepted} ms{looked}")
        })
    }
}
