//! A compact JWS in two steps: the signing input first, the signature when the key has made it. A phone's keystore, a
//! browser or a TPM signs later than it is asked, and may ask the person on the way.

use std::fmt;
use std::marker::PhantomData;

use countersign_jose::jws;
use countersign_jose::key::{PublicKey, SignFailed, Signer, Thumbprint};

use super::signature::{ES256, ES256_WEBAUTHN};
use super::{Claims, Compact, JwkHeader, KidHeader};
use crate::limits;

/// A message whose header and payload are final, and whose signature is missing.
pub struct Unsigned<T> {
    input: String,
    key: Thumbprint,
    claims: PhantomData<fn() -> T>,
}

impl<T: Claims> Unsigned<T> {
    /// A message for this key to sign; the header names the key by its thumbprint.
    pub fn new(claims: &T, key: &PublicKey) -> Self {
        let kid = *key.thumbprint();
        Self::from_parts(&KidHeader { alg: ES256, typ: T::TYP, kid }, claims, kid)
    }

    /// A message for this key to sign; the header carries the whole public key (RFC 9449 §4.2).
    pub fn with_jwk(claims: &T, key: &PublicKey) -> Self {
        Self::from_parts(&JwkHeader { alg: ES256, typ: T::TYP, jwk: key.clone() }, claims, *key.thumbprint())
    }

    /// A message for this passkey to sign: the WebAuthn challenge is SHA-256 of [`Unsigned::signing_input`], and what is attached
    /// the [third part](crate::webauthn::Assertion::to_third_part) that it made.
    ///
    /// # Errors
    /// [`SignFailed`] for a type of message that approval keys don't sign.
    pub fn for_passkey(claims: &T, key: &PublicKey) -> Result<Self, SignFailed> {
        let kid = *key.thumbprint();
        let header = KidHeader { alg: ES256_WEBAUTHN, typ: T::TYP, kid };
        T::BY_APPROVAL_KEY.then(|| Self::from_parts(&header, claims, kid)).ok_or(SignFailed)
    }

    fn from_parts(header: &impl serde::Serialize, claims: &T, key: Thumbprint) -> Self {
        let payload = serde_json::to_vec(claims).expect("claims have string keys and no floating-point numbers");
        let input = jws::signing_input(header, &payload).expect("a header has string keys and string values");
        Self { input, key, claims: PhantomData }
    }
}

impl<T> Unsigned<T> {
    /// The exact bytes to sign (RFC 7515 §5.1): ASCII.
    pub fn signing_input(&self) -> &str {
        &self.input
    }

    /// The thumbprint of the key that is to sign.
    pub const fn key(&self) -> &Thumbprint {
        &self.key
    }

    /// The message with its signature. The bytes are not looked at: 64 of an ES256 key, more of a passkey, at most
    /// [`limits::SIGNATURE_BYTES`].
    ///
    /// # Errors
    /// [`SignFailed`] for none or for more.
    pub fn attach(self, signature: &[u8]) -> Result<Compact<T>, SignFailed> {
        if signature.is_empty() || signature.len() > limits::SIGNATURE_BYTES {
            return Err(SignFailed);
        }
        Ok(Compact::from_text(jws::attach(self.input, signature)))
    }

    /// Both steps at once, for a key that signs at once.
    ///
    /// # Errors
    /// [`SignFailed`] if the key does not sign, or is another than the header names.
    pub fn sign(self, signer: &dyn Signer) -> Result<Compact<T>, SignFailed> {
        if *signer.public_key().thumbprint() != self.key {
            return Err(SignFailed);
        }
        let signature = signer.sign(self.input.as_bytes())?;
        self.attach(&signature)
    }
}

// By hand, for `T` itself need not be any of these.
impl<T> Clone for Unsigned<T> {
    fn clone(&self) -> Self {
        Self { input: self.input.clone(), key: self.key, claims: PhantomData }
    }
}

impl<T> fmt::Debug for Unsigned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unsigned(for {})", self.key)
    }
}

#[cfg(test)]
mod tests {
    use countersign_jose::base64url;
    use countersign_jose::key::PrivateKey;

    use super::*;
    use crate::dpop::DpopProof;

    fn claims() -> DpopProof {
        DpopProof {
            jti: "proof-1".into(),
            htm: "GET".into(),
            htu: "https://id.acme.example/push/challenges".into(),
            iat: 1_790_000_000,
            nonce: None,
            ath: None,
        }
    }

    #[test]
    fn a_signature_that_comes_later_makes_the_same_message() {
        let signer = PrivateKey::from_bytes(&[7; 32]).expect("a key").into_signer();
        let unsigned = Unsigned::new(&claims(), signer.public_key());
        assert_eq!(unsigned.key(), signer.public_key().thumbprint());
        let signature = signer.sign(unsigned.signing_input().as_bytes()).expect("signs");
        let later = unsigned.clone().attach(&signature).expect("64 bytes");
        assert_eq!(later.signed_part(), unsigned.signing_input());
        let verified = later.verify(|_| Some(signer.public_key())).expect("its key signed it");
        assert_eq!(verified.claims, claims());
        assert_eq!(Compact::sign(&claims(), &signer).expect("signs").signed_part(), later.signed_part());
    }

    #[test]
    fn a_third_part_of_any_form_is_attached_up_to_its_limit() {
        let signer = PrivateKey::from_bytes(&[7; 32]).expect("a key").into_signer();
        let unsigned = || Unsigned::new(&claims(), signer.public_key());
        let longest = vec![b'{'; limits::SIGNATURE_BYTES];
        let attached = unsigned().attach(&longest).expect("as long as allowed");
        assert!(attached.as_str().ends_with(&base64url::encode(&longest)));
        assert_eq!(unsigned().attach(&[]), Err(SignFailed));
        assert_eq!(unsigned().attach(&vec![0; limits::SIGNATURE_BYTES + 1]), Err(SignFailed));
    }

    #[test]
    fn another_key_than_the_header_names_does_not_sign() {
        let [one, other] = [[7; 32], [8; 32]].map(|bytes| PrivateKey::from_bytes(&bytes).expect("a key").into_signer());
        assert_eq!(Unsigned::new(&claims(), one.public_key()).sign(&other), Err(SignFailed));
    }
}
