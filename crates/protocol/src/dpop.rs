//! DPoP proofs (RFC 9449) of the transport key, with mandatory nonces.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::key::PublicKey;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::jws::{Claims, Compact, JwsError, Unsigned};
use crate::limits;

/// The claims of a proof (`dpop+jwt`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DpopProof {
    /// Unique per proof; 1 to 128 characters.
    pub jti: String,
    /// The HTTP method.
    pub htm: String,
    /// The URL without query and fragment.
    pub htu: String,
    /// Issued at, in seconds since the epoch.
    pub iat: u64,
    /// The gateway's nonce. Without one the gateway answers `use_dpop_nonce` and gives one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nonce: Option<String>,
    /// Hash of the credential, or at registration of the registration token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ath: Option<Hash>,
}

impl Claims for DpopProof {
    const TYP: &'static str = "dpop+jwt";
    const MEMBERS: &'static [&'static str] = &["jti", "htm", "htu", "iat", "nonce", "ath"];
}

/// A proof whose signature, method, URL and time were checked. The caller must still check the nonce, remember the `jti`, and
/// compare the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedProof {
    /// The key that signed.
    pub key: PublicKey,
    /// Unique per proof.
    pub jti: String,
    /// The nonce in the proof.
    pub nonce: Option<String>,
}

/// Why a proof was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DpopError {
    /// Signature, form or kind.
    #[error("the DPoP proof can't be verified: {0}")]
    Jws(#[from] JwsError),
    /// Another method or URL.
    #[error("the DPoP proof is for another request")]
    Request,
    /// Too old or too new.
    #[error("the DPoP proof's time is more than two minutes off")]
    Time,
    /// Made for another credential or token.
    #[error("the DPoP proof is for another credential")]
    AccessToken,
    /// No usable `jti`.
    #[error("the DPoP proof has no usable jti")]
    Jti,
}

/// The request that a proof must be for.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedRequest<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The URL as the gateway is configured to be known by, never from the Host header; without query.
    pub url: &'a str,
    /// The credential or registration token whose hash `ath` must be.
    pub token: &'a str,
    /// The gateway's time.
    pub now: Timestamp,
}

impl DpopProof {
    /// A proof for one request, for this key to sign. A query and a fragment of `url` are left out (RFC 9449 §4.2).
    pub fn unsigned(
        key: &PublicKey,
        method: &str,
        url: &Url,
        token: &str,
        nonce: Option<&str>,
        jti: String,
        now: Timestamp,
    ) -> Unsigned<Self> {
        let mut htu = url.clone();
        htu.set_query(None);
        htu.set_fragment(None);
        let claims = Self {
            jti,
            htm: method.to_owned(),
            htu: htu.to_string(),
            iat: now.seconds(),
            nonce: nonce.map(str::to_owned),
            ath: Some(Hash::of(token)),
        };
        Unsigned::with_jwk(&claims, key)
    }

    /// Verifies a proof.
    ///
    /// # Errors
    /// [`DpopError`].
    pub fn verify(compact: &Compact<Self>, expected: &ExpectedRequest<'_>) -> Result<VerifiedProof, DpopError> {
        let opened = compact.verify_with_own_key()?;
        let claims = opened.claims;
        if claims.htm != expected.method || claims.htu != expected.url {
            return Err(DpopError::Request);
        }
        if claims.iat.abs_diff(expected.now.seconds()) > limits::DPOP_SKEW_SECONDS {
            return Err(DpopError::Time);
        }
        if claims.ath != Some(Hash::of(expected.token)) {
            return Err(DpopError::AccessToken);
        }
        if claims.jti.is_empty() || claims.jti.len() > 128 {
            return Err(DpopError::Jti);
        }
        Ok(VerifiedProof { key: opened.key, jti: claims.jti, nonce: claims.nonce })
    }
}
