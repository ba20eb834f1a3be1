//! For whom connections count.

/// For whom a connection counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It proved no key.
    Stranger,
    /// It proved a key that anybody can have: a client that registered itself, or a device that is not confirmed. It has the deadlines
    /// of the known, and the room of strangers.
    Guest,
    /// It proved a key of a client that the operator entered or of a confirmed device, or is a trusted proxy's.
    Known,
}
