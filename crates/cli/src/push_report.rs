//! The result of a test push, as `countersign push-test` and `countersign op device push-test` print it.

use std::time::Duration;

use countersign_protocol::text;
use serde::Serialize;

use crate::error_code::ErrorCode;
use crate::exit::Exit;
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
    /// Prints it. `awaited`: whether the device's call was waited for. `next`: what to do where the push was not accepted.
    ///
    /// # Errors
    /// The push was not accepted, which is said after the times; or standard output can't be written.
    pub fn print(&self, awaited: bool, next: &str, output: Output) -> Result<Exit, Failure> {
        let service = self.service_text();
        let Some(accepted) = self.accepted_ms else {
            if output.is_json() {
                output.result(self, |_| String::new())?;
            }
            let what = format!("{service} did not accept the push; the provider's log says why. {next}");
            return Err(Failure::provider(ErrorCode::PushNotAccepted, what));
        };
        output.result(self, |_| {
            let looked = match (self.looked_ms, awaited) {
                (Some(looked), _) => format!("; the device called {looked} ms later"),
                (None, true) => format!("; the device did not call within {} s", LOOK_WITHIN.as_secs()),
                (None, false) => String::new(),
            };
            format!(
                "taken from the queue after {} ms, accepted by {service} after {accepted} ms{looked}",
                self.queued_ms
            )
        })?;
        Ok(Exit::Ok)
    }

    /// The service as it is printed: the provider's text may hold anything.
    fn service_text(&self) -> String {
        text::escape(&self.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_the_name_of_a_push_service_reaches_no_terminal_with_its_control_characters() {
        let named = |service: &str| {
            let report =
                PushReport { queued_ms: 1, accepted_ms: Some(1), looked_ms: None, service: service.to_owned() };
            report.service_text()
        };
        assert_eq!(named("updates.push.services.mozilla.com"), "updates.push.services.mozilla.com");
        let hostile = named("x\u{1b}[2J\u{1b}[H\u{202e}\r\nforged");
        assert!(!hostile.chars().any(char::is_control) && !hostile.contains('\u{202e}'), "{hostile}");
    }
}
