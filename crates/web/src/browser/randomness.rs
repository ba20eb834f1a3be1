//! The browser's randomness: `crypto.getRandomValues`, by getrandom.

use countersign_jose::random::Random;

/// The browser's source of randomness.
pub(super) struct BrowserRandom;

impl Random for BrowserRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // A browser that can't give random bytes can't make keys or ids; going on would be worse than stopping.
        getrandom::fill(bytes).expect("the browser gives random bytes");
    }
}
