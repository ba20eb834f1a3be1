//! Clients' public keys at work: whether a client signed something, and whether a key is its own.

use std::sync::Arc;

use countersign_jose::jwt::{self, JwkSet, JwtError, SigningAlg, VerificationKey, VerifiedJwt};

use crate::client_auth::jwks_cache::Need;
use crate::config::{Client, ClientKeys};
use crate::server::Inner;

/// Why something is not known to be by a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotByClient {
    /// It has none.
    #[error("this client has no public keys here: add jwks or jwks_uri to its entry")]
    NoKeys,
    /// Its keys are elsewhere and can't be had.
    #[error("the keys can't be had from their jwks_uri: {0}")]
    Unavailable(String),
    /// Form, algorithm, kind or signature.
    #[error("{0}")]
    Refused(#[from] JwtError),
}

/// The keys of one client, where they are now.
enum Keys<'c> {
    Listed(&'c JwkSet),
    Fetched(Arc<JwkSet>),
}

impl std::ops::Deref for Keys<'_> {
    type Target = JwkSet;

    fn deref(&self) -> &JwkSet {
        match self {
            Keys::Listed(set) => set,
            Keys::Fetched(set) => set,
        }
    }
}

impl Inner {
    /// Opens a JWS by one of the client's keys. Keys at a `jwks_uri` are fetched anew, once a minute at most, where those
    /// that are known don't fit: the client may have new ones.
    ///
    /// # Errors
    /// [`NotByClient`].
    pub(crate) async fn verify_by_client(
        &self,
        client: &Client,
        text: &str,
        algs: &[SigningAlg],
        typ: impl Fn(Option<&str>) -> bool,
    ) -> Result<VerifiedJwt, NotByClient> {
        self.verify_by(client.keys.as_ref(), text, algs, typ).await
    }

    /// Opens a JWS by one of these keys, as [`Inner::verify_by_client`] does.
    ///
    /// # Errors
    /// [`NotByClient`].
    pub(crate) async fn verify_by(
        &self,
        keys: Option<&ClientKeys>,
        text: &str,
        algs: &[SigningAlg],
        typ: impl Fn(Option<&str>) -> bool,
    ) -> Result<VerifiedJwt, NotByClient> {
        let known = self.keys_of(keys, Need::Known).await?;
        match jwt::verify(text, &known, algs, &typ) {
            Err(JwtError::Signature) if matches!(known, Keys::Fetched(_)) => {
                let newer = self.keys_of(keys, Need::Newer).await?;
                Ok(jwt::verify(text, &newer, algs, &typ)?)
            }
            other => Ok(other?),
        }
    }

    /// Whether this key is among the client's.
    ///
    /// # Errors
    /// [`NotByClient`] where its keys can't be had.
    pub(crate) async fn client_has_key(&self, client: &Client, key: &VerificationKey) -> Result<bool, NotByClient> {
        let known = self.keys_of(client.keys.as_ref(), Need::Known).await?;
        if known.public_keys().any(|listed| listed == key) {
            return Ok(true);
        }
        if matches!(known, Keys::Listed(_)) {
            return Ok(false);
        }
        Ok(self.keys_of(client.keys.as_ref(), Need::Newer).await?.public_keys().any(|listed| listed == key))
    }

    async fn keys_of<'c>(&self, keys: Option<&'c ClientKeys>, need: Need) -> Result<Keys<'c>, NotByClient> {
        match keys {
            None => Err(NotByClient::NoKeys),
            Some(ClientKeys::Set(set)) => Ok(Keys::Listed(set)),
            Some(ClientKeys::At(uri)) => {
                let fetched = self.remote_keys.get(uri, need, self.ports.clock.now()).await;
                fetched.map(Keys::Fetched).map_err(NotByClient::Unavailable)
            }
        }
    }
}
