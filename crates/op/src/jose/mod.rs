//! JWS and JWK as other parties write them: client assertions, signed requests, hints. What passes between gateway and device
//! has its own, narrower reader in `countersign-protocol`.

mod alg;
mod jwks;
mod jws;

pub use alg::SigningAlg;
pub use jwks::{JwkSet, JwksError};
#[expect(unused_imports, reason = "for client assertions, signed requests and hints")]
pub(crate) use jws::{JwsRefused, Verified, verify};
