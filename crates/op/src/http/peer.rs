//! Address and certificate of the sender, added to the request's extensions from the connection or from a trusted proxy's
//! headers.

use std::net::IpAddr;

/// Address of the client, not spoofable unless the client is a trusted proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// A client certificate as DER. The code that adds it to a request's extensions guarantees that the peer proved
/// possession of the private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate(pub Vec<u8>);
