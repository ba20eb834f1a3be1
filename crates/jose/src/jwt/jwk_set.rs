//! Other parties' public keys: a JWK set (RFC 7517 §5) of P-256 and RSA keys. A key that can't be used is skipped, never the set.

use std::fmt;

use p256::PublicKey;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};

use super::SigningAlg;
use crate::base64url;
use crate::hash::Hash;
use crate::json::{self, Json, Strictness};

/// Most keys of one set that are used; those after them are skipped.
const MAX_KEYS: usize = 32;

/// Skipped keys of one set that are kept, at most; of these, ordinary ones. A document can list thousands in a few bytes each.
const MAX_SKIPPED: usize = 64;
const MAX_ORDINARY: usize = 32;

/// Skipped keys that are named in words.
const NAMED: usize = 3;

/// Accepted sizes of an RSA modulus, in bits: from what RFC 7518 §3.3 requires to what verifies in a fraction of a millisecond.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// Longest RSA exponent, in bytes: below 2^32.
const RSA_EXPONENT_BYTES: usize = 4;

/// Longest `kid` that an error repeats, in bytes.
const KID_BYTES: usize = 60;

/// Public keys that verify signatures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JwkSet {
    keys: Vec<Jwk>,
    skipped: Vec<SkippedKey>,
    /// Skipped keys that somebody should know of, also those that are not kept.
    unusable: usize,
}

/// One public key with its name and use (RFC 7517 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    /// The key's name, where it has one.
    pub kid: Option<String>,
    /// The only algorithm the key may be used with, where it names one.
    alg: Option<SigningAlg>,
    /// The key itself.
    pub key: VerificationKey,
}

/// A public key of another party, of a kind that can verify one of [`SigningAlg::ALL`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerificationKey {
    /// A point of P-256, uncompressed: `04`, x, y.
    P256(Vec<u8>),
    /// An RSA key.
    Rsa {
        /// Modulus, big-endian, 2048 to 4096 bits.
        n: Vec<u8>,
        /// Exponent, big-endian, 3 to 2^32 − 1.
        e: Vec<u8>,
    },
}

/// A key of a set that is not used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its place in the set, from 1.
    pub number: usize,
    /// Its name, where it has one.
    pub kid: Option<String>,
    /// Why it is not used.
    pub reason: UnusableKey,
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.number)?;
        let printable = |kid: &&String| kid.len() <= KID_BYTES && kid.bytes().all(|byte| byte.is_ascii_graphic());
        if let Some(kid) = self.kid.as_ref().filter(printable) {
            write!(f, " (kid {kid})")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Why one key can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableKey {
    /// `null`, a string or anything else.
    #[error("it is not a JSON object")]
    NotObject,
    /// `d` or another private member, or a symmetric key.
    #[error(
        "a JWK set holds public keys only; this one has a private key in it: replace that key, it is no longer secret"
    )]
    Private,
    /// Of another `kty` or `crv`.
    #[error("its kty and crv are not those of a P-256 or RSA key")]
    Kind,
    /// `use` is not `sig`, or `alg` is another algorithm.
    #[error("it is not for signatures by ES256, PS256 or RS256")]
    Use,
    /// The member of this name is missing or not base64url.
    #[error("its member {0} is missing, or not base64url without padding")]
    Member(&'static str),
    /// `x` or `y` has not 32 bytes, or they are no point of the curve.
    #[error("its x and y are not the 32 bytes each of a point of P-256")]
    Point,
    /// The modulus has this many bits.
    #[error("its modulus has {0} bits; 2048 to 4096 are accepted")]
    ModulusBits(usize),
    /// The modulus is even.
    #[error("its modulus is even, and so not an RSA modulus")]
    EvenModulus,
    /// The exponent is even, below 3, or 2^32 or more.
    #[error("its exponent e is not an odd number from 3 to 4294967295")]
    Exponent,
    /// After the 32 that are used.
    #[error("it comes after the 32 keys that are used")]
    Surplus,
}

impl UnusableKey {
    /// Whether such a key is ordinary in a set: of another kind, or for another use. Nobody needs to be told of it.
    pub const fn is_ordinary(self) -> bool {
        matches!(self, UnusableKey::Kind | UnusableKey::Use)
    }
}

/// Why a document is not a usable JWK set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// Not JSON, with a name twice in one object, or not `{"keys":[…]}`.
    #[error("a JWK set is a JSON object with an array named keys")]
    Form,
    /// `d` or another private member.
    #[error("{}", UnusableKey::Private)]
    Private,
    /// No key of a kind that can be used here.
    #[error("the JWK set has no key for signatures by ES256, PS256 or RS256{}", reasons(.0))]
    Empty(Vec<SkippedKey>),
}

impl JwksError {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            JwksError::Form => "jwks_malformed",
            JwksError::Private => "jwks_private_key",
            JwksError::Empty(_) => "jwks_no_usable_key",
        }
    }
}

/// The first three keys that were skipped, in words.
fn reasons(skipped: &[SkippedKey]) -> String {
    let words: Vec<String> = skipped.iter().take(NAMED).map(ToString::to_string).collect();
    if words.is_empty() { String::new() } else { format!(": {}", words.join("; ")) }
}

impl JwkSet {
    /// Reads a set. Keys that can't be used are [skipped](JwkSet::skipped) (RFC 7517 §5); the first 32 that can are used. A private
    /// key is different: it is known to others now, so that the set is refused until it is replaced.
    ///
    /// # Errors
    /// [`JwksError`]
    pub fn parse(text: &[u8]) -> Result<JwkSet, JwksError> {
        let json = json::read(text, Strictness::FOREIGN).map_err(|_| JwksError::Form)?;
        let listed = json.get("keys").and_then(Json::as_array).ok_or(JwksError::Form)?;
        let mut set = JwkSet::default();
        for (at, jwk) in listed.iter().enumerate() {
            let reason = match Jwk::read(jwk) {
                Err(UnusableKey::Private) => return Err(JwksError::Private),
                Ok(_) if set.keys.len() == MAX_KEYS => UnusableKey::Surplus,
                Ok(key) => {
                    set.keys.push(key);
                    continue;
                }
                Err(reason) => reason,
            };
            set.unusable += usize::from(!reason.is_ordinary());
            if set.skipped.len() < (if reason.is_ordinary() { MAX_ORDINARY } else { MAX_SKIPPED }) {
                let kid = jwk.get("kid").and_then(Json::as_str).map(str::to_owned);
                set.skipped.push(SkippedKey { number: at + 1, kid, reason });
            }
        }
        if set.keys.is_empty() { Err(JwksError::Empty(set.skipped)) } else { Ok(set) }
    }

    /// The keys that may have made a signature by this algorithm: those of its `kid`, where it names one, and those without
    /// a `kid`.
    pub fn candidates<'k>(
        &'k self,
        alg: SigningAlg,
        kid: Option<&'k str>,
    ) -> impl Iterator<Item = &'k VerificationKey> {
        let named =
            self.keys.iter().filter(move |jwk| kid.is_none_or(|kid| jwk.kid.as_deref().is_none_or(|own| own == kid)));
        named.filter(move |jwk| jwk.alg.is_none_or(|only| only == alg) && jwk.key.is_for(alg)).map(|jwk| &jwk.key)
    }

    /// Every key, whatever its `alg`.
    pub fn public_keys(&self) -> impl Iterator<Item = &VerificationKey> {
        self.keys.iter().map(|jwk| &jwk.key)
    }

    /// The first keys of the set that are not used, in its order: at most 64.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// The keys that are not used and that somebody should know of, in one line: the first three, and how many more there are.
    /// `None`: there are none.
    pub fn unusable(&self) -> Option<String> {
        let named = self.skipped.iter().filter(|key| !key.reason.is_ordinary()).take(NAMED);
        let words: Vec<String> = named.map(ToString::to_string).collect();
        match self.unusable - words.len() {
            _ if words.is_empty() => None,
            0 => Some(words.join("; ")),
            more => Some(format!("{}; and {more} more", words.join("; "))),
        }
    }

    /// Whether a signature by this algorithm is tried with two P-256 keys at most, or with none: about a tenth of a millisecond.
    /// Otherwise the caller should not verify on a thread that others wait for.
    pub fn is_quick_to_try(&self, alg: Option<SigningAlg>) -> bool {
        match alg {
            None => true,
            Some(SigningAlg::Es256) => self.candidates(SigningAlg::Es256, None).nth(2).is_none(),
            Some(alg) => self.candidates(alg, None).next().is_none(),
        }
    }
}

impl Jwk {
    /// Reads one key.
    ///
    /// # Errors
    /// [`UnusableKey`]
    pub fn read(jwk: &Json) -> Result<Jwk, UnusableKey> {
        let text = |name: &str| jwk.get(name).and_then(Json::as_str);
        if jwk.as_object().is_none() {
            return Err(UnusableKey::NotObject);
        }
        if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| jwk.get(name).is_some()) {
            return Err(UnusableKey::Private);
        }
        if text("use").is_some_and(|usage| usage != "sig") {
            return Err(UnusableKey::Use);
        }
        let alg = text("alg").map(|name| SigningAlg::from_name(name).ok_or(UnusableKey::Use)).transpose()?;
        let bytes = |name: &'static str| {
            text(name).and_then(|text| base64url::decode(text).ok()).ok_or(UnusableKey::Member(name))
        };
        let key = match (text("kty"), text("crv")) {
            (Some("EC"), Some("P-256")) => point(&bytes("x")?, &bytes("y")?)?,
            (Some("RSA"), _) => rsa(without_zeros(bytes("n")?), without_zeros(bytes("e")?))?,
            _ => return Err(UnusableKey::Kind),
        };
        Ok(Jwk { kid: text("kid").map(str::to_owned), alg, key })
    }
}

fn point(x: &[u8], y: &[u8]) -> Result<VerificationKey, UnusableKey> {
    let uncompressed = [&[4], x, y].concat();
    let is_point = x.len() == 32 && y.len() == 32 && PublicKey::from_sec1_bytes(&uncompressed).is_ok();
    is_point.then_some(VerificationKey::P256(uncompressed)).ok_or(UnusableKey::Point)
}

fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<VerificationKey, UnusableKey> {
    let bits = n.first().map_or(0, |first| 8 * n.len() - first.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err(UnusableKey::ModulusBits(bits));
    }
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    if !is_odd(&n) {
        return Err(UnusableKey::EvenModulus);
    }
    if !is_odd(&e) || e == [1] || e.len() > RSA_EXPONENT_BYTES {
        return Err(UnusableKey::Exponent);
    }
    Ok(VerificationKey::Rsa { n, e })
}

impl VerificationKey {
    /// The RSA key of this modulus and exponent, big-endian and without leading zeros.
    ///
    /// # Errors
    /// [`UnusableKey::ModulusBits`], [`UnusableKey::EvenModulus`] or [`UnusableKey::Exponent`].
    pub fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<VerificationKey, UnusableKey> {
        rsa(n, e)
    }

    /// The RFC 7638 thumbprint.
    pub fn thumbprint(&self) -> Hash {
        let encoded = |bytes: &[u8]| base64url::encode(bytes);
        Hash::of(match self {
            VerificationKey::P256(point) => {
                let (x, y) = (encoded(&point[1..33]), encoded(&point[33..]));
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            VerificationKey::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encoded(e), encoded(n)),
        })
    }

    /// Whether the key is of the kind that signs by this algorithm.
    pub(super) fn is_for(&self, alg: SigningAlg) -> bool {
        matches!(self, VerificationKey::P256(_)) == (alg == SigningAlg::Es256)
    }

    /// Whether this key made the signature.
    pub(super) fn verifies(&self, alg: SigningAlg, input: &[u8], signature: &[u8]) -> bool {
        match (self, alg.rsa()) {
            (VerificationKey::P256(point), None) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(input, signature).is_ok()
            }
            (VerificationKey::Rsa { n, e }, Some(parameters)) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, input, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// Some libraries write a leading zero byte, which RFC 7518 §6.3.1.1 forbids and ring refuses.
fn without_zeros(bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes[zeros..].to_vec()
}

#[cfg(test)]
mod tests;
