//! Monotonic time, for delays and for continuing the provider's time.

/// Milliseconds since an arbitrary start; monotonic, whatever the wall clock is set to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(pub u64);

impl Tick {
    /// This many milliseconds later. Saturates.
    pub const fn plus_millis(self, millis: u64) -> Tick {
        Tick(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` until this; 0 if `earlier` is later.
    pub const fn millis_since(self, earlier: Tick) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
