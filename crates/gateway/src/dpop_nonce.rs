//! Nonces for DPoP proofs (RFC 9449 §8) that need no memory, and the memory of proofs that were used with them.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use countersign_jose::base64url;
use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::key::Thumbprint;
use countersign_jose::random::{self, Random};
use countersign_protocol::limits;
use ring::hmac;

/// A nonce is valid for this long.
const LIFE: u64 = limits::DPOP_NONCE_SECONDS * 1000;
/// Proofs remembered at most, of all devices together: some 50 MiB. Beyond it a new epoch begins, which costs each device one retry.
const REMEMBERED: usize = 7 << 18;
/// Registrations without a link remembered at most: 2 MiB. Anybody can make such calls, so they have a memory of their own, and the
/// epoch that begins beyond it costs one retry nobody but those that register so.
const REMEMBERED_RESUMPTIONS: usize = 7 << 13;
const TAG_BYTES: usize = 16;

/// Gives out and checks nonces. A nonce is HMAC(epoch's key, time ‖ thumbprint), so that it is worth nothing to another key;
/// a restart begins a new epoch, and so the proofs seen need not be written down.
pub(crate) struct Nonces {
    epoch: Mutex<Epoch>,
    remembered: usize,
}

struct Epoch {
    key: hmac::Key,
    /// Proofs of the running and of the last period of [`LIFE`], as hashes of thumbprint and `jti`.
    seen: [HashSet<[u8; 16]>; 2],
    since: Timestamp,
}

/// Why a proof's nonce or `jti` was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NonceError {
    /// Missing, of another key, of another epoch or too old: a new one is due.
    UseNew,
    /// This proof was used before.
    Replayed,
}

impl Nonces {
    /// For calls of devices.
    pub(crate) fn new(random: &dyn Random, now: Timestamp) -> Self {
        Self { epoch: Mutex::new(Epoch::new(random, now)), remembered: REMEMBERED }
    }

    /// For registrations without a link.
    pub(crate) fn of_resumptions(random: &dyn Random, now: Timestamp) -> Self {
        Self { remembered: REMEMBERED_RESUMPTIONS, ..Self::new(random, now) }
    }

    /// A nonce for the key with this thumbprint.
    pub(crate) fn issue(&self, thumbprint: &Thumbprint, now: Timestamp) -> String {
        let tag = self.lock().tag(now.millis(), thumbprint);
        let mut bytes = [0; 8 + TAG_BYTES];
        bytes[..8].copy_from_slice(&now.millis().to_be_bytes());
        bytes[8..].copy_from_slice(&tag);
        base64url::encode(&bytes)
    }

    /// Whether the nonce is one that [`Nonces::accept`] would take. Remembers nothing.
    pub(crate) fn check(&self, nonce: Option<&str>, thumbprint: &Thumbprint, now: Timestamp) -> Result<(), NonceError> {
        self.lock().check(nonce, thumbprint, now)
    }

    /// Accepts a proof with this nonce and `jti` once.
    pub(crate) fn accept(
        &self,
        nonce: Option<&str>,
        jti: &str,
        thumbprint: &Thumbprint,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<(), NonceError> {
        let mut epoch = self.lock();
        epoch.check(nonce, thumbprint, now)?;
        epoch.turn_over(now);
        let proof = proof_id(thumbprint, jti);
        if epoch.seen.iter().any(|seen| seen.contains(&proof)) {
            return Err(NonceError::Replayed);
        }
        if epoch.seen.iter().map(HashSet::len).sum::<usize>() >= self.remembered {
            *epoch = Epoch::new(random, now);
            return Err(NonceError::UseNew);
        }
        epoch.seen[0].insert(proof);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Epoch> {
        self.epoch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Epoch {
    fn new(random: &dyn Random, now: Timestamp) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &random::bytes::<32>(random));
        Self { key, seen: [HashSet::new(), HashSet::new()], since: now }
    }

    fn tag(&self, millis: u64, thumbprint: &Thumbprint) -> [u8; TAG_BYTES] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&millis.to_be_bytes());
        context.update(thumbprint.to_string().as_bytes());
        context.sign().as_ref()[..TAG_BYTES].try_into().expect("SHA-256 has more bytes than the tag")
    }

    fn check(&self, nonce: Option<&str>, thumbprint: &Thumbprint, now: Timestamp) -> Result<(), NonceError> {
        let bytes = nonce
            .and_then(|nonce| base64url::decode_array::<{ 8 + TAG_BYTES }>(nonce).ok())
            .ok_or(NonceError::UseNew)?;
        let (time, tag) = bytes.split_at(8);
        let issued = u64::from_be_bytes(time.try_into().expect("split at eight"));
        let is_ours = subtle::ConstantTimeEq::ct_eq(tag, &self.tag(issued, thumbprint)[..]);
        // Our own clock may have been set back a little since; a proof's time is checked by the same tolerance.
        let ahead = issued.saturating_sub(now.millis()) > limits::DPOP_SKEW_SECONDS * 1000;
        let holds = bool::from(is_ours) && !ahead && now.millis().saturating_sub(issued) < LIFE;
        holds.then_some(()).ok_or(NonceError::UseNew)
    }

    /// Forgets proofs whose nonces have ended: a proof stays for one to two lifetimes of a nonce.
    fn turn_over(&mut self, now: Timestamp) {
        let periods = now.millis_since(self.since) / LIFE;
        if periods > 0 {
            self.seen[1] = if periods == 1 { std::mem::take(&mut self.seen[0]) } else { HashSet::new() };
            self.seen[0].clear();
            self.since = self.since.plus_millis(periods * LIFE);
        }
    }
}

fn proof_id(thumbprint: &Thumbprint, jti: &str) -> [u8; 16] {
    let hash = Hash::of_parts(&[thumbprint.to_string().as_bytes(), b".", jti.as_bytes()]);
    hash.as_bytes()[..16].try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_testing::CountingRandom;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn key(name: &str) -> Thumbprint {
        Hash::of(name).to_string().parse().expect("a thumbprint is a hash")
    }

    #[test]
    fn a_dpop_proof_is_accepted_once() {
        let nonces = Nonces::new(&CountingRandom::seeded(1), NOW);
        let nonce = nonces.issue(&key("a"), NOW);
        let accept = |jti, at| nonces.accept(Some(&nonce), jti, &key("a"), at, &CountingRandom::seeded(9));
        assert_eq!(accept("1", NOW), Ok(()));
        assert_eq!(accept("1", NOW), Err(NonceError::Replayed));
        assert_eq!(accept("2", NOW), Ok(()), "a nonce serves several proofs");
        assert_eq!(accept("1", NOW.plus_seconds(299)), Err(NonceError::Replayed));
        assert_eq!(accept("1", NOW.plus_seconds(300)), Err(NonceError::UseNew), "its nonce has ended");
    }

    #[test]
    fn attack_registrations_without_a_link_fill_a_memory_of_their_own_and_checks_fill_none() {
        let random = CountingRandom::seeded(1);
        let (calls, resumptions) = (Nonces::new(&random, NOW), Nonces::of_resumptions(&random, NOW));
        let nonce = resumptions.issue(&key("a"), NOW);
        for _ in 0..10 {
            assert_eq!(resumptions.check(Some(&nonce), &key("a"), NOW), Ok(()));
        }
        assert_eq!(resumptions.check(Some(&nonce), &key("b"), NOW), Err(NonceError::UseNew));
        assert_eq!(resumptions.lock().seen.iter().map(HashSet::len).sum::<usize>(), 0);
        let of_device = calls.issue(&key("a"), NOW);
        let accept = |n: usize| resumptions.accept(Some(&nonce), &n.to_string(), &key("a"), NOW, &random);
        assert!((0..REMEMBERED_RESUMPTIONS).all(|n| accept(n) == Ok(())));
        assert_eq!(accept(REMEMBERED_RESUMPTIONS), Err(NonceError::UseNew), "a new epoch");
        assert_eq!(calls.accept(Some(&of_device), "1", &key("a"), NOW, &random), Ok(()), "devices notice nothing");
    }

    #[test]
    fn a_proof_is_remembered_as_long_as_its_nonce_lives() {
        let nonces = Nonces::new(&CountingRandom::seeded(1), NOW);
        let late = NOW.plus_seconds(299);
        let nonce = nonces.issue(&key("a"), late);
        assert_eq!(nonces.accept(Some(&nonce), "1", &key("a"), late, &CountingRandom::seeded(9)), Ok(()));
        for seconds in [300, 450, 598] {
            let again =
                nonces.accept(Some(&nonce), "1", &key("a"), NOW.plus_seconds(seconds), &CountingRandom::seeded(9));
            assert_eq!(again, Err(NonceError::Replayed), "after {seconds} s");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_a_little_voids_no_nonce() {
        let nonces = Nonces::new(&CountingRandom::seeded(1), NOW);
        let nonce = nonces.issue(&key("a"), NOW.plus_seconds(120));
        let accept = |jti, at| nonces.accept(Some(&nonce), jti, &key("a"), at, &CountingRandom::seeded(9));
        assert_eq!(accept("1", NOW), Ok(()));
        assert_eq!(accept("2", Timestamp::from_millis(NOW.millis() - 1)), Err(NonceError::UseNew));
    }

    #[test]
    fn a_nonce_belongs_to_one_key_and_one_epoch() {
        let nonces = Nonces::new(&CountingRandom::seeded(1), NOW);
        let nonce = nonces.issue(&key("a"), NOW);
        assert_eq!(
            nonces.accept(Some(&nonce), "1", &key("b"), NOW, &CountingRandom::seeded(9)),
            Err(NonceError::UseNew)
        );
        let restarted = Nonces::new(&CountingRandom::seeded(2), NOW);
        assert_eq!(
            restarted.accept(Some(&nonce), "1", &key("a"), NOW, &CountingRandom::seeded(9)),
            Err(NonceError::UseNew)
        );
        assert_eq!(nonces.accept(None, "1", &key("a"), NOW, &CountingRandom::seeded(9)), Err(NonceError::UseNew));
        assert_eq!(nonces.accept(Some(&nonce), "1", &key("a"), NOW, &CountingRandom::seeded(9)), Ok(()));
    }
}
