//! DPoP proofs of clients (RFC 9449 §4) at this provider's endpoints.
//!
//! The protocol crate's `DpopProof` is for devices: always P-256, always with `ath` and a nonce. Clients use other
//! algorithms as well, and have no token yet. No nonces here: each `jti` is accepted once, recorded on disk, so that a
//! proof made in advance serves its maker alone, for two minutes.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::json::Json;
use countersign_jose::jwt::{
    ClaimError, Claims, JwtError, SigningAlg, VerificationKey, VerifiedJwt, claimed_alg, verify_by_own_key,
};
use countersign_protocol::limits;
use url::Url;

use crate::client_auth::replay::SignedKind;
use crate::http::{ErrorCode, OAuthError};
use crate::issuance::sender_constraint::SenderConstraints;

/// Why a proof is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum ProofError {
    #[error("{0}")]
    Jws(#[from] JwtError),
    #[error("{0}")]
    Claim(#[from] ClaimError),
    #[error("htm must be {0}")]
    Method(String),
    #[error("ath is not the hash of the access token")]
    Token,
    #[error("htu must be {0}")]
    Url(String),
    #[error("iat is more than two minutes off")]
    Time,
}

impl SenderConstraints {
    /// Verifies a proof for a POST to `path`; the thumbprint of its key. `htu`'s origin must be the configured
    /// issuer's, whatever the `Host` header says.
    ///
    /// # Errors
    /// `invalid_dpop_proof`.
    pub(crate) async fn verify_dpop(&self, proof: &str, path: &str) -> Result<Hash, OAuthError> {
        self.verify_dpop_with_token(proof, "POST", path, None).await
    }

    /// As [`SenderConstraints::verify_dpop`], for any method, with an access token that `ath` must match (RFC 9449
    /// §4.3).
    ///
    /// # Errors
    /// `invalid_dpop_proof`.
    pub(crate) async fn verify_dpop_with_token(
        &self,
        proof: &str,
        method: &str,
        path: &str,
        token: Option<&str>,
    ) -> Result<Hash, OAuthError> {
        let refused = |why: &dyn std::fmt::Display| {
            OAuthError::new(ErrorCode::InvalidDpopProof, format!("the DPoP proof was refused: {why}"))
        };
        let url = format!("{}{path}", self.config.issuer.origin());
        let now = self.clock.now();
        let (verified, key) = self.verify_proof(proof).await.map_err(|why| refused(&ProofError::from(why)))?;
        let accepted = check(&verified.claims, method, &url, token, now).map_err(|why| refused(&why))?;
        let thumbprint = key.thumbprint();
        let until =
            Timestamp::from_millis(accepted.iat.saturating_add(limits::DPOP_SKEW_SECONDS + 1).saturating_mul(1000));
        if !self.replay.first_use(SignedKind::Proof, &thumbprint.to_string(), accepted.jti, until).await? {
            return Err(refused(&"it was used before: make a new one for every request"));
        }
        Ok(thumbprint)
    }

    async fn verify_proof(&self, proof: &str) -> Result<(VerifiedJwt, VerificationKey), JwtError> {
        let verify = |proof: &str| verify_by_own_key(proof, &SigningAlg::ALL, |typ| typ == Some("dpop+jwt"));
        match claimed_alg(proof) {
            None | Some(SigningAlg::Es256) => verify(proof),
            Some(_) => {
                let proof = proof.to_owned();
                self.workers.run(move || verify(&proof)).await
            }
        }
    }
}

struct AcceptedProof<'j> {
    jti: &'j str,
    iat: u64,
}

fn check<'j>(
    claims: &'j Json,
    method: &str,
    url: &str,
    token: Option<&str>,
    now: Timestamp,
) -> Result<AcceptedProof<'j>, ProofError> {
    let read = Claims(claims);
    if read.string("htm")? != method {
        return Err(ProofError::Method(method.to_owned()));
    }
    if let Some(token) = token
        && read.string("ath")? != Hash::of(token).to_string()
    {
        return Err(ProofError::Token);
    }
    if without_query(read.string("htu")?).is_none_or(|htu| Some(htu) != without_query(url)) {
        return Err(ProofError::Url(url.to_owned()));
    }
    let iat = read.numeric_date("iat")?;
    if iat.abs_diff(now.seconds()) > limits::DPOP_SKEW_SECONDS {
        return Err(ProofError::Time);
    }
    Ok(AcceptedProof { jti: read.jti()?, iat })
}

/// A URL for comparison (RFC 9449 §4.3): normalised, without query and fragment.
fn without_query(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}
