//! P-256 keys: public ones as JWK (RFC 7517, RFC 7518 §6.2), private ones without `Debug`, and ES256 (RFC 7518 §3.4) by ring
//! and by p256.

use std::fmt;
use std::str::FromStr;

use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::base64url::{self, NotBase64Url};
use crate::hash::Hash;
use crate::random::{self, Random};

#[cfg(not(target_arch = "wasm32"))]
mod ring_backend;
#[cfg(not(target_arch = "wasm32"))]
pub use ring_backend::{RingSigner, RingVerifier};

mod p256_backend;
pub use p256_backend::{P256Signer, P256Verifier};

mod der;
pub use der::{DER_SIGNATURE_BYTES, NotASignature, signature_from_der};

/// The signer of this platform: ring, and p256 where ring can't go.
#[cfg(not(target_arch = "wasm32"))]
pub type LocalSigner = RingSigner;
/// The signer of this platform: ring, and p256 where ring can't go.
#[cfg(target_arch = "wasm32")]
pub type LocalSigner = P256Signer;

/// The verifier of this platform: ring, and p256 where ring can't go.
#[cfg(not(target_arch = "wasm32"))]
pub type LocalVerifier = RingVerifier;
/// The verifier of this platform: ring, and p256 where ring can't go.
#[cfg(target_arch = "wasm32")]
pub type LocalVerifier = P256Verifier;

/// Bytes of an ES256 signature: r and s, 32 bytes each (RFC 7518 §3.4).
pub const SIGNATURE_BYTES: usize = 64;

/// Signs with one P-256 key that it need not reveal: in memory, in a TPM, in a phone's keystore.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// An ES256 signature over the bytes.
    ///
    /// # Errors
    /// [`SignFailed`] if the key is gone or the keystore refuses.
    fn sign(&self, input: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignFailed>;
}

/// Checks ES256 signatures.
pub trait Verifier: Send + Sync {
    /// Whether the signature over the bytes is by the key.
    ///
    /// # Errors
    /// [`BadSignature`] if not, without saying why.
    fn verify(&self, key: &PublicKey, input: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> Result<(), BadSignature>;
}

/// The key could not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key could not sign")]
pub struct SignFailed;

impl SignFailed {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        "sign_failed"
    }
}

/// The signature is not by this key over these bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not match")]
pub struct BadSignature;

impl BadSignature {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        "bad_signature"
    }
}

/// The input is not a P-256 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a P-256 key")]
pub struct NotAKey;

impl NotAKey {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        "not_a_key"
    }
}

/// A P-256 public key that lies on the curve.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// `0x04 ‖ x ‖ y` (SEC 1 §2.3.3).
    sec1: [u8; 65],
    thumbprint: Thumbprint,
}

impl PublicKey {
    /// From `0x04 ‖ x ‖ y`.
    ///
    /// # Errors
    /// [`NotAKey`] for another form or a point that is not on the curve.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, NotAKey> {
        let sec1: [u8; 65] = bytes.try_into().map_err(|_| NotAKey)?;
        if sec1[0] != 4 {
            return Err(NotAKey);
        }
        p256::PublicKey::from_sec1_bytes(&sec1).map_err(|_| NotAKey)?;
        let thumbprint = Thumbprint(Hash::of(format!(
            r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
            base64url::encode(&sec1[1..33]),
            base64url::encode(&sec1[33..]),
        )));
        Ok(Self { sec1, thumbprint })
    }

    /// `0x04 ‖ x ‖ y`.
    pub const fn sec1(&self) -> &[u8; 65] {
        &self.sec1
    }

    /// The key's thumbprint, by which Countersign names it (`kid`).
    pub const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// Whether the signature over the bytes is by this key.
    ///
    /// # Errors
    /// [`BadSignature`] if not.
    pub fn verify(&self, input: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> Result<(), BadSignature> {
        LocalVerifier::default().verify(self, input, signature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.thumbprint)
    }
}

/// The members of a JWK that are read and written. `kid`, `use` and `alg` of other libraries are ignored; a private member is an
/// error, for its sender has disclosed the key.
#[derive(Serialize, Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
    #[serde(skip_serializing, default)]
    d: Option<serde::de::IgnoredAny>,
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Jwk {
            kty: "EC".into(),
            crv: "P-256".into(),
            x: base64url::encode(&self.sec1[1..33]),
            y: base64url::encode(&self.sec1[33..]),
            d: None,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let jwk = Jwk::deserialize(deserializer)?;
        let part = |text: &str| base64url::decode_array::<32>(text).map_err(serde::de::Error::custom);
        if jwk.kty != "EC" || jwk.crv != "P-256" || jwk.d.is_some() {
            return Err(serde::de::Error::custom(NotAKey));
        }
        let mut sec1 = [4; 65];
        sec1[1..33].copy_from_slice(&part(&jwk.x)?);
        sec1[33..].copy_from_slice(&part(&jwk.y)?);
        Self::from_sec1(&sec1).map_err(serde::de::Error::custom)
    }
}

/// The RFC 7638 thumbprint of a key (SHA-256, base64url): its `kid`, and what a root is pinned by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Thumbprint(Hash);

impl FromStr for Thumbprint {
    type Err = NotBase64Url;

    fn from_str(text: &str) -> Result<Self, NotBase64Url> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A P-256 private key in memory. It is wiped when dropped and has no `Debug`.
#[derive(Clone)]
pub struct PrivateKey {
    scalar: Zeroizing<[u8; 32]>,
    public: PublicKey,
}

impl PrivateKey {
    /// A new key.
    pub fn generate(random: &dyn Random) -> Self {
        loop {
            let bytes = Zeroizing::new(random::bytes::<32>(random));
            // Fails for 0 and for values beyond the group's order: once in 2^32 tries.
            if let Ok(key) = Self::from_bytes(&bytes) {
                return key;
            }
        }
    }

    /// From the scalar, big-endian.
    ///
    /// # Errors
    /// [`NotAKey`] for 0 or a value not below the group's order.
    pub fn from_bytes(scalar: &[u8; 32]) -> Result<Self, NotAKey> {
        let secret = p256::SecretKey::from_slice(scalar).map_err(|_| NotAKey)?;
        let public = PublicKey::from_sec1(secret.public_key().to_encoded_point(false).as_bytes())?;
        Ok(Self { scalar: Zeroizing::new(*scalar), public })
    }

    /// The scalar, big-endian, to be stored or sealed.
    pub const fn expose_bytes(&self) -> &Zeroizing<[u8; 32]> {
        &self.scalar
    }

    /// The public half.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// A signer over this key.
    pub fn into_signer(self) -> LocalSigner {
        LocalSigner::new(&self)
    }
}

#[cfg(test)]
mod tests;
