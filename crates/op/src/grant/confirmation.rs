//! `cnf` claim (RFC 7800 §3.1): the key or certificate that an access token is bound to.

use countersign_jose::hash::Hash;
use serde::Serialize;

/// The one member of a token's `cnf` claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Confirmation {
    /// RFC 7638 thumbprint of the DPoP key (RFC 9449 §6.1).
    #[serde(rename = "jkt")]
    Key(Hash),
    /// SHA-256 of the certificate's DER (RFC 8705 §3.1).
    #[serde(rename = "x5t#S256")]
    Certificate(Hash),
}

impl Confirmation {
    /// `token_type` of the token response.
    pub(crate) const fn token_type(of: Option<Confirmation>) -> &'static str {
        match of {
            Some(Confirmation::Key(_)) => "DPoP",
            Some(Confirmation::Certificate(_)) | None => "Bearer",
        }
    }
}
