//! What an access token is bound to, so that nobody but its client can use it: a key by DPoP (RFC 9449) or the certificate of
//! the client's connection (RFC 8705 §3). Found out at the token endpoint, for any grant.

use countersign_protocol::hash::Hash;
use serde::Serialize;

use crate::client_certificate;
use crate::config::{Client, TokenBinding};
use crate::http::{ErrorCode, OAuthError, PostedForm};
use crate::server::Inner;

/// The one member of a token's `cnf` claim (RFC 7800 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Confirmation {
    /// The RFC 7638 thumbprint of the key whose proofs come with the token (RFC 9449 §6.1).
    #[serde(rename = "jkt")]
    Key(Hash),
    /// SHA-256 of the certificate's DER (RFC 8705 §3.1).
    #[serde(rename = "x5t#S256")]
    Certificate(Hash),
}

impl Confirmation {
    /// The `token_type` that tells the client how to use its token.
    pub(crate) const fn token_type(of: Option<Confirmation>) -> &'static str {
        match of {
            Some(Confirmation::Key(_)) => "DPoP",
            Some(Confirmation::Certificate(_)) | None => "Bearer",
        }
    }
}

impl Inner {
    /// What the tokens that this request gets are bound to. A client that is registered with a binding gets no others; any
    /// client may bind its tokens to a key by sending a proof.
    ///
    /// # Errors
    /// `invalid_dpop_proof` for a proof that is missing or wrong, `invalid_request` for a missing certificate.
    pub(crate) async fn confirmation(
        &self,
        posted: &PostedForm,
        client: &Client,
    ) -> Result<Option<Confirmation>, OAuthError> {
        let no_proof = |what: &str| OAuthError::new(ErrorCode::InvalidDpopProof, what);
        match (client.binding, &posted.proof) {
            (TokenBinding::Certificate, Some(_)) => {
                Err(no_proof("this client's tokens are bound to its certificate: leave the DPoP header out"))
            }
            (TokenBinding::Certificate, None) => match &posted.certificate {
                Some(certificate) => Ok(Some(Confirmation::Certificate(client_certificate::thumbprint(certificate)))),
                None => {
                    let what = "this client's tokens are bound to its certificate: connect with it";
                    Err(OAuthError::new(ErrorCode::InvalidRequest, what))
                }
            },
            (TokenBinding::Dpop, None) => {
                Err(no_proof("this client's tokens are bound to a key: send a DPoP header with a proof by that key"))
            }
            (TokenBinding::Dpop | TokenBinding::None, Some(proof)) => {
                Ok(Some(Confirmation::Key(self.verify_dpop(proof, &posted.path).await?)))
            }
            (TokenBinding::None, None) => Ok(None),
        }
    }
}
