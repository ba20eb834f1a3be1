//! Encryption of a private key under a PIN, and under a secret kept elsewhere where there is one: Argon2id (RFC 9106) derives
//! a key from both, AES-256-GCM encrypts with it.

use argon2::{Algorithm, Argon2, Params, Version};
use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_jose::random::{self, Random};
use countersign_jose::secret::Secret;
#[cfg(feature = "edge")]
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::pin::Pin;

/// Argon2id parameters: the cost of one guess of a PIN, here and for an attacker who copied the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Argon2Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes, computed in parallel.
    pub lanes: u32,
}

impl Argon2Cost {
    /// For a PIN that a person remembers: RFC 9106 §4, second recommended option, on one lane.
    pub const PERSON: Argon2Cost = Argon2Cost { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// For a PIN stored in a file beside the key: the OWASP minimum, since more would protect nothing.
    pub const SCRIPT: Argon2Cost = Argon2Cost { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

    const LARGEST: Argon2Cost = Argon2Cost { memory_kib: 1024 * 1024, passes: 16, lanes: 8 };

    fn is_sane(self) -> bool {
        self.memory_kib <= Argon2Cost::LARGEST.memory_kib
            && self.passes <= Argon2Cost::LARGEST.passes
            && self.lanes <= Argon2Cost::LARGEST.lanes
    }
}

/// A secret encrypted under a PIN, in the form it is stored, with its own cost and salt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedKey {
    version: u32,
    cost: Argon2Cost,
    salt: String,
    /// Which secret besides the PIN it was sealed under: its fingerprint, so that another one is not taken for a wrong PIN.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    keyring: Option<Hash>,
    nonce: String,
    ciphertext: String,
}

/// Why encryption or decryption failed.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// Another PIN, or a changed file: the two cannot be told apart.
    #[error("wrong PIN")]
    WrongPin,
    /// It was sealed under another secret besides the PIN, under one that was not given, or under none.
    #[error("the key was sealed under another secret than this one")]
    OtherSecret,
    /// The stored form is not one this program can open.
    #[error("the sealed key cannot be read; it was damaged or written by a newer version")]
    Unreadable,
}

impl SealError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            SealError::WrongPin => "wrong_pin",
            SealError::OtherSecret => "other_secret",
            SealError::Unreadable => "key_unreadable",
        }
    }
}

/// Key, nonce and authenticated data with which AES-256-GCM seals or opens a key. Who encrypts differs by platform: ring on a
/// machine, WebCrypto in a browser.
pub struct Sealing {
    /// The key, derived from the PIN.
    pub key: Zeroizing<[u8; 32]>,
    /// The nonce.
    pub nonce: [u8; NONCE_BYTES],
    /// The authenticated data: a key that was moved to another account does not open.
    pub context: Vec<u8>,
    cost: Argon2Cost,
    salt: [u8; SALT_BYTES],
    keyring: Option<Hash>,
}

const NONCE_BYTES: usize = 12;
const SALT_BYTES: usize = 16;

impl Sealing {
    /// For sealing a new key under `pin`, bound to an account's id. Derives a key: takes a while, and `cost`'s memory.
    ///
    /// # Errors
    /// [`SealError::Unreadable`] where Argon2 does not accept `cost`.
    pub fn new(pin: &Pin, bound_to: &str, cost: Argon2Cost, random: &dyn Random) -> Result<Sealing, SealError> {
        Sealing::under(pin, None, bound_to, cost, random)
    }

    /// The same under `keyring` as well, 256 random bits kept elsewhere, where there are any.
    ///
    /// # Errors
    /// As [`Sealing::new`].
    pub fn under(
        pin: &Pin,
        keyring: Option<&Secret>,
        bound_to: &str,
        cost: Argon2Cost,
        random: &dyn Random,
    ) -> Result<Sealing, SealError> {
        let (salt, nonce) = (random::bytes(random), random::bytes(random));
        let key = derive(pin, keyring, &salt, cost)?;
        Ok(Sealing { key, nonce, context: context(bound_to), cost, salt, keyring: keyring.map(fingerprint) })
    }

    /// What was sealed, in the form it is stored. `ciphertext`: with its tag at the end.
    pub fn sealed(&self, ciphertext: &[u8]) -> SealedKey {
        SealedKey {
            version: 1,
            cost: self.cost,
            salt: base64url::encode(&self.salt),
            keyring: self.keyring,
            nonce: base64url::encode(&self.nonce),
            ciphertext: base64url::encode(ciphertext),
        }
    }
}

impl SealedKey {
    /// Whether it was sealed under a secret besides the PIN.
    pub fn needs_keyring(&self) -> bool {
        self.keyring.is_some()
    }

    /// Whether this is the secret besides the PIN that it was sealed under.
    pub fn is_under(&self, keyring: &Secret) -> bool {
        self.keyring == Some(fingerprint(keyring))
    }

    /// For opening it with `pin`: what it was sealed with, if that is the right one, and the ciphertext with its tag. Derives a
    /// key: takes a while, and the memory it was sealed with.
    ///
    /// # Errors
    /// [`SealError::Unreadable`] where it is not of this form; [`SealError::OtherSecret`] where it takes a secret besides the PIN.
    pub fn opening(&self, pin: &Pin, bound_to: &str) -> Result<(Sealing, Vec<u8>), SealError> {
        self.opening_under(pin, None, bound_to)
    }

    /// The same with the secret besides the PIN that it was sealed under, where there is one.
    ///
    /// # Errors
    /// As [`SealedKey::opening`]; [`SealError::OtherSecret`] where it was sealed under another one.
    pub fn opening_under(
        &self,
        pin: &Pin,
        keyring: Option<&Secret>,
        bound_to: &str,
    ) -> Result<(Sealing, Vec<u8>), SealError> {
        if self.version != 1 || !self.cost.is_sane() {
            return Err(SealError::Unreadable);
        }
        if self.keyring != keyring.map(fingerprint) {
            return Err(SealError::OtherSecret);
        }
        let decode = |text: &str| base64url::decode(text).map_err(|_| SealError::Unreadable);
        let nonce = decode(&self.nonce)?.try_into().map_err(|_| SealError::Unreadable)?;
        let salt: [u8; SALT_BYTES] = decode(&self.salt)?.try_into().map_err(|_| SealError::Unreadable)?;
        let key = derive(pin, keyring, &salt, self.cost)?;
        let (context, cost) = (context(bound_to), self.cost);
        let sealing = Sealing { key, nonce, context, cost, salt, keyring: self.keyring };
        Ok((sealing, decode(&self.ciphertext)?))
    }
}

#[cfg(feature = "edge")]
impl Sealing {
    fn ring_key(&self) -> Result<LessSafeKey, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, self.key.as_ref()).map_err(|_| SealError::Unreadable)?;
        Ok(LessSafeKey::new(key))
    }
}

#[cfg(feature = "edge")]
impl SealedKey {
    /// Encrypts `secret` under `pin`, and under `keyring`, 256 random bits kept elsewhere, where there are any. `bound_to` (the
    /// account's id) is authenticated with it: a file moved to another account does not open.
    ///
    /// # Errors
    /// [`SealError::Unreadable`] where Argon2 does not accept `cost`.
    pub fn seal(
        secret: &[u8],
        pin: &Pin,
        keyring: Option<&Secret>,
        bound_to: &str,
        cost: Argon2Cost,
        random: &dyn Random,
    ) -> Result<SealedKey, SealError> {
        let sealing = Sealing::under(pin, keyring, bound_to, cost, random)?;
        let mut bytes = secret.to_vec();
        let nonce = Nonce::assume_unique_for_key(sealing.nonce);
        let sealed = sealing.ring_key()?.seal_in_place_append_tag(nonce, Aad::from(&sealing.context), &mut bytes);
        sealed.map_err(|_| SealError::Unreadable)?;
        Ok(sealing.sealed(&bytes))
    }

    /// Decrypts what [`SealedKey::seal`] encrypted with the same PIN and secret for the same account.
    ///
    /// # Errors
    /// [`SealError::WrongPin`]; [`SealError::OtherSecret`] before the PIN is looked at; [`SealError::Unreadable`] where the file
    /// is not of this form.
    pub fn open(&self, pin: &Pin, keyring: Option<&Secret>, bound_to: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (sealing, ciphertext) = self.opening_under(pin, keyring, bound_to)?;
        let mut bytes = Zeroizing::new(ciphertext);
        let nonce = Nonce::assume_unique_for_key(sealing.nonce);
        let opened = sealing.ring_key()?.open_in_place(nonce, Aad::from(&sealing.context), &mut bytes);
        let length = opened.map_err(|_| SealError::WrongPin)?.len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

/// The keyring's secret is Argon2's secret value (RFC 9106 §3.1, K): without it no guess of a PIN can be checked.
fn derive(
    pin: &Pin,
    keyring: Option<&Secret>,
    salt: &[u8],
    cost: Argon2Cost,
) -> Result<Zeroizing<[u8; 32]>, SealError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(|_| SealError::Unreadable)?;
    let mut key = Zeroizing::new([0; 32]);
    let argon2 = match keyring {
        Some(secret) => {
            let secret = secret.expose().as_bytes();
            Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, params)
                .map_err(|_| SealError::Unreadable)?
        }
        None => Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
    };
    argon2
        .hash_password_into(pin.secret().expose().as_bytes(), salt, key.as_mut())
        .map_err(|_| SealError::Unreadable)?;
    Ok(key)
}

/// Says nothing about a secret of 256 random bits.
fn fingerprint(secret: &Secret) -> Hash {
    Hash::of_parts(&[b"countersign keyring secret 1\0", secret.expose().as_bytes()])
}

fn context(bound_to: &str) -> Vec<u8> {
    [b"countersign approval key 1\0", bound_to.as_bytes()].concat()
}

#[cfg(all(test, feature = "edge"))]
mod tests {
    use super::*;
    use crate::testing::CountingRandom;

    const CHEAP: Argon2Cost = Argon2Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn pin(text: &str) -> Pin {
        Pin::parse(text).unwrap()
    }

    fn sealed(keyring: Option<&Secret>) -> SealedKey {
        SealedKey::seal(b"secret", &pin("123456"), keyring, "ac_1", CHEAP, &CountingRandom::default()).unwrap()
    }

    #[test]
    fn only_the_same_pin_and_account_open_what_was_sealed() {
        let sealed = sealed(None);
        assert_eq!(sealed.open(&pin("123456"), None, "ac_1").unwrap().as_slice(), b"secret");
        assert_eq!(sealed.open(&pin("123457"), None, "ac_1").unwrap_err(), SealError::WrongPin);
        assert_eq!(sealed.open(&pin("123456"), None, "ac_2").unwrap_err(), SealError::WrongPin);
    }

    #[test]
    fn what_was_sealed_under_a_second_secret_opens_with_that_one_alone() {
        let random = CountingRandom::seeded(7);
        let (secret, other) = (Secret::random(&random), Secret::random(&random));
        let both = sealed(Some(&secret));
        assert_eq!(both.open(&pin("123456"), Some(&secret), "ac_1").unwrap().as_slice(), b"secret");
        assert_eq!(both.open(&pin("123457"), Some(&secret), "ac_1").unwrap_err(), SealError::WrongPin);
        for given in [None, Some(&other)] {
            assert_eq!(both.open(&pin("123456"), given, "ac_1").unwrap_err(), SealError::OtherSecret);
        }
        assert_eq!(sealed(None).open(&pin("123456"), Some(&secret), "ac_1").unwrap_err(), SealError::OtherSecret);
        // Neither a file without the fingerprint nor one with another opens without the secret itself.
        for forged in [None, Some(fingerprint(&other))] {
            let forged = SealedKey { keyring: forged, ..both.clone() };
            let given = forged.keyring.map(|_| &other);
            assert_eq!(forged.open(&pin("123456"), given, "ac_1").unwrap_err(), SealError::WrongPin);
        }
        assert!(!serde_json::to_string(&both).unwrap().contains(secret.expose()));
    }

    #[test]
    fn a_file_cannot_ask_for_unbounded_memory() {
        let mut sealed = sealed(None);
        sealed.cost.memory_kib = u32::MAX;
        assert_eq!(sealed.open(&pin("123456"), None, "ac_1").unwrap_err(), SealError::Unreadable);
    }

    #[test]
    fn the_default_cost_is_one_argon2_takes() {
        for cost in [Argon2Cost::PERSON, Argon2Cost::SCRIPT] {
            let random = CountingRandom::default();
            let sealed = SealedKey::seal(b"secret", &pin("123456"), None, "ac_1", cost, &random).unwrap();
            assert!(sealed.open(&pin("123456"), None, "ac_1").is_ok());
        }
    }
}
