//! The system's clock and randomness. This is the one place that takes them; everything else is handed them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_protocol::clock::{Clock, Timestamp};
use countersign_protocol::random::Random;
use ring::rand::{SecureRandom as _, SystemRandom as RingRandom};

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
    /// Opens it.
    pub fn new() -> SystemRandom {
        SystemRandom(RingRandom::new())
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // A system that can't give random bytes can't make keys or ids; going on would be worse than stopping.
        self.0.fill(bytes).expect("the operating system gives random bytes");
    }
}

/// The clock, to hand out.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The randomness, to hand out.
pub fn random() -> Arc<dyn Random> {
    Arc::new(SystemRandom::new())
}
