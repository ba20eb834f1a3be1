//! JWS and JWK as other parties write them: client assertions, signed requests, hints. What passes between gateway and device
//! has its own, narrower reader in `countersign-protocol`.

mod alg;
mod claims;
mod jwks;
mod jws;

pub use alg::SigningAlg;
pub(crate) use claims::{ClaimFault, Claims};
pub(crate) use jwks::{Jwk, PublicKey};
pub use jwks::{JwkSet, JwksError};
pub(crate) use jws::{JwsRefused, Verified, unverified_claims, verify, verify_by_own_key};
