//! RSA key for clients whose ID tokens must be signed by RS256 or PS256. Created when the first such client is added.

use std::path::Path;

use countersign_gateway::keys::KeyError;
use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_jose::jwt::SigningAlg;
use countersign_jose::key::SignFailed;
use countersign_jose::random::Random;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::{CryptoRng, Error, RngCore};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// The minimum of NIST SP 800-131A; a longer key would slow down every token.
const KEY_BITS: usize = 2048;

/// Signs ID tokens by RS256 and PS256. Has no `Debug`.
pub(crate) struct RsaSigner {
    pair: RsaKeyPair,
    n: String,
    e: String,
    /// RFC 7638 thumbprint.
    thumbprint: Hash,
}

impl RsaSigner {
    /// Reads a PKCS#8 file.
    ///
    /// # Errors
    /// [`KeyError`] if the file can't be used.
    pub(super) fn read(path: &Path) -> Result<RsaSigner, KeyError> {
        let der = std::fs::read(path).map_err(|source| KeyError::File { path: path.to_owned(), source })?;
        RsaSigner::from_pkcs8(&Zeroizing::new(der), path)
    }

    fn from_pkcs8(der: &[u8], path: &Path) -> Result<RsaSigner, KeyError> {
        let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::Damaged { path: path.to_owned() })?;
        let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
        let (n, e) = (base64url::encode(&public.n), base64url::encode(&public.e));
        // RFC 7638 §3.2: the required members in the order of their names.
        let thumbprint = Hash::of(format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#));
        Ok(RsaSigner { pair, n, e, thumbprint })
    }

    /// RFC 7638 thumbprint.
    pub(super) fn thumbprint(&self) -> &Hash {
        &self.thumbprint
    }

    /// Encoded JWS header of its ID tokens.
    pub(super) fn header(&self, alg: SigningAlg) -> String {
        let header = json!({ "alg": alg.as_str(), "typ": "JWT", "kid": self.kid(alg) });
        base64url::encode(header.to_string().as_bytes())
    }

    /// Signs by RS256 or PS256.
    ///
    /// # Errors
    /// [`SignFailed`] if ring fails, or for ES256.
    pub(super) fn sign(&self, alg: SigningAlg, input: &[u8]) -> Result<Vec<u8>, SignFailed> {
        let encoding: &dyn RsaEncoding = match alg {
            SigningAlg::Rs256 => &RSA_PKCS1_SHA256,
            SigningAlg::Ps256 => &RSA_PSS_SHA256,
            SigningAlg::Es256 => return Err(SignFailed),
        };
        let mut signature = vec![0; self.pair.public().modulus_len()];
        #[expect(clippy::disallowed_methods, reason = "ring accepts only its own source of randomness")]
        let random = SystemRandom::new();
        self.pair.sign(encoding, &random, input, &mut signature).map_err(|_| SignFailed)?;
        Ok(signature)
    }

    /// The published JWKs, one for each algorithm: some clients ignore keys without `alg`, others select by `kid`
    /// alone.
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

/// Generates a key in PKCS#8. Blocks the thread for up to a second.
pub(super) fn generate(random: &dyn Random) -> Zeroizing<Vec<u8>> {
    let key =
        rsa::RsaPrivateKey::new(&mut ProviderRandom(random), KEY_BITS).expect("2048 bits are enough for two primes");
    let der = key.to_pkcs8_der().expect("PKCS#8 has room for an RSA key");
    Zeroizing::new(der.as_bytes().to_vec())
}

/// Adapts the provider's randomness to the crate `rsa`.
struct ProviderRandom<'a>(&'a dyn Random);

impl RngCore for ProviderRandom<'_> {
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
impl CryptoRng for ProviderRandom<'_> {}
