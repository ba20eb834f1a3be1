//! The signature algorithms of RFC 7518 §3 that are accepted. All are asymmetric: a secret that both sides know proves nothing
//! to a third party.

use ring::signature::{self, RsaParameters};

/// A JWS algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SigningAlg {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl SigningAlg {
    /// Every algorithm, in the order in which they are offered.
    pub const ALL: [SigningAlg; 3] = [SigningAlg::Es256, SigningAlg::Ps256, SigningAlg::Rs256];

    /// Those that FAPI allows (FAPI 1.0 part 2 §8.6).
    pub const FAPI: [SigningAlg; 2] = [SigningAlg::Es256, SigningAlg::Ps256];

    /// A list of this algorithm alone.
    pub const fn as_slice(self) -> &'static [SigningAlg] {
        match self {
            SigningAlg::Es256 => &[SigningAlg::Es256],
            SigningAlg::Ps256 => &[SigningAlg::Ps256],
            SigningAlg::Rs256 => &[SigningAlg::Rs256],
        }
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            SigningAlg::Es256 => "ES256",
            SigningAlg::Ps256 => "PS256",
            SigningAlg::Rs256 => "RS256",
        }
    }

    /// The algorithm of this name; `None` for `none`, `HS256` and all others.
    pub fn from_name(name: &str) -> Option<SigningAlg> {
        SigningAlg::ALL.into_iter().find(|alg| alg.as_str() == name)
    }

    /// ring's parameters for verifying by an RSA key of 2048 to 8192 bits; `None` for ES256.
    pub(super) fn rsa(self) -> Option<&'static RsaParameters> {
        match self {
            SigningAlg::Es256 => None,
            SigningAlg::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
            SigningAlg::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        }
    }
}
