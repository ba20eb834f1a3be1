//! JWTs, JWSs and JWK sets of other parties (RFC 7519, RFC 7515, RFC 7517): client assertions, signed requests, hints, ID tokens.
//!
//! Read strictly as JSON, but open where libraries differ: ES256, PS256 and RS256, additional header members, keys of other
//! kinds in a set. The caller names the keys, the algorithms and the `typ` that it accepts.

mod alg;
mod claims;
mod jwk_set;
mod verify;

pub use alg::SigningAlg;
pub use claims::{ClaimError, Claims};
pub use jwk_set::{Jwk, JwkSet, JwksError, VerificationKey};
pub use verify::{JwtError, VerifiedJwt, unverified_claims, verify, verify_by_own_key};

/// Deepest nesting of a header or a JWK set; the root counts as 1.
const DEPTH: usize = 8;
