//! Client certificate of a connection, added to the request's extensions by the TLS listener or from a trusted proxy's
//! header.

/// A client certificate as DER. The code that adds it to a request's extensions guarantees that the peer proved
/// possession of the private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate(pub Vec<u8>);
