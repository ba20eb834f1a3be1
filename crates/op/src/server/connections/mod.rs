//! Connections: accepting them, and ending those that hold what others need.
//!
//! A stranger must not hold a descriptor, a stream or a buffer for longer than it costs them. So every phase of a connection has a
//! deadline ([`limits`]), everything that a connection can occupy is bounded, and where there is no room the oldest connection that
//! proved no key makes room ([`admission`]). Connections that proved a key (a device's, a client's) are never ended for others.

mod accept;
mod admission;
mod connection;
mod limits;
mod request;
mod watched_io;

#[cfg(test)]
mod tests;

pub(super) use accept::Server;
pub(super) use limits::{ConnectionLimits, raise_descriptor_limit};
