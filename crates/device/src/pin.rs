//! PINs: their form, their source, and the limits on wrong ones.

use countersign_jose::clock::Timestamp;
use countersign_jose::secret::Secret;
use countersign_protocol::limits;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most digits of a PIN. More are a mistake, such as a pasted file.
pub const MAX_DIGITS: usize = 64;

const MIN_DIGITS: usize = limits::PIN_DIGITS;

/// A PIN: six to 64 digits. It is wiped when dropped and has neither `Debug` nor `Display`.
#[derive(Clone)]
pub struct Pin(Secret);

impl Pin {
    /// Reads a PIN. White space around it (a line feed at the end of a file) is ignored.
    ///
    /// # Errors
    /// [`InvalidPin`] where it is not [`limits::PIN_DIGITS`] to [`MAX_DIGITS`] ASCII digits.
    pub fn parse(text: &str) -> Result<Pin, InvalidPin> {
        let digits = text.trim();
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidPin::NotDigits);
        }
        match digits.len() {
            0..MIN_DIGITS => Err(InvalidPin::TooShort),
            MIN_DIGITS..=MAX_DIGITS => Ok(Pin(Secret::new(digits))),
            _ => Err(InvalidPin::TooLong),
        }
    }

    /// The digits, for deriving a key.
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

/// Why a string is no PIN.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPin {
    /// Something other than the digits 0–9.
    #[error("a PIN has digits only")]
    NotDigits,
    /// Fewer than [`limits::PIN_DIGITS`].
    #[error("a PIN has at least {MIN_DIGITS} digits")]
    TooShort,
    /// More than [`MAX_DIGITS`].
    #[error("a PIN has at most {MAX_DIGITS} digits")]
    TooLong,
}

impl InvalidPin {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            InvalidPin::NotDigits => "pin_not_digits",
            InvalidPin::TooShort => "pin_too_short",
            InvalidPin::TooLong => "pin_too_long",
        }
    }
}

/// An account's counter of wrong PINs. Stored *before* a PIN is checked, so that a power cut gains no try.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinGuard {
    /// Tries since the last right PIN, the one under way included.
    pub tries: u32,
    /// When the last try began, by this device's clock (milliseconds since the epoch).
    pub last_try_at: u64,
}

/// Whether a try may be made.
#[derive(Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Yes: store this guard durably, then check the PIN.
    Check(PinGuard),
    /// Not yet.
    Wait {
        /// Milliseconds until the next try.
        left_ms: u64,
    },
    /// Never again: ten tries are used up, and the approval key is to be destroyed without another check.
    Spent,
}

impl PinGuard {
    /// Decides about a try at `now` (this device's clock).
    ///
    /// A clock set back begins the wait again instead of ending it, so that moving the clock gains nothing.
    pub fn attempt(&self, now: Timestamp) -> Attempt {
        if self.tries >= limits::PIN_TRIES {
            return Attempt::Spent;
        }
        let now = now.millis();
        let wait = wait_after(self.tries);
        let passed = now.saturating_sub(self.last_try_at);
        if passed < wait {
            return Attempt::Wait { left_ms: wait - passed };
        }
        Attempt::Check(PinGuard { tries: self.tries + 1, last_try_at: now })
    }

    /// Tries left before the key is destroyed.
    pub fn tries_left(&self) -> u32 {
        limits::PIN_TRIES.saturating_sub(self.tries)
    }

    /// How long the next try has to wait after this one turned out wrong, in milliseconds.
    pub fn wait_ms(&self) -> u64 {
        wait_after(self.tries)
    }
}

/// The wait after `wrong` wrong PINs: none for three, then 30 s doubling to an hour.
fn wait_after(wrong: u32) -> u64 {
    match wrong.checked_sub(limits::PIN_FREE_TRIES + 1) {
        None => 0,
        Some(doublings) => {
            (limits::PIN_FIRST_WAIT_SECONDS << doublings.min(20)).min(limits::PIN_LONGEST_WAIT_SECONDS) * 1000
        }
    }
}

#[cfg(any(test, feature = "wasm-tests"))]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_pin_is_six_digits_or_more() {
        assert!(Pin::parse("123456\n").is_ok());
        assert_eq!(Pin::parse("12345").err(), Some(InvalidPin::TooShort));
        assert_eq!(Pin::parse("").err(), Some(InvalidPin::TooShort));
        assert_eq!(Pin::parse("12345a").err(), Some(InvalidPin::NotDigits));
        assert_eq!(Pin::parse("١٢٣٤٥٦").err(), Some(InvalidPin::NotDigits));
        assert_eq!(Pin::parse(&"1".repeat(65)).err(), Some(InvalidPin::TooLong));
    }

    #[test]
    fn waits_begin_at_the_fourth_wrong_pin_and_double() {
        let waits: Vec<u64> = (1..=9).map(|tries| PinGuard { tries, last_try_at: 0 }.wait_ms() / 1000).collect();
        assert_eq!(waits, [0, 0, 0, 30, 60, 120, 240, 480, 960]);
        assert_eq!(wait_after(30), limits::PIN_LONGEST_WAIT_SECONDS * 1000);
    }

    #[test]
    fn a_try_counts_before_it_is_checked() {
        let Attempt::Check(stored) = PinGuard::default().attempt(at(1_000)) else { panic!("the first try is free") };
        assert_eq!(stored, PinGuard { tries: 1, last_try_at: 1_000 });
    }

    #[test]
    fn moving_the_clock_back_does_not_shorten_a_wait() {
        let guard = PinGuard { tries: 4, last_try_at: 1_000_000 };
        assert_eq!(guard.attempt(at(1_029_999)), Attempt::Wait { left_ms: 1 });
        assert_eq!(guard.attempt(at(0)), Attempt::Wait { left_ms: 30_000 });
        assert!(matches!(guard.attempt(at(1_030_000)), Attempt::Check(_)));
    }

    #[test]
    fn the_tenth_try_is_the_last() {
        let guard = PinGuard { tries: 9, last_try_at: 0 };
        let Attempt::Check(tenth) = guard.attempt(at(10_000_000)) else { panic!("the tenth try is checked") };
        assert_eq!(tenth.tries_left(), 0);
        assert_eq!(tenth.attempt(at(u64::MAX)), Attempt::Spent);
    }
}
