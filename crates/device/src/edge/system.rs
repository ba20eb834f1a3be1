//! The system's clock, randomness, data directory and language, for a program to pass in: nothing else in this crate
//! asks for them.

#![expect(clippy::disallowed_methods, reason = "this is where clock and randomness come from")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_jose::clock::{Clock, Timestamp};
use countersign_jose::random::Random;
use ring::rand::{SecureRandom as _, SystemRandom as RingRandom};

use crate::transcript::Locale;

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The system's source of randomness.
pub struct SystemRandom(RingRandom);

impl SystemRandom {
    /// A handle to it.
    pub fn new() -> SystemRandom {
        SystemRandom(RingRandom::new())
    }
}

impl Default for SystemRandom {
    fn default() -> SystemRandom {
        SystemRandom::new()
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // A system that can't give random bytes can't make keys or ids; going on would be worse than stopping.
        self.0.fill(bytes).expect("the operating system gives random bytes");
    }
}

/// The system's clock, shared.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The system's randomness, shared.
pub fn random() -> Arc<dyn Random> {
    Arc::new(SystemRandom::new())
}

/// The folder of a user's application data: `$XDG_DATA_HOME` or `~/.local/share`, on macOS `~/Library/Application
/// Support`, on Windows `%APPDATA%`.
pub fn data_directory() -> Option<PathBuf> {
    if cfg!(windows) {
        return variable("APPDATA");
    }
    if cfg!(target_os = "macos") {
        return variable("HOME").map(|home| home.join("Library/Application Support"));
    }
    // A relative path there is to be ignored (XDG Base Directory Specification).
    let named = variable("XDG_DATA_HOME").filter(|path| path.is_absolute());
    named.or_else(|| variable("HOME").map(|home| home.join(".local/share")))
}

/// The language that the environment names: `LC_ALL`, `LC_MESSAGES`, `LANG`, as POSIX orders them.
pub fn locale() -> Locale {
    let set = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let tag = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
    tag.map_or_else(Locale::default, |tag| Locale::of(&tag))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
