//! Verification with clients' public keys, listed (`jwks`) or fetched (`jwks_uri`).

use std::sync::Arc;

use countersign_jose::clock::Clock;
use countersign_jose::jwt::{self, JwkSet, JwtError, SigningAlg, VerificationKey, VerifiedJwt};

use crate::client_auth::jwks_cache::{Freshness, JwksCache, JwksUnavailable};
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
enum ResolvedKeys<'c> {
    Listed(&'c JwkSet),
    Fetched(Arc<JwkSet>),
}

impl std::ops::Deref for ResolvedKeys<'_> {
    type Target = JwkSet;

    fn deref(&self) -> &JwkSet {
        match self {
            ResolvedKeys::Listed(set) => set,
            ResolvedKeys::Fetched(set) => set,
        }
    }
}

/// Verifies JWTs of clients and of issuers of login hint tokens.
pub(crate) struct ClientSignatures {
    pub(crate) jwks_cache: JwksCache,
    pub(crate) clock: Arc<dyn Clock>,
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
        algs: &[SigningAlg],
        typ: impl Fn(Option<&str>) -> bool,
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
        algs: &[SigningAlg],
        typ: impl Fn(Option<&str>) -> bool,
    ) -> Result<VerifiedJwt, ClientSignatureError> {
        let known = self.keys_of(keys, Freshness::Known).await?;
        match jwt::verify(jwt, &known, algs, &typ) {
            Err(JwtError::Signature) if matches!(known, ResolvedKeys::Fetched(_)) => {
                let newer = self.keys_of(keys, Freshness::Newer).await?;
                Ok(jwt::verify(jwt, &newer, algs, &typ)?)
            }
            other => Ok(other?),
        }
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
        if known.public_keys().any(|listed| listed == key) {
            return Ok(true);
        }
        if matches!(known, ResolvedKeys::Listed(_)) {
            return Ok(false);
        }
        Ok(self.keys_of(client.keys.as_ref(), Freshness::Newer).await?.public_keys().any(|listed| listed == key))
    }

    async fn keys_of<'c>(
        &self,
        keys: Option<&'c ClientKeys>,
        freshness: Freshness,
    ) -> Result<ResolvedKeys<'c>, ClientSignatureError> {
        match keys {
            None => Err(ClientSignatureError::NoKeys),
            Some(ClientKeys::Set(set)) => Ok(ResolvedKeys::Listed(set)),
            Some(ClientKeys::At(uri)) => {
                let fetched = self.jwks_cache.get(uri, freshness, self.clock.now()).await;
                Ok(ResolvedKeys::Fetched(fetched?))
            }
        }
    }
}
