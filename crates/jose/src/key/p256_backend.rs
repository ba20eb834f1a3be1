//! ES256 by p256, for where ring can't go; deterministic (RFC 6979), which also makes reproducible test vectors.

use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};

use super::{BadSignature, PrivateKey, PublicKey, SIGNATURE_BYTES, SignFailed, Signer, Verifier};

/// A key kept parsed by p256.
pub struct P256Signer {
    key: SigningKey,
    public: PublicKey,
}

impl P256Signer {
    /// Takes the key.
    pub fn new(key: &PrivateKey) -> Self {
        let signing = SigningKey::from_slice(key.expose_bytes().as_slice()).expect("a PrivateKey's scalar is in range");
        Self { key: signing, public: key.public_key().clone() }
    }
}

impl Signer for P256Signer {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, input: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignFailed> {
        let signature: Signature = self.key.try_sign(input).map_err(|_| SignFailed)?;
        Ok(signature.to_bytes().into())
    }
}

/// Verifies by p256.
#[derive(Debug, Clone, Copy, Default)]
pub struct P256Verifier;

impl Verifier for P256Verifier {
    fn verify(&self, key: &PublicKey, input: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> Result<(), BadSignature> {
        let key = VerifyingKey::from_sec1_bytes(key.sec1()).map_err(|_| BadSignature)?;
        let signature = Signature::from_slice(signature).map_err(|_| BadSignature)?;
        key.verify(input, &signature).map_err(|_| BadSignature)
    }
}
