//! Failures of calls about push, each with the next step.

use std::net::IpAddr;
use std::path::Path;

use countersign_device::error::OwnCallError;
use countersign_device::view::AccountView;
use countersign_protocol::problem::ProblemCode;

use crate::device_event_text::unreached;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::request_text::one_line;
use crate::{idle_accounts, next_command};

/// A call about push that a command makes for an account.
#[derive(Clone, Copy)]
pub struct PushCall<'a> {
    /// The account.
    pub account: &'a AccountView,
    /// The home that was given.
    pub home: Option<&'a Path>,
    /// Where the command listens itself.
    pub listens: Option<IpAddr>,
}

impl PushCall<'_> {
    /// The failure of the command.
    pub fn failure(&self, error: &OwnCallError) -> Failure {
        let (exit, code) = match error {
            OwnCallError::Unknown => (Exit::Usage, error.code()),
            // A test push is refused so where there is no address to push to.
            OwnCallError::Refused { code: ProblemCode::InvalidRequest, .. } => {
                (Exit::Usage, OwnCallError::Unsupported.code())
            }
            _ => (Exit::Provider, error.code()),
        };
        Failure { exit, code, message: self.describe(error) }
    }

    /// What happened, and what to do; without a full stop.
    pub fn describe(&self, error: &OwnCallError) -> String {
        let issuer = &self.account.issuer;
        match error {
            OwnCallError::NoPart { .. } | OwnCallError::Unusable { .. } => {
                idle_accounts::sentence(self.account, &error.to_string(), self.home)
            }
            OwnCallError::NoReply { why: Some(why) } => unreached(&issuer.host(), *why),
            OwnCallError::Unsupported => {
                format!("{issuer} does not push to devices; its operator can change that ([push] enabled)")
            }
            OwnCallError::Refused { code, detail, retry_after } => {
                let said = detail.as_deref().map_or_else(|| code.as_str().to_owned(), one_line);
                let said = said.trim_end_matches('.');
                match code {
                    ProblemCode::PushAddressNotAllowed => self.address_refused(said),
                    ProblemCode::InvalidRequest => format!("{said}. {}", self.register_one()),
                    ProblemCode::RateLimited | ProblemCode::Unavailable => match retry_after {
                        Some(seconds) => format!("{said}; try again in {}", in_words(*seconds)),
                        None => format!("{said}; try again in a moment"),
                    },
                    _ => format!("{issuer} refused ({}): {said}", code.as_str()),
                }
            }
            _ => error.to_string(),
        }
    }

    fn address_refused(&self, said: &str) -> String {
        let issuer = &self.account.issuer;
        let Some(at) = self.listens else { return format!("{issuer} takes no such push address: {said}") };
        format!(
            "{issuer} takes no push address on this machine: {said}. Its configuration has to say so (mode = \"test\", and \
             [egress] allow = [\"{at}\"]), and it reads that when it starts"
        )
    }

    fn register_one(&self) -> String {
        if !self.account.test {
            return "A headless device registers one at providers in test mode alone".to_owned();
        }
        let test = next_command::of_device("push-test --push 127.0.0.1:0", self.home);
        let watch = next_command::of_device("watch --push 127.0.0.1:0", self.home);
        format!("To test with an address of that command's own: {test}; to be woken at one: {watch}")
    }
}

/// A duration in seconds, for a sentence.
fn in_words(seconds: u64) -> String {
    match seconds {
        1 => "1 second".to_owned(),
        2..120 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_the_unit_that_fits() {
        assert_eq!([1, 42, 119].map(in_words), ["1 second", "42 seconds", "119 seconds"]);
        assert_eq!([120, 121, 3600].map(in_words), ["2 minutes", "3 minutes", "60 minutes"]);
    }
}
