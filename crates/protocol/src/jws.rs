//! Compact JWS (RFC 7515) with ES256, read strictly: exactly the headers `alg`, `typ`, `kid` (a DPoP proof: `jwk`), one `typ`
//! per message (RFC 8725 §3.11), nothing negotiable. A passkey signs by `ES256-WebAuthn`, what an approval key signs and nothing
//! else: the key says which of the two it must be.

use std::fmt;
use std::marker::PhantomData;

use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_jose::json::{self, Json, JsonError};
use countersign_jose::jws::{CompactError, CompactParts};
use countersign_jose::key::{PublicKey, SignFailed, Signer, Thumbprint};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::STRICTNESS;
use crate::limits;
use crate::webauthn::{VerifiedAssertion, WebAuthnError};

mod signature;
mod unsigned;

use signature::Signature;
pub use signature::VerifyingKey;
pub use unsigned::Unsigned;

/// The claims of one type of message.
pub trait Claims: Serialize + DeserializeOwned {
    /// The header's `typ`, unique to this type of message (RFC 8725 §3.11).
    const TYP: &'static str;

    /// Every member that this version understands. A payload whose `must_understand` names another is refused.
    const MEMBERS: &'static [&'static str];

    /// Whether the approval key signs this type of message, so that a passkey may.
    const BY_APPROVAL_KEY: bool = false;
}

/// A compact JWS as it was received or sent. Its claims are unverified until [`Compact::verify`]. Its bytes are never changed, so
/// that its hash stays the one that others computed.
pub struct Compact<T> {
    text: String,
    claims: PhantomData<fn() -> T>,
}

/// Why a JWS was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// Larger than [`limits::JWS_BYTES`].
    #[error("the signed message is larger than 16 KiB")]
    TooLarge,
    /// Not three canonical base64url parts, or not a 64-byte signature.
    #[error("this is not a compact JWS")]
    Malformed,
    /// The header has a member too many or too few, or names another algorithm than the signature's.
    #[error("the header is not exactly alg ES256, typ and kid")]
    Header,
    /// The key is a passkey and the signature is none, or the other way round.
    #[error("this key does not sign by this algorithm")]
    Algorithm,
    /// The passkey's signature does not hold.
    #[error("the passkey's signature does not hold: {0}")]
    WebAuthn(WebAuthnError),
    /// The header's `typ` is not the expected one, which is named.
    #[error("the type of this message is not {0}")]
    Typ(&'static str),
    /// The caller does not know the key.
    #[error("the key {0} is not known")]
    UnknownKey(Thumbprint),
    /// The signature is not by that key over these bytes.
    #[error("the signature does not match")]
    Signature,
    /// The signature is valid, but the payload can't be read.
    #[error("the payload can't be read: {0}")]
    Payload(JsonError),
    /// The payload has a member that must be understood and isn't.
    #[error("the message has a member that must be understood and is not known here")]
    Unsupported,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KidHeader<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: Thumbprint,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JwkHeader<'a> {
    alg: &'a str,
    typ: &'a str,
    jwk: PublicKey,
}

/// The parts of a compact JWS, decoded, its signature not yet checked.
struct Parts<'a> {
    header: Vec<u8>,
    payload: Vec<u8>,
    signing_input: &'a str,
    signature: Signature,
}

impl<T> Compact<T> {
    /// Wraps a compact JWS as received. Nothing is checked.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self { text: text.into(), claims: PhantomData }
    }

    /// The compact JWS as received or sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The compact JWS as received or sent.
    pub fn into_string(self) -> String {
        self.text
    }

    /// The hash of the compact ASCII, by which other messages refer to this one.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.text)
    }

    /// The signing input: header and payload without the signature. Two JWSs with the same signing input have the same claims;
    /// their ECDSA signatures may differ, so a signature is never an identity.
    pub fn signed_part(&self) -> &str {
        self.text.rsplit_once('.').map_or(&self.text, |(input, _)| input)
    }
}

impl<T: Claims> Compact<T> {
    fn parts(&self) -> Result<Parts<'_>, JwsError> {
        let parts = CompactParts::split(&self.text, limits::JWS_BYTES).map_err(|error| match error {
            CompactError::TooLarge => JwsError::TooLarge,
            _ => JwsError::Malformed,
        })?;
        let signature = parts.signature().map_err(|_| JwsError::Malformed)?;
        Ok(Parts {
            header: parts.header().map_err(|_| JwsError::Malformed)?,
            payload: parts.payload().map_err(|_| JwsError::Malformed)?,
            signing_input: parts.signing_input(),
            signature: Signature::read(&signature, T::BY_APPROVAL_KEY)?,
        })
    }

    /// Signs the claims; the header names the key by its thumbprint. For keys that sign at once: others sign
    /// [`Unsigned::signing_input`].
    ///
    /// # Errors
    /// [`SignFailed`] if the key does not sign.
    pub fn sign(claims: &T, signer: &dyn Signer) -> Result<Self, SignFailed> {
        Unsigned::new(claims, signer.public_key()).sign(signer)
    }

    /// Checks form, header and signature with the key that `key_of` knows under the header's `kid`, then reads the claims.
    /// What the claims say about issuer, audience and time is left to the message's own verification.
    ///
    /// # Errors
    /// [`JwsError`], in the order: size, form, header, `typ`, key, signature, payload.
    pub fn verify<'k>(
        &self,
        key_of: impl FnOnce(&Thumbprint) -> Option<&'k PublicKey>,
    ) -> Result<VerifiedJws<T>, JwsError> {
        self.verify_by(|kid| key_of(kid).map(VerifyingKey::P256))
    }

    /// As [`Compact::verify`], where a key may be a passkey.
    ///
    /// # Errors
    /// As [`Compact::verify`]; [`JwsError::Algorithm`] for a key that signs in the other way.
    pub fn verify_by<'k>(
        &self,
        key_of: impl FnOnce(&Thumbprint) -> Option<VerifyingKey<'k>>,
    ) -> Result<VerifiedJws<T>, JwsError> {
        let parts = self.parts()?;
        let header: KidHeader<'_> = read_header(&parts.header)?;
        check_header(header.alg, header.typ, &parts.signature, T::TYP)?;
        let key = key_of(&header.kid).ok_or(JwsError::UnknownKey(header.kid))?;
        if *key.public_key().thumbprint() != header.kid {
            return Err(JwsError::UnknownKey(header.kid));
        }
        self.finish(&parts, key)
    }

    /// As [`Compact::verify`] for a message that carries its own key in the header (a DPoP proof).
    ///
    /// # Errors
    /// As [`Compact::verify`].
    pub fn verify_with_own_key(&self) -> Result<VerifiedJws<T>, JwsError> {
        let parts = self.parts()?;
        if parts.header.len() > limits::JWK_BYTES {
            return Err(JwsError::TooLarge);
        }
        let header: JwkHeader<'_> = read_header(&parts.header)?;
        check_header(header.alg, header.typ, &parts.signature, T::TYP)?;
        self.finish(&parts, VerifyingKey::P256(&header.jwk))
    }

    /// The claims without any check of the signature: only to find out which account, key or issuer to check with.
    ///
    /// # Errors
    /// As [`Compact::verify`], except for key and signature.
    pub fn peek(&self) -> Result<T, JwsError> {
        let parts = self.parts()?;
        let header: KidHeader<'_> = read_header(&parts.header)?;
        check_header(header.alg, header.typ, &parts.signature, T::TYP)?;
        read_claims(&parts.payload)
    }

    /// The claims of what this process signed itself, and reads again from its own store. Not for what came from outside: nothing
    /// is verified, and a payload that two readers could understand differently is not refused.
    ///
    /// # Errors
    /// [`JwsError`] where it is not a compact JWS of a `T`.
    pub fn reread(&self) -> Result<T, JwsError> {
        json::parse_checked(&self.parts()?.payload).map_err(JwsError::Payload)
    }

    /// The `kid` the header names, if this has the form of a `T`. Nothing is verified.
    ///
    /// # Errors
    /// As [`Compact::verify`], except for key, signature and payload.
    pub fn kid(&self) -> Result<Thumbprint, JwsError> {
        let parts = self.parts()?;
        let header: KidHeader<'_> = read_header(&parts.header)?;
        check_header(header.alg, header.typ, &parts.signature, T::TYP)?;
        Ok(header.kid)
    }

    fn finish(&self, parts: &Parts<'_>, key: VerifyingKey<'_>) -> Result<VerifiedJws<T>, JwsError> {
        let assertion = parts.signature.verify(parts.signing_input, key)?;
        let claims = read_claims(&parts.payload)?;
        Ok(VerifiedJws { claims, key: key.public_key().clone(), hash: self.hash(), assertion })
    }
}

/// The `typ` of a compact JWS of an unknown type. Nothing is verified.
pub fn peek_typ(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Typ {
        typ: String,
    }
    let header = base64url::decode(text.split_once('.')?.0).ok()?;
    json::parse::<Typ>(&header, STRICTNESS).ok().map(|header| header.typ)
}

fn read_header<'a, H: Deserialize<'a>>(bytes: &'a [u8]) -> Result<H, JwsError> {
    json::check(bytes, STRICTNESS).map_err(|_| JwsError::Header)?;
    serde_json::from_slice(bytes).map_err(|_| JwsError::Header)
}

fn check_header(alg: &str, typ: &str, signature: &Signature, wanted: &'static str) -> Result<(), JwsError> {
    if alg != signature.alg() {
        return Err(JwsError::Header);
    }
    if typ != wanted {
        return Err(JwsError::Typ(wanted));
    }
    Ok(())
}

fn read_claims<T: Claims>(payload: &[u8]) -> Result<T, JwsError> {
    json::check(payload, STRICTNESS).map_err(JwsError::Payload)?;
    if may_name(payload, MUST_UNDERSTAND) {
        check_understood::<T>(payload)?;
    }
    json::parse_checked(payload).map_err(JwsError::Payload)
}

/// The member with the names of those that are not to be passed over.
const MUST_UNDERSTAND: &str = "must_understand";

/// Whether a document may have a member of this name: it stands there as it is, or something is escaped.
fn may_name(document: &[u8], name: &str) -> bool {
    document.contains(&b'\\') || document.windows(name.len()).any(|part| part == name.as_bytes())
}

fn check_understood<T: Claims>(payload: &[u8]) -> Result<(), JwsError> {
    let tree = json::read(payload, STRICTNESS).map_err(JwsError::Payload)?;
    match tree.get(MUST_UNDERSTAND) {
        None => {}
        Some(Json::Array(names)) => {
            let known = |name: &Json| name.as_str().is_some_and(|name| T::MEMBERS.contains(&name));
            if !names.iter().all(known) {
                return Err(JwsError::Unsupported);
            }
        }
        Some(_) => return Err(JwsError::Unsupported),
    }
    Ok(())
}

/// Claims whose signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedJws<T> {
    /// The claims.
    pub claims: T,
    /// The key that signed them.
    pub key: PublicKey,
    /// The hash of the whole compact JWS.
    pub hash: Hash,
    /// What the passkey said when it signed; `None` for a key that is none.
    pub assertion: Option<VerifiedAssertion>,
}

// By hand, for `T` itself need not be any of these.
impl<T> Clone for Compact<T> {
    fn clone(&self) -> Self {
        Self::from_text(self.text.clone())
    }
}

impl<T> PartialEq for Compact<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> Eq for Compact<T> {}

impl<T> fmt::Debug for Compact<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Compact({})", self.hash())
    }
}

impl<T> Serialize for Compact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, T> Deserialize<'de> for Compact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from_text)
    }
}
