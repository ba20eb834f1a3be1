//! Keys at clients' `jwks_uri`: fetched when first needed, kept in memory, and fetched again before they are stale or when a
//! signature fits none of them, but never more than once a minute for one address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_egress::Egress;
use countersign_jose::clock::Timestamp;
use countersign_jose::jwt::JwkSet;
use countersign_protocol::limits;
use url::Url;

/// For this long keys are used without asking again, in seconds.
const FRESH_SECONDS: u64 = 600;

/// For this long keys are used while their address does not answer, in seconds. A key that a client withdrew is good for no
/// longer.
const USABLE_SECONDS: u64 = 86_400;

/// The largest document that is read, in bytes: 32 keys with certificates.
const DOCUMENT_BYTES: usize = 128 * 1024;

/// Which keys will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Those that are known, if they are fresh.
    Known,
    /// Newer ones than those that are known.
    Newer,
}

/// Why the keys at an address can't be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JwksUnavailable {
    /// No connection, no TLS, no answer in time, or an address that is never called.
    #[error("{0}")]
    NoAnswer(String),
    /// Another status than 200.
    #[error("it answered with status {0}")]
    Status(u16),
    /// The document is no JWK set.
    #[error("{0}")]
    Document(String),
    /// Nothing was fetched yet.
    #[error("they have not been fetched yet")]
    NotFetched,
}

/// Fetches and keeps. One fetch at a time for one address; others wait for it.
pub(crate) struct JwksCache {
    egress: Egress,
    entries: Mutex<HashMap<Url, Arc<tokio::sync::Mutex<Entry>>>>,
}

/// What is known of one address.
#[derive(Default)]
struct Entry {
    keys: Option<(Arc<JwkSet>, Timestamp)>,
    tried: Option<Timestamp>,
    failure: Option<JwksUnavailable>,
}

impl JwksCache {
    pub(crate) fn new(egress: Egress) -> JwksCache {
        JwksCache { egress, entries: Mutex::default() }
    }

    /// The keys at an address that the configuration names.
    ///
    /// # Errors
    /// In words, where there are none to be had and none to be remembered.
    pub(crate) async fn get(
        &self,
        uri: &Url,
        freshness: Freshness,
        now: Timestamp,
    ) -> Result<Arc<JwkSet>, JwksUnavailable> {
        let entry = self.entries.lock().unwrap_or_else(PoisonError::into_inner).entry(uri.clone()).or_default().clone();
        let mut entry = entry.lock().await;
        let older_than = |since: Timestamp, seconds: u64| now.millis_since(since) >= seconds * 1000;
        if let (Freshness::Known, Some((keys, since))) = (freshness, &entry.keys)
            && !older_than(*since, FRESH_SECONDS)
        {
            return Ok(keys.clone());
        }
        if entry.tried.is_none_or(|tried| older_than(tried, limits::KEY_REFETCH_SECONDS)) {
            entry.tried = Some(now);
            match self.fetch(uri).await {
                Ok(keys) => entry.keys = Some((Arc::new(keys), now)),
                Err(failure) => {
                    tracing::warn!(
                        host = uri.host_str().unwrap_or_default(),
                        fault = %failure,
                        "a client's keys can't be fetched"
                    );
                    entry.failure = Some(failure);
                }
            }
        }
        match &entry.keys {
            Some((keys, since)) if !older_than(*since, USABLE_SECONDS) => Ok(keys.clone()),
            _ => Err(entry.failure.clone().unwrap_or(JwksUnavailable::NotFetched)),
        }
    }

    async fn fetch(&self, uri: &Url) -> Result<JwkSet, JwksUnavailable> {
        let answer = self.egress.get(uri, "application/jwk-set+json, application/json", DOCUMENT_BYTES).await;
        let answer = answer.map_err(|why| JwksUnavailable::NoAnswer(why.to_string()))?;
        if answer.status != 200 {
            return Err(JwksUnavailable::Status(answer.status));
        }
        JwkSet::parse(&answer.body).map_err(|why| JwksUnavailable::Document(why.to_string()))
    }
}
