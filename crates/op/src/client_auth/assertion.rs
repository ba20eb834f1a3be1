//! `private_key_jwt` (OpenID Connect Core §9, RFC 7523 §3): a JWT signed by one of the client's keys.
//!
//! Its audience must be this provider's issuer alone, unless the operator accepts endpoints' URLs as well, as CIBA Core §7.1
//! wants (`client_assertion_audience`): a malicious provider can have a client sign those (RFC 9700, rfc7523bis).

use countersign_jose::jwt::{Claims, unverified_claims};

use super::{ClientAuthentication, invalid_client, wrong_method};
use crate::client_auth::replay::SignedKind;
use crate::client_auth::signed_claims::{ClaimRules, Parties, Validity};
use crate::config::{AssertionAudience, Client, ClientAuth};
use crate::http::{ErrorCode, Form, OAuthError};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// `exp` at most 10 minutes ahead: longer than any library's default, and short, since each `jti` is remembered until then.
const RULES: ClaimRules =
    ClaimRules { is_about_client: true, is_audience_array_allowed: false, validity: Validity::Ahead(600) };

/// The client that a `client_assertion` says it is of. Nothing is verified.
///
/// # Errors
/// `invalid_client`; `invalid_request` for a `client_id` that differs from the assertion's.
pub(super) fn claimed_client(assertion: &str, form: &Form) -> Result<String, OAuthError> {
    if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
        return Err(invalid_client(format!("client_assertion_type must be {ASSERTION_TYPE}")));
    }
    let unverified = unverified_claims(assertion).map_err(|why| refused(&why))?;
    let client_id = Claims(&unverified).string("sub").map_err(|why| refused(&why))?;
    if form.get("client_id").is_some_and(|named| named != client_id) {
        let description = "client_id in the body differs from the one in client_assertion";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    }
    Ok(client_id.to_owned())
}

fn refused(why: &dyn std::fmt::Display) -> OAuthError {
    invalid_client(format!("client_assertion: {why}"))
}

impl ClientAuthentication {
    /// Authenticates a client by the `client_assertion` that says it is of this client.
    ///
    /// # Errors
    /// `invalid_client`.
    pub(super) async fn check_assertion(&self, client: &Client, assertion: &str) -> Result<(), OAuthError> {
        let client_id = client.client_id.as_str();
        if !matches!(client.auth, ClientAuth::PrivateKeyJwt { .. }) {
            return Err(wrong_method(&client.auth));
        }
        let verified = self.signatures.verify_by_client(client, assertion, client.assertion_algs(), is_assertion).await;
        let verified = verified.map_err(|why| refused(&why))?;
        let endpoints: &[String] = match client.assertion_audience {
            AssertionAudience::Issuer => &[],
            AssertionAudience::Endpoints => &self.endpoints,
        };
        let parties = Parties { client_id, issuer: self.config.issuer.as_str(), endpoints };
        let accepted = RULES.check(&verified.claims, &parties, self.clock.now()).map_err(|why| refused(&why))?;
        if !self.replay.first_use(SignedKind::Assertion, client_id, accepted.jti, accepted.until).await? {
            return Err(refused(&"it was used before: sign a new one, with a new jti, for every request"));
        }
        Ok(())
    }
}

/// `client-authentication+jwt` is rfc7523bis'; nearly all libraries still send `JWT` or no `typ`.
fn is_assertion(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| ["JWT", "client-authentication+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known)))
}
