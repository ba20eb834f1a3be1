//! The RSA key for clients that read no other ID tokens than RS256 or PS256. Made when the first of them comes.

use std::path::Path;

use countersign_gateway::keys::KeyError;
use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_jose::key::SignFailed;
use countersign_jose::random::Random;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::{CryptoRng, Error, RngCore};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use countersign_jose::jwt::SigningAlg;

/// NIST SP 800-131A asks for 2048 bits at least; more would cost every token.
const BITS: usize = 2048;

/// Signs ID tokens by RS256 and PS256. Has no `Debug`.
pub(crate) struct RsaSigner {
    pair: RsaKeyPair,
    n: String,
    e: String,
    /// RFC 7638.
    thumbprint: Hash,
}

impl RsaSigner {
    /// Reads the key.
    ///
    /// # Errors
    /// [`KeyError`] when the file can't be used.
    pub(super) fn read(path: &Path) -> Result<RsaSigner, KeyError> {
        let der = std::fs::read(path).map_err(|source| KeyError::File { path: path.to_owned(), source })?;
        RsaSigner::over(&Zeroizing::new(der), path)
    }

    fn over(der: &[u8], path: &Path) -> Result<RsaSigner, KeyError> {
        let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::Damaged { path: path.to_owned() })?;
        let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
        let (n, e) = (base64url::encode(&public.n), base64url::encode(&public.e));
        // RFC 7638 §3.2: the required members in the order of their names.
        let thumbprint = Hash::of(format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#));
        Ok(RsaSigner { pair, n, e, thumbprint })
    }

    /// RFC 7638.
    pub(super) fn thumbprint(&self) -> &Hash {
        &self.thumbprint
    }

    /// The header of its tokens.
    pub(super) fn header(&self, alg: SigningAlg) -> String {
        let header = json!({ "alg": alg.as_str(), "typ": "JWT", "kid": self.kid(alg) });
        base64url::encode(header.to_string().as_bytes())
    }

    /// # Errors
    /// [`SignFailed`] if ring does not sign, or for an algorithm of another kind of key.
    pub(super) fn sign(&self, alg: SigningAlg, input: &[u8]) -> Result<Vec<u8>, SignFailed> {
        let encoding: &dyn RsaEncoding = match alg {
            SigningAlg::Rs256 => &RSA_PKCS1_SHA256,
            SigningAlg::Ps256 => &RSA_PSS_SHA256,
            SigningAlg::Es256 => return Err(SignFailed),
        };
        let mut signature = vec![0; self.pair.public().modulus_len()];
        #[expect(clippy::disallowed_methods, reason = "ring signs with no other randomness than its own")]
        let random = SystemRandom::new();
        self.pair.sign(encoding, &random, input, &mut signature).map_err(|_| SignFailed)?;
        Ok(signature)
    }

    /// The key as it is published: once for each algorithm, for there are clients that use no key without `alg`, and others that
    /// go by `kid` alone.
    pub(super) fn jwks(&self) -> [Value; 2] {
        [SigningAlg::Rs256, SigningAlg::Ps256].map(|alg| {
            json!({ "kty": "RSA", "n": self.n, "e": self.e, "kid": self.kid(alg), "use": "sig", "alg": alg.as_str() })
        })
    }

    fn kid(&self, alg: SigningAlg) -> String {
        match alg {
            SigningAlg::Ps256 => format!("{}.PS256", self.thumbprint),
            SigningAlg::Rs256 | SigningAlg::Es256 => self.thumbprint.to_string(),
        }
    }
}

/// A new key in PKCS#8; making one takes up to a second.
pub(super) fn make(random: &dyn Random) -> Zeroizing<Vec<u8>> {
    let key = rsa::RsaPrivateKey::new(&mut Drawn(random), BITS).expect("2048 bits are enough for two primes");
    let der = key.to_pkcs8_der().expect("PKCS#8 has room for an RSA key");
    Zeroizing::new(der.as_bytes().to_vec())
}

/// The provider's randomness, as the crate `rsa` takes it.
struct Drawn<'a>(&'a dyn Random);

impl RngCore for Drawn<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

/// `Random` is cryptographically secure by its contract.
impl CryptoRng for Drawn<'_> {}
