//! `private_key_jwt` (OpenID Connect Core §9, RFC 7523 §3): a JWT signed by one of the client's keys.
//!
//! Its audience must be this provider's issuer alone. CIBA Core §7.1 accepts endpoint URLs as well; a malicious
//! provider can have a client sign those (RFC 9700, rfc7523bis), so they are refused.

use std::sync::Arc;

use countersign_jose::clock::Timestamp;
use countersign_jose::json::Json;
use countersign_jose::jwt::{ClaimError, Claims, unverified_claims};

use super::{ClientAuthentication, invalid_client, wrong_method};
use crate::client_auth::replay::SignedKind;
use crate::config::{Client, ClientAuth};
use crate::http::{ErrorCode, Form, OAuthError};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far ahead `exp` may be, in seconds: longer than any library's default, and short, since each `jti` is remembered
/// until then.
const LIFE_SECONDS: u64 = 600;

/// Why an assertion is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum AssertionError {
    #[error("{0}")]
    Claim(#[from] ClaimError),
    #[error("iss and sub must both be the client_id")]
    Party,
    #[error("aud must be one string, this provider's issuer {0}, not a list and not an endpoint's address")]
    Audience(String),
    #[error("exp must be at most 10 minutes ahead")]
    Long,
}

impl ClientAuthentication {
    /// Authenticates by `client_assertion`.
    ///
    /// # Errors
    /// `invalid_client`; `invalid_request` for a `client_id` that differs from the assertion's.
    pub(super) async fn by_assertion(
        self: &Arc<Self>,
        assertion: &str,
        form: &Form,
    ) -> Result<Arc<Client>, OAuthError> {
        let refused = |why: &dyn std::fmt::Display| invalid_client(format!("client_assertion: {why}"));
        if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(invalid_client(format!("client_assertion_type must be {ASSERTION_TYPE}")));
        }
        let unverified = unverified_claims(assertion).map_err(|why| refused(&why))?;
        let client_id = Claims(&unverified).string("sub").map_err(|why| refused(&why))?;
        if form.get("client_id").is_some_and(|named| named != client_id) {
            let description = "client_id in the body differs from the one in client_assertion";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
        }
        let client = self.client_by_id(client_id).await?;
        if !matches!(client.auth, ClientAuth::PrivateKeyJwt { .. }) {
            return Err(wrong_method(&client.auth));
        }
        let verified =
            self.signatures.verify_by_client(&client, assertion, client.assertion_algs(), is_assertion).await;
        let verified = verified.map_err(|why| refused(&why))?;
        let now = self.clock.now();
        let accepted =
            check(&verified.claims, client_id, self.config.issuer.as_str(), now).map_err(|why| refused(&why))?;
        let until = Timestamp::from_millis(accepted.exp.saturating_mul(1000));
        if !self.replay.first_use(SignedKind::Assertion, client_id, accepted.jti, until).await? {
            return Err(refused(&"it was used before: sign a new one, with a new jti, for every request"));
        }
        Ok(client)
    }
}

/// `client-authentication+jwt` is rfc7523bis'; nearly all libraries still send `JWT` or no `typ`.
fn is_assertion(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| ["JWT", "client-authentication+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known)))
}

struct AcceptedAssertion<'j> {
    jti: &'j str,
    exp: u64,
}

fn check<'j>(
    claims: &'j Json,
    client_id: &str,
    issuer: &str,
    now: Timestamp,
) -> Result<AcceptedAssertion<'j>, AssertionError> {
    let read = Claims(claims);
    if read.string("iss")? != client_id || read.string("sub")? != client_id {
        return Err(AssertionError::Party);
    }
    match claims.get("aud") {
        None => return Err(ClaimError::Missing("aud").into()),
        Some(aud) if aud.as_str() == Some(issuer) => {}
        Some(_) => return Err(AssertionError::Audience(issuer.to_owned())),
    }
    let exp = read.expiry(now)?;
    read.not_in_future_if_present("nbf", now)?;
    read.not_in_future_if_present("iat", now)?;
    if exp > now.seconds() + LIFE_SECONDS {
        return Err(AssertionError::Long);
    }
    Ok(AcceptedAssertion { jti: read.jti()?, exp })
}
