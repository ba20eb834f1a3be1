//! Why connections end.

/// Why a connection was ended by this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// Its TLS handshake took too long.
    Handshake,
    /// A request's headers took too long.
    Headers,
    /// A request's body took too long.
    Body,
    /// No request was open for a while.
    Idle,
    /// The peer took nothing of what was written to it, or, unproven, not the response to a request.
    Stalled,
    /// Its peer wasted too many HTTP/2 streams.
    Flood,
    /// Others needed the room, or its owner has more than their share.
    Displaced,
    /// There was no room for it.
    Refused,
}

impl Closed {
    /// The metric's label.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Closed::Handshake => "handshake",
            Closed::Headers => "headers",
            Closed::Body => "body",
            Closed::Idle => "idle",
            Closed::Stalled => "stalled",
            Closed::Flood => "flood",
            Closed::Displaced => "displaced",
            Closed::Refused => "refused",
        }
    }
}
