//! Verification with clients' public keys, listed (`jwks`) or fetched (`jwks_uri`).

use std::sync::Arc;

use countersign_jose::clock::Clock;
use countersign_jose::jwt::{self, JwkSet, JwtError, SigningAlg, VerificationKey, VerifiedJwt};

use crate::client_auth::jwks_cache::{Freshness, JwksCache, JwksUnavailable};
use crate::client_auth::signature_workers::SignatureWorkers;
use crate::config::{Client, ClientKeys};

/// Why a signature is not accepted as the client's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientSignatureError {
    /// The entry has neither `jwks` nor `jwks_uri`.
    #[error("this client has no public keys here: add jwks or jwks_uri to its entry")]
    NoKeys,
    /// The keys can't be fetched from `jwks_uri`.
    #[error("the keys can't be fetched from jwks_uri: {0}")]
    Unavailable(#[from] JwksUnavailable),
    /// Malformed, of another `typ`, or with a wrong algorithm or signature.
    #[error("{0}")]
    Refused(#[from] JwtError),
}

/// A client's keys, from its entry or from the cache.
struct ResolvedKeys {
    set: Arc<JwkSet>,
    is_fetched: bool,
}

/// Verifies JWTs of clients and of issuers of login hint tokens.
pub(crate) struct ClientSignatures {
    pub(crate) jwks_cache: JwksCache,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) workers: SignatureWorkers,
}

impl ClientSignatures {
    /// Verifies a JWT by one of the client's keys. If none of the cached keys of a `jwks_uri` fits, they are fetched
    /// again, at most once a minute: the client may have rotated them.
    ///
    /// # Errors
    /// [`ClientSignatureError`].
    pub(crate) async fn verify_by_client(
        &self,
        client: &Client,
        jwt: &str,
        algs: &'static [SigningAlg],
        typ: fn(Option<&str>) -> bool,
    ) -> Result<VerifiedJwt, ClientSignatureError> {
        self.verify_by(client.keys.as_ref(), jwt, algs, typ).await
    }

    /// As [`ClientSignatures::verify_by_client`], by these keys.
    ///
    /// # Errors
    /// [`ClientSignatureError`].
    pub(crate) async fn verify_by(
        &self,
        keys: Option<&ClientKeys>,
        jwt: &str,
        algs: &'static [SigningAlg],
        typ: fn(Option<&str>) -> bool,
    ) -> Result<VerifiedJwt, ClientSignatureError> {
        let known = self.keys_of(keys, Freshness::Known).await?;
        match self.verify_with(&known.set, jwt, algs, typ).await {
            Err(JwtError::Signature) if known.is_fetched => {
                let newer = self.keys_of(keys, Freshness::Newer).await?;
                Ok(self.verify_with(&newer.set, jwt, algs, typ).await?)
            }
            other => Ok(other?),
        }
    }

    async fn verify_with(
        &self,
        set: &Arc<JwkSet>,
        jwt: &str,
        algs: &'static [SigningAlg],
        typ: fn(Option<&str>) -> bool,
    ) -> Result<VerifiedJwt, JwtError> {
        if set.is_quick_to_try(jwt::claimed_alg(jwt)) {
            return jwt::verify(jwt, set, algs, typ);
        }
        let (set, jwt) = (set.clone(), jwt.to_owned());
        self.workers.run(move || jwt::verify(&jwt, &set, algs, typ)).await
    }

    /// Whether this key is among the client's.
    ///
    /// # Errors
    /// [`ClientSignatureError`] if it has none, or they can't be fetched.
    pub(crate) async fn client_has_key(
        &self,
        client: &Client,
        key: &VerificationKey,
    ) -> Result<bool, ClientSignatureError> {
        let known = self.keys_of(client.keys.as_ref(), Freshness::Known).await?;
        let has = |keys: &ResolvedKeys| keys.set.public_keys().any(|listed| listed == key);
        if has(&known) || !known.is_fetched {
            return Ok(has(&known));
        }
        Ok(has(&self.keys_of(client.keys.as_ref(), Freshness::Newer).await?))
    }

    async fn keys_of(
        &self,
        keys: Option<&ClientKeys>,
        freshness: Freshness,
    ) -> Result<ResolvedKeys, ClientSignatureError> {
        match keys {
            None => Err(ClientSignatureError::NoKeys),
            Some(ClientKeys::Set(set)) => Ok(ResolvedKeys { set: set.clone(), is_fetched: false }),
            Some(ClientKeys::At(uri)) => {
                let set = self.jwks_cache.get(uri, freshness, self.clock.now()).await?;
                Ok(ResolvedKeys { set, is_fetched: true })
            }
        }
    }
}
