//! Clients' public keys at work: whether a client signed something, and whether a key is its own.

use std::sync::Arc;

use countersign_jose::clock::Clock;
use countersign_jose::jwt::{self, JwkSet, JwtError, SigningAlg, VerificationKey, VerifiedJwt};

use crate::client_auth::jwks_cache::{Freshness, JwksCache, JwksUnavailable};
use crate::config::{Client, ClientKeys};

/// Why something is not known to be by a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientSignatureError {
    /// It has none.
    #[error("this client has no public keys here: add jwks or jwks_uri to its entry")]
    NoKeys,
    /// Its keys are elsewhere and can't be had.
    #[error("the keys can't be fetched from jwks_uri: {0}")]
    Unavailable(#[from] JwksUnavailable),
    /// Form, algorithm, kind or signature.
    #[error("{0}")]
    Refused(#[from] JwtError),
}

/// The keys of one client, where they are now.
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

/// Verifies what clients, and issuers of login hint tokens, signed.
pub(crate) struct ClientSignatures {
    pub(crate) jwks_cache: JwksCache,
    pub(crate) clock: Arc<dyn Clock>,
}

impl ClientSignatures {
    /// Opens a JWS by one of the client's keys. ResolvedKeys at a `jwks_uri` are fetched anew, once a minute at most, where those
    /// that are known don't fit: the client may have new ones.
    ///
    /// # Errors
    /// [`ClientSignatureError`].
    pub(crate) async fn verify_by_client(
        &self,
        client: &Client,
        text: &str,
        algs: &[SigningAlg],
        typ: impl Fn(Option<&str>) -> bool,
    ) -> Result<VerifiedJwt, ClientSignatureError> {
        self.verify_by(client.keys.as_ref(), text, algs, typ).await
    }

    /// Opens a JWS by one of these keys, as [`ClientSignatures::verify_by_client`] does.
    ///
    /// # Errors
    /// [`ClientSignatureError`].
    pub(crate) async fn verify_by(
        &self,
        keys: Option<&ClientKeys>,
        text: &str,
        algs: &[SigningAlg],
        typ: impl Fn(Option<&str>) -> bool,
    ) -> Result<VerifiedJwt, ClientSignatureError> {
        let known = self.keys_of(keys, Freshness::Known).await?;
        match jwt::verify(text, &known, algs, &typ) {
            Err(JwtError::Signature) if matches!(known, ResolvedKeys::Fetched(_)) => {
                let newer = self.keys_of(keys, Freshness::Newer).await?;
                Ok(jwt::verify(text, &newer, algs, &typ)?)
            }
            other => Ok(other?),
        }
    }

    /// Whether this key is among the client's.
    ///
    /// # Errors
    /// [`ClientSignatureError`] where its keys can't be had.
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
