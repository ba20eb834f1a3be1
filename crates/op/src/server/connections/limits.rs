//! Deadlines and bounds of connections. docs/operating.md lists them.

use std::time::Duration;

use countersign_gateway::KeyOwner;

use super::standing::Standing;

/// From a TCP connection to the end of its TLS handshake.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(5);
/// From a connection, or over HTTP/1 the first byte of a further request, to the end of that request's headers.
pub(super) const HEADER: Duration = Duration::from_secs(10);
/// From a request's headers to the end of its body.
pub(super) const BODY: Duration = Duration::from_secs(10);
/// Without an open request. A stream and a held poll are open requests.
pub(super) const IDLE: Duration = Duration::from_secs(75);
/// Without the peer taking anything of what is written to it.
pub(super) const STALLED: Duration = Duration::from_secs(30);
/// For one request of a connection that proved no key, from its headers until its response was taken.
pub(super) const UNPROVEN_REQUEST: Duration = Duration::from_secs(30);
/// How long a stranger's response may be ready and not taken before its connection may make room for others.
pub(super) const RESPONSE_UNTAKEN: Duration = Duration::from_secs(1);
/// How long a connection that is being closed may take for its farewell (HTTP/2: GOAWAY).
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

/// Open streams of one HTTP/2 connection.
pub(super) const STREAMS: u32 = 32;
/// Streams that one HTTP/2 connection may waste: refused ones, faulty ones, and of a stranger those that it gives up before their
/// response. Clients assume that they may open 100 until they have read this side's limit (RFC 9113 §6.5.2).
pub(super) const WASTED_STREAMS: usize = 100 - STREAMS as usize;
/// Header list of a request, in bytes: names, values, and 32 for each (RFC 9113 §6.5.2). Over HTTP/1 the header section.
pub(super) const HEADERS: usize = 16 * 1024;
/// Largest body that any endpoint reads (an answer with its transcript), in bytes. Endpoints have smaller limits of their own.
pub(super) const BODY_BYTES: usize = 96 * 1024;
/// Flow-control windows of a stream and of a connection (RFC 9113 §5.2), in bytes: what a peer may send unread.
pub(super) const STREAM_WINDOW: u32 = 64 * 1024;
pub(super) const CONNECTION_WINDOW: u32 = 128 * 1024;
/// Response bytes waiting for a stream's window.
pub(super) const SEND_BUFFER: usize = 64 * 1024;
/// Bytes of a response that are handed to HTTP at once: over HTTP/2 a window of one byte takes a whole piece, and what was taken
/// is not seen to wait.
pub(super) const RESPONSE_PIECE: usize = 8 * 1024;
/// An HTTP/2 peer is asked for a sign of life this often, and given this long.
pub(super) const PING: Duration = Duration::from_secs(30);
pub(super) const PONG: Duration = Duration::from_secs(20);

/// Descriptors kept for the database, key files, outgoing calls and the log.
const OWN_DESCRIPTORS: usize = 64;
/// Descriptors assumed where the system names no limit.
const USUAL_DESCRIPTORS: usize = 1024;
/// Connections at most, however many descriptors there are.
const MOST_CONNECTIONS: usize = 65_536;
/// Of these, connections that proved no key: by memory, some 64 KiB each with TLS.
const MOST_UNPROVEN: usize = 512;

/// How many owners of a key it takes to fill the room: each has at most this fraction of it, in connections and in bytes of bodies; so
/// has each address, of the strangers' room for bodies.
const SHARES: usize = 4;
/// Connections of one device: four streams, four held fetches, and a connection of its own for each of many answers at once.
const DEVICE_CONNECTIONS: usize = 128;

/// Bounds of everything that connections occupy together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct ConnectionLimits {
    /// Connections in all.
    pub(super) connections: usize,
    /// Of these, connections of strangers and of guests; the rest of the room is for those that proved a key of a known owner.
    pub(super) unproven: usize,
    /// Unproven ones of one address (IPv6: of one /64).
    pub(super) unproven_per_address: usize,
    /// Requests of unproven connections whose body has not come whole: in all, and of one address.
    pub(super) awaited_bodies: usize,
    pub(super) awaited_bodies_per_address: usize,
    /// Bytes of bodies in memory, of unproven connections and of the others, and of any one connection.
    pub(super) unproven_body_bytes: usize,
    pub(super) proven_body_bytes: usize,
    pub(super) body_bytes_per_connection: usize,
    /// Bytes of responses that are ready and not taken, of unproven connections and of the others.
    pub(super) unproven_response_bytes: usize,
    pub(super) proven_response_bytes: usize,
}

impl ConnectionLimits {
    /// For routes that a few callers use.
    pub(in crate::server) fn few() -> ConnectionLimits {
        ConnectionLimits { connections: 32, unproven: 32, ..ConnectionLimits::for_descriptors(0) }
    }

    /// For a process that may have this many descriptors.
    pub(in crate::server) fn for_descriptors(descriptors: usize) -> ConnectionLimits {
        let connections = descriptors.saturating_sub(OWN_DESCRIPTORS).clamp(16, MOST_CONNECTIONS);
        ConnectionLimits {
            connections,
            unproven: (connections / 2).min(MOST_UNPROVEN),
            unproven_per_address: 64,
            awaited_bodies: 1024,
            awaited_bodies_per_address: 128,
            unproven_body_bytes: 8 * 1024 * 1024,
            proven_body_bytes: 32 * 1024 * 1024,
            body_bytes_per_connection: 1024 * 1024,
            unproven_response_bytes: 8 * 1024 * 1024,
            proven_response_bytes: 32 * 1024 * 1024,
        }
    }

    /// Connections on which this owner's key was proven, at most.
    pub(super) fn connections_of(&self, owner: &KeyOwner, standing: Standing) -> usize {
        let room = if standing == Standing::Known { self.connections } else { self.unproven };
        match owner {
            KeyOwner::Client(_) => room / SHARES,
            KeyOwner::Device(_) => (room / SHARES).min(DEVICE_CONNECTIONS),
        }
    }

    /// Bytes of bodies in memory of one owner of a key, or of one address of strangers.
    pub(super) fn body_bytes_of_one(&self, standing: Standing) -> usize {
        let room = if standing == Standing::Known { self.proven_body_bytes } else { self.unproven_body_bytes };
        room / SHARES
    }

    /// Bytes of responses not taken of one owner of a key, or of one address of strangers.
    pub(super) fn response_bytes_of_one(&self, standing: Standing) -> usize {
        let room = if standing == Standing::Known { self.proven_response_bytes } else { self.unproven_response_bytes };
        room / SHARES
    }
}

/// Raises the process's limit of open descriptors to the most the system lets it have (`RLIMIT_NOFILE`, soft to hard), and returns it.
/// A soft limit of 1024 is a habit from programs that call `select`; this one does not.
#[cfg(unix)]
pub(in crate::server) fn raise_descriptor_limit() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if let Err(error) = &raised {
        tracing::warn!(%error, ?current, "the limit of open descriptors could not be raised");
    }
    let in_force = if raised.is_ok() { maximum } else { current };
    in_force.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(MOST_CONNECTIONS.max(USUAL_DESCRIPTORS))
}

/// Where descriptors have no limit that a process could raise.
#[cfg(not(unix))]
pub(in crate::server) fn raise_descriptor_limit() -> usize {
    USUAL_DESCRIPTORS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_room_is_kept_for_those_that_proved_a_key() {
        let few = ConnectionLimits::for_descriptors(256);
        assert_eq!((few.connections, few.unproven), (192, 96));
        let many = ConnectionLimits::for_descriptors(1_048_576);
        assert_eq!((many.connections, many.unproven), (65_536, 512));
        let least = ConnectionLimits::for_descriptors(0);
        assert_eq!((least.connections, least.unproven), (16, 8), "it serves somebody all the same");
    }
}
