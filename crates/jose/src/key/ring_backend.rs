//! ES256 by ring.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey};

use super::{BadSignature, PrivateKey, PublicKey, SIGNATURE_BYTES, SignFailed, Signer, Verifier};

/// A key kept parsed by ring. The nonce of each signature is ring's own.
pub struct RingSigner {
    pair: EcdsaKeyPair,
    public: PublicKey,
    random: SystemRandom,
}

impl RingSigner {
    /// Takes the key.
    #[allow(
        clippy::disallowed_methods,
        reason = "ring takes no other source for the nonce of a signature than its own"
    )]
    pub fn new(key: &PrivateKey) -> Self {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            key.expose_bytes().as_slice(),
            key.public_key().sec1(),
            &random,
        )
        .expect("a PrivateKey's scalar is in range and its public half belongs to it");
        Self { pair, public: key.public_key().clone(), random }
    }
}

impl Signer for RingSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, input: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignFailed> {
        let signature = self.pair.sign(&self.random, input).map_err(|_| SignFailed)?;
        signature.as_ref().try_into().map_err(|_| SignFailed)
    }
}

/// Verifies by ring.
#[derive(Debug, Clone, Copy, Default)]
pub struct RingVerifier;

impl Verifier for RingVerifier {
    fn verify(&self, key: &PublicKey, input: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> Result<(), BadSignature> {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.sec1()).verify(input, signature).map_err(|_| BadSignature)
    }
}
