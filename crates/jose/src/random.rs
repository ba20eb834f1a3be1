//! Randomness, passed in.

/// A source of cryptographically secure random bytes. Tests pass a seeded one.
pub trait Random: Send + Sync {
    /// Fills the whole slice. A source that can't must not return: an id or key from a bad source is worse than none.
    fn fill(&self, bytes: &mut [u8]);
}

/// `N` random bytes.
pub fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut out = [0; N];
    random.fill(&mut out);
    out
}

/// A number in `0..below`, each as likely as any other (rejection sampling, no modulo bias). `below` must not be 0.
pub fn below(random: &dyn Random, below: u32) -> u32 {
    let rest = (u32::MAX % below + 1) % below;
    loop {
        let number = u32::from_be_bytes(bytes::<4>(random));
        if number <= u32::MAX - rest {
            return number % below;
        }
    }
}
