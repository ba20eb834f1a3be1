//! Cache of the JWK sets at `jwks_uri`: fetched on first use, again when stale or when a signature fits none of the
//! keys, at most once a minute for each address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_egress::{CallError, Egress};
use countersign_jose::clock::Timestamp;
use countersign_jose::jwt::JwkSet;
use countersign_protocol::limits;
use url::Url;

/// How long keys are used without fetching them again, in seconds.
const FRESH_SECONDS: u64 = 600;

/// How long keys are used while fetching fails, in seconds. Bounds how long a withdrawn key is accepted.
const USABLE_SECONDS: u64 = 86_400;

/// Largest accepted document, in bytes: room for some hundred keys, or 32 with certificates.
const DOCUMENT_BYTES: usize = 128 * 1024;

/// Which keys a caller accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Cached keys, if they are fresh.
    Known,
    /// Newly fetched keys, within the limit of one fetch a minute.
    Newer,
}

/// Why the keys at an address are unavailable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JwksUnavailable {
    /// Connection, TLS or timeout failed, its name is unknown, or the address is blocked by the address policy. The words are the
    /// same for all: they would tell a client which names resolve inside the operator's network. The log says which.
    #[error("no document came from there; the provider's log says why")]
    NoDocument(CallError),
    /// The status was not 200. The words are the same too: otherwise they would tell what is there.
    #[error("no document came from there; the provider's log says why")]
    Status(u16),
    /// The document is not a JWK set.
    #[error("{0}")]
    Document(String),
    /// No fetch has been made.
    #[error("they have not been fetched yet")]
    NotFetched,
}

/// The cache. One fetch at a time for each address; concurrent callers wait for it.
pub(crate) struct JwksCache {
    egress: Egress,
    entries: Mutex<HashMap<Url, Arc<tokio::sync::Mutex<Entry>>>>,
}

/// Keys of one address and when they were fetched, the last attempt, and its failure.
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

    /// The keys at an address.
    ///
    /// # Errors
    /// [`JwksUnavailable`] if fetching failed and no usable keys are cached.
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
                Ok(keys) => {
                    let former = entry.keys.as_ref().map(|(former, _)| &**former);
                    if let Some(unusable) = newly_unusable(former, &keys) {
                        let host = uri.host_str().unwrap_or_default();
                        tracing::warn!(host, keys = unusable, "keys at a client's jwks_uri can't be used");
                    }
                    entry.keys = Some((Arc::new(keys), now));
                }
                Err(failure) => {
                    let error = match &failure {
                        JwksUnavailable::NoDocument(why) => why.to_string(),
                        JwksUnavailable::Status(status) => format!("it answered with status {status}"),
                        other => other.to_string(),
                    };
                    let host = uri.host_str().unwrap_or_default();
                    tracing::warn!(host, error, "a client's keys can't be fetched");
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
        let answer = answer.map_err(JwksUnavailable::NoDocument)?;
        if answer.status != 200 {
            return Err(JwksUnavailable::Status(answer.status));
        }
        JwkSet::parse(&answer.body).map_err(|why| JwksUnavailable::Document(why.to_string()))
    }
}

/// What is to be said of a set's unusable keys, if it is not what was said of the set before.
fn newly_unusable(former: Option<&JwkSet>, keys: &JwkSet) -> Option<String> {
    let said = former.and_then(JwkSet::unusable);
    keys.unusable().filter(|unusable| said.as_ref() != Some(unusable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_keys_are_logged_once_for_each_change_of_the_set() {
        let key = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        let set = |more: &str| JwkSet::parse(format!("{{\"keys\":[{key}{more}]}}").as_bytes()).expect("a set");
        let (sound, broken, other) = (set(""), set(",null"), set(",null,null"));
        assert_eq!(newly_unusable(None, &sound), None);
        assert!(newly_unusable(None, &broken).is_some() && newly_unusable(Some(&sound), &broken).is_some());
        assert_eq!(newly_unusable(Some(&broken), &broken), None, "it was said");
        assert!(newly_unusable(Some(&broken), &other).is_some());
    }
}
