//! The certificate that a client's connection was made with: put into the request by TLS, or by a proxy that is trusted.

/// A client certificate as DER. Whoever puts it into a request's extensions vouches that its private key made the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate(pub Vec<u8>);
