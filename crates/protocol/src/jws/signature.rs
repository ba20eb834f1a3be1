//! The third part of a JWS: a signature by ES256, or what a passkey signed. The key says which of the two it must be.

use countersign_jose::hash::Hash;
use countersign_jose::key::{PublicKey, SIGNATURE_BYTES};

use super::JwsError;
use crate::webauthn::{Assertion, StatedPasskey, VerifiedAssertion};

/// The algorithm of every key that is no passkey (RFC 7518 §3.4).
pub(super) const ES256: &str = "ES256";
/// The algorithm of a passkey: ours, not registered. The third part is an [`Assertion`] over the hash of the signing input.
pub(super) const ES256_WEBAUTHN: &str = "ES256-WebAuthn";

/// A key that may have signed a message, and the one way in which it signs.
#[derive(Debug, Clone, Copy)]
pub enum VerifyingKey<'k> {
    /// By ES256.
    P256(&'k PublicKey),
    /// A passkey, as its statement describes it: by ES256-WebAuthn.
    Passkey(&'k PublicKey, &'k StatedPasskey),
}

impl<'k> VerifyingKey<'k> {
    /// The public key.
    pub const fn public_key(self) -> &'k PublicKey {
        match self {
            Self::P256(key) | Self::Passkey(key, _) => key,
        }
    }
}

/// The third part, by its form.
pub(super) enum Signature {
    Es256([u8; SIGNATURE_BYTES]),
    WebAuthn(Assertion),
}

impl Signature {
    /// Reads the third part of a message; an assertion only where a passkey may sign.
    pub(super) fn read(bytes: &[u8], by_approval_key: bool) -> Result<Self, JwsError> {
        match <[u8; SIGNATURE_BYTES]>::try_from(bytes) {
            Ok(fixed) => Ok(Self::Es256(fixed)),
            Err(_) if by_approval_key && bytes.starts_with(b"{") => {
                Assertion::from_third_part(bytes).map(Self::WebAuthn).map_err(JwsError::WebAuthn)
            }
            Err(_) => Err(JwsError::Malformed),
        }
    }

    /// What the header must name.
    pub(super) const fn alg(&self) -> &'static str {
        match self {
            Self::Es256(_) => ES256,
            Self::WebAuthn(_) => ES256_WEBAUTHN,
        }
    }

    /// Verifies it by the key, in the key's own way.
    pub(super) fn verify(&self, input: &str, key: VerifyingKey<'_>) -> Result<Option<VerifiedAssertion>, JwsError> {
        match (self, key) {
            (Self::Es256(signature), VerifyingKey::P256(key)) => {
                key.verify(input.as_bytes(), signature).map(|()| None).map_err(|_| JwsError::Signature)
            }
            (Self::WebAuthn(assertion), VerifyingKey::Passkey(key, stated)) => {
                assertion.verify(&Hash::of(input), key, stated).map(Some).map_err(JwsError::WebAuthn)
            }
            _ => Err(JwsError::Algorithm),
        }
    }
}
