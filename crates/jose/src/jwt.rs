//! JWTs, JWSs and JWK sets of other parties (RFC 7519, RFC 7515, RFC 7517): client assertions, signed requests, hints, ID tokens.
//!
//! Open where libraries differ: ES256, PS256 and RS256, unknown header members and claims of any form, a byte order mark, keys of
//! other kinds in a set. Strict where two readers could understand differently, and in what is used: duplicate names, the claims
//! that [`Claims`] reads. The caller names the keys, the algorithms and the `typ` that it accepts.

mod alg;
mod claims;
mod jwk_set;
mod verify;

pub use alg::SigningAlg;
pub use claims::{ClaimError, Claims};
pub use jwk_set::{Jwk, JwkSet, JwksError, SkippedKey, UnusableKey, VerificationKey};
pub use verify::{JwtError, UnreadablePayload, VerifiedJwt, claimed_alg, unverified_claims, verify, verify_by_own_key};
