//! Sender-constrained access tokens: bound to a key by DPoP (RFC 9449) or to the connection's client certificate (RFC
//! 8705 §3), at the token endpoint, for any grant.

use std::sync::Arc;

use countersign_jose::clock::Clock;

use crate::client_auth::replay::ReplayMemory;
use crate::client_auth::signature_workers::SignatureWorkers;
use crate::client_certificate;
use crate::config::{Client, Config, TokenBinding};
use crate::grant::confirmation::Confirmation;
use crate::http::{ErrorCode, OAuthError, PostedForm};

/// Determines the binding of tokens, and verifies DPoP proofs.
pub(crate) struct SenderConstraints {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) replay: Arc<ReplayMemory>,
    pub(crate) workers: SignatureWorkers,
}

impl SenderConstraints {
    /// The binding of the tokens that this request gets. Required for a client that is registered with one; any client
    /// may bind its tokens to a key by sending a proof.
    ///
    /// # Errors
    /// `invalid_dpop_proof` for a missing or invalid proof, `invalid_request` for a missing certificate.
    pub(crate) async fn confirmation(
        &self,
        posted: &PostedForm,
        client: &Client,
    ) -> Result<Option<Confirmation>, OAuthError> {
        let invalid_proof = |description: &str| OAuthError::new(ErrorCode::InvalidDpopProof, description);
        match (client.binding, &posted.proof) {
            (TokenBinding::Certificate, Some(_)) => {
                Err(invalid_proof("this client's tokens are bound to its certificate: leave the DPoP header out"))
            }
            (TokenBinding::Certificate, None) => match &posted.certificate {
                Some(certificate) => Ok(Some(Confirmation::Certificate(client_certificate::thumbprint(certificate)))),
                None => {
                    let description = "this client's tokens are bound to its certificate: connect with it";
                    Err(OAuthError::new(ErrorCode::InvalidRequest, description))
                }
            },
            (TokenBinding::Dpop, None) => Err(invalid_proof(
                "this client's tokens are bound to a key: send a DPoP header with a proof by that key",
            )),
            (TokenBinding::Dpop | TokenBinding::None, Some(proof)) => {
                Ok(Some(Confirmation::Key(self.verify_dpop(proof, &posted.path).await?)))
            }
            (TokenBinding::None, None) => Ok(None),
        }
    }
}
