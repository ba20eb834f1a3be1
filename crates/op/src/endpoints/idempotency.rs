//! `Idempotency-Key` of authentication requests: the same client, key and parameters get the same acknowledgement again, and
//! nobody is asked twice. An acknowledgement is kept sealed under its key, of which the store has a hash.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use tokio::sync::OwnedMutexGuard;

use crate::authentication_request::signed_request::OUTSIDE;
use crate::http::{ErrorCode, Form, OAuthError};
use crate::sealed::{self, Purpose};
use crate::store::KeptAcknowledgement;

/// Length of a key, in characters.
const KEY_CHARACTERS: std::ops::RangeInclusive<usize> = 16..=128;

/// How long after the request's end an acknowledgement is repeated, in seconds.
const KEPT_SECONDS: u64 = 600;

/// A client's key. Has no `Debug`: it opens what is kept.
pub(crate) struct IdempotencyKey {
    /// SHA-256 of the client's id and the key.
    pub(crate) id: Hash,
    key: Secret,
}

impl IdempotencyKey {
    /// Reads the header's value.
    ///
    /// # Errors
    /// `invalid_request` unless it has 16 to 128 visible ASCII characters.
    pub(crate) fn read(header: &str, client_id: &str) -> Result<IdempotencyKey, OAuthError> {
        if !KEY_CHARACTERS.contains(&header.len()) || !header.bytes().all(|byte| byte.is_ascii_graphic()) {
            let description = "Idempotency-Key must have 16 to 128 visible ASCII characters, such as a UUID";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
        }
        // No client's id has a zero byte.
        let id = Hash::of_parts(&[client_id.as_bytes(), &[0], header.as_bytes()]);
        Ok(IdempotencyKey { id, key: Secret::new(format!("{client_id} {header}")) })
    }

    /// Digest of the parameters, under the key: a user code can't be guessed from it. Client authentication is no part of
    /// them, and of a signed request its parameters alone.
    pub(crate) fn digest(&self, parameters: &Form) -> Hash {
        let mut named: Vec<(&str, &str)> =
            parameters.iter().filter(|(name, value)| !OUTSIDE.contains(name) && !value.is_empty()).collect();
        // Stable: values of a repeated name stay in their order.
        named.sort_by_key(|(name, _)| *name);
        let mut parts = vec![self.key.expose().as_bytes().to_vec(), vec![0]];
        for text in named.iter().flat_map(|(name, value)| [name, value]) {
            parts.push(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes().to_vec());
            parts.push(text.as_bytes().to_vec());
        }
        Hash::of_parts(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// The row that keeps an acknowledgement of a request with these parameters and this end.
    pub(crate) fn keep(
        &self,
        acknowledgement: &str,
        parameters: Hash,
        expires_at: Timestamp,
        random: &dyn Random,
    ) -> KeptAcknowledgement {
        let sealed =
            sealed::seal(Purpose::Acknowledgement, self.key.expose(), parameters.as_bytes(), acknowledgement, random);
        KeptAcknowledgement { parameters, sealed, expires_at, until: expires_at.plus_seconds(KEPT_SECONDS) }
    }

    /// The kept acknowledgement.
    ///
    /// # Errors
    /// `invalid_request` for other parameters than those of the first request.
    pub(crate) fn open(&self, kept: &KeptAcknowledgement, parameters: &Hash) -> Result<Secret, OAuthError> {
        let opened = (kept.parameters == *parameters)
            .then(|| sealed::open(Purpose::Acknowledgement, self.key.expose(), parameters.as_bytes(), &kept.sealed));
        opened.flatten().ok_or_else(|| {
            let description = "this Idempotency-Key was used with other parameters: use a new one for a new request";
            OAuthError::new(ErrorCode::InvalidRequest, description)
        })
    }
}

/// Requests under way, by key: one with the same key waits for the first. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct UnderWay {
    keys: Arc<Mutex<HashMap<Hash, Arc<tokio::sync::Mutex<()>>>>>,
}

/// The turn of one request; the next of its key begins when it is dropped.
pub(crate) struct Turn {
    under_way: UnderWay,
    id: Hash,
    guard: Option<OwnedMutexGuard<()>>,
}

impl UnderWay {
    /// Waits until no other request of this key is under way.
    pub(crate) async fn enter(&self, id: Hash) -> Turn {
        let lock = self.keys.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone();
        // Made first, so that a request that is dropped while it waits leaves nothing behind.
        let mut turn = Turn { under_way: self.clone(), id, guard: None };
        turn.guard = Some(lock.lock_owned().await);
        turn
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        let mut keys = self.under_way.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.get(&self.id).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            keys.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(parameters: &[(&str, &str)]) -> Form {
        Form::from_parameters(
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn equal_parameters_have_one_digest_whatever_their_order_and_authentication() {
        let Ok(key) = IdempotencyKey::read("0123456789abcdef", "till") else { panic!("a key") };
        let one = key.digest(&form(&[("scope", "openid"), ("login_hint", "alice"), ("client_assertion", "x")]));
        let other = [("login_hint", "alice"), ("client_id", "till"), ("acr_values", ""), ("scope", "openid")];
        assert_eq!(one, key.digest(&form(&other)));
        assert_ne!(one, key.digest(&form(&[("scope", "openid"), ("login_hint", "alicf")])));
        assert_ne!(key.digest(&form(&[("a", "bc")])), key.digest(&form(&[("ab", "c")])));
        let Ok(another) = IdempotencyKey::read("0123456789abcdeg", "till") else { panic!("a key") };
        assert_ne!(another.digest(&form(&[("a", "b")])), key.digest(&form(&[("a", "b")])));
    }

    #[test]
    fn a_key_has_16_to_128_visible_characters() {
        for (key, is_good) in [("0123456789abcde", false), ("0123456789abcdef", true), ("0123456789 abcdef", false)] {
            assert_eq!(IdempotencyKey::read(key, "till").is_ok(), is_good, "{key}");
        }
        assert!(IdempotencyKey::read(&"x".repeat(128), "till").is_ok());
        assert!(IdempotencyKey::read(&"x".repeat(129), "till").is_err());
    }

    #[tokio::test]
    async fn the_second_request_of_a_key_begins_when_the_first_has_ended() {
        let under_way = UnderWay::default();
        let first = under_way.enter(Hash::of("key")).await;
        let (waiting, other) = (under_way.clone(), under_way.enter(Hash::of("other")).await);
        let second = tokio::spawn(async move { drop(waiting.enter(Hash::of("key")).await) });
        tokio::task::yield_now().await;
        assert!(!second.is_finished() && under_way.count() == 2);
        drop((first, other));
        second.await.expect("its turn came");
        assert_eq!(under_way.count(), 0);
    }
}
