//! Connections: accepting them, and ending those that hold what others need.
//!
//! A stranger must not hold a descriptor, a stream or a buffer for longer than it costs them. So every phase of a connection has a
//! deadline ([`limits`]), everything that a connection can occupy is bounded, and where there is no room the oldest connection that
//! proved no known owner's key makes room ([`admission`]). Those that proved one are never ended for others, unless their owner has more
//! than a fair share.

mod accept;
mod admission;
mod body_room;
mod closed;
mod connection;
mod limits;
mod request;
mod response_room;
mod standing;
mod watched_io;

#[cfg(test)]
mod tests;

pub(super) use accept::Server;
pub(super) use limits::{ConnectionLimits, raise_descriptor_limit};
