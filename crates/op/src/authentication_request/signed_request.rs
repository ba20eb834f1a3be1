//! A signed authentication request (CIBA Core §7.1.1): opens the JWT in `request` into the parameters it holds.
//!
//! What comes out is read like a form, so that a rule about a parameter is written once. Authorization details
//! keep the bytes that the client wrote inside its payload: those are shown, signed and put into tokens.

use std::sync::Arc;

use countersign_jose::clock::{Clock, Timestamp};
use countersign_jose::json::Json;
use countersign_jose::jwt::{ClaimError, Claims, VerifiedJwt};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client_auth::client_keys::ClientSignatures;
use crate::client_auth::replay::{ReplayMemory, SignedKind};
use crate::config::Client;
use crate::config::Config;
use crate::http::{ErrorCode, Form, OAuthError, parameter};

/// The longest that a request may be good for, and the oldest that its `nbf` may be, in seconds (FAPI-CIBA §5.2.2). Held for
/// all clients, for as long must its `jti` be remembered.
const LIFE_SECONDS: u64 = 3600;

/// Parameters of client authentication (CIBA Core §7.1.1): they stay outside.
const OUTSIDE: [&str; 5] = ["request", "client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// Parameters of the request itself, none of which may stand outside.
const INSIDE: [&str; 14] = [
    "scope",
    "audience",
    "client_notification_token",
    "acr_values",
    "login_hint_token",
    "id_token_hint",
    "login_hint",
    "binding_message",
    "user_code",
    "requested_expiry",
    "authorization_details",
    "interaction_type",
    "resource",
    "request_context",
];

/// Claims of the JWT itself.
const ENVELOPE: [&str; 6] = ["iss", "aud", "exp", "iat", "nbf", "jti"];

/// Why a signed request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum SignedRequestError {
    #[error("{0}")]
    Claim(#[from] ClaimError),
    #[error("iss must be the client_id")]
    Issuer,
    #[error("aud must be this provider's issuer, {0}, and nothing else")]
    Audience(String),
    #[error("it may be valid for 60 minutes at most, from nbf to exp")]
    Long,
    #[error("nbf is more than 60 minutes ago")]
    Old,
    #[error("{0} must be a string")]
    Text(String),
}

/// Opens signed requests.
pub(crate) struct SignedRequests {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) signatures: Arc<ClientSignatures>,
    pub(crate) replay: Arc<ReplayMemory>,
}

impl SignedRequests {
    /// The parameters of a request, whichever way it came.
    ///
    /// # Errors
    /// `invalid_request` for a request that is not signed as it must be, is not this client's, or was sent before.
    pub(crate) async fn parameters(&self, form: Form, client: &Client) -> Result<Form, OAuthError> {
        let Some(request) = form.get("request") else {
            if !client.must_sign() {
                return Ok(form);
            }
            let what = "this client is registered for signed requests: send all parameters in the JWT request";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, what));
        };
        let refused = |why: &dyn std::fmt::Display| {
            OAuthError::new(ErrorCode::InvalidRequest, format!("the signed request: {why}"))
        };
        if let Some(name) = INSIDE.into_iter().find(|name| form.get(name).is_some()) {
            return Err(refused(&format!("{name} is outside the JWT: put every parameter inside it")));
        }
        let verified = self.signatures.verify_by_client(client, request, client.request_algs(), is_request).await;
        let verified = verified.map_err(|why| refused(&why))?;
        let now = self.clock.now();
        let accepted = check(&verified.claims, &client.client_id, self.config.issuer.as_str(), now);
        let accepted = accepted.map_err(|why| refused(&why))?;
        let until = Timestamp::from_millis(accepted.exp.saturating_mul(1000));
        if !self.replay.first_use(SignedKind::Request, &client.client_id, accepted.jti, until).await? {
            return Err(refused(&"it was sent before: sign a new one, with a new jti, for every request"));
        }
        inside(&verified).map_err(|error| match error {
            ParameterError::Details => {
                let what =
                    "authorization_details in a signed request must be a JSON array, not a string that holds one";
                OAuthError::new(ErrorCode::InvalidAuthorizationDetails, what)
            }
            ParameterError::Other(fault) => refused(&fault),
        })
    }
}

/// RFC 9101 §10.8 recommends its own type; OpenID's libraries say `JWT`, or nothing.
fn is_request(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| ["JWT", "oauth-authz-req+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known)))
}

struct AcceptedRequest<'j> {
    jti: &'j str,
    exp: u64,
}

fn check<'j>(
    claims: &'j Json,
    client_id: &str,
    issuer: &str,
    now: Timestamp,
) -> Result<AcceptedRequest<'j>, SignedRequestError> {
    let read = Claims(claims);
    if read.string("iss")? != client_id {
        return Err(SignedRequestError::Issuer);
    }
    claims.get("aud").ok_or(ClaimError::Missing("aud"))?;
    if !read.is_only_for(issuer) {
        return Err(SignedRequestError::Audience(issuer.to_owned()));
    }
    let (exp, nbf) = (read.expiry(now)?, read.not_in_future("nbf", now)?);
    read.not_in_future("iat", now)?;
    if now.seconds().saturating_sub(nbf) > LIFE_SECONDS {
        return Err(SignedRequestError::Old);
    }
    if exp.saturating_sub(nbf) > LIFE_SECONDS {
        return Err(SignedRequestError::Long);
    }
    Ok(AcceptedRequest { jti: read.jti()?, exp })
}

enum ParameterError {
    Details,
    Other(SignedRequestError),
}

/// The parameters inside, each as a form would have it.
fn inside(verified: &VerifiedJwt) -> Result<Form, ParameterError> {
    let mut parameters = Vec::new();
    for (name, value) in verified.claims.as_object().unwrap_or_default() {
        if ENVELOPE.contains(&name.as_str()) || OUTSIDE.contains(&name.as_str()) {
            continue;
        }
        let one = |text: String| vec![(name.clone(), text)];
        let read = match (name.as_str(), value) {
            ("authorization_details", Json::Array(_)) => details(verified).map(one).ok_or(ParameterError::Details)?,
            ("authorization_details", _) => return Err(ParameterError::Details),
            // CIBA Core §7.1.1: in a JWT a number or a text.
            ("requested_expiry", Json::Number(literal)) => one(literal.clone()),
            (known, value) => match parameter(known, value) {
                Some(read) => read,
                None if INSIDE.contains(&known) && known != "request_context" => {
                    return Err(ParameterError::Other(SignedRequestError::Text(name.clone())));
                }
                // Nobody here knows it (CIBA Core §7.1: ignored).
                None => continue,
            },
        };
        parameters.extend(read);
    }
    Ok(Form::of(parameters))
}

#[derive(Deserialize)]
struct Raw<'p> {
    #[serde(borrow)]
    authorization_details: &'p RawValue,
}

/// The very bytes of the array inside the payload, which the strict reader has accepted.
fn details(verified: &VerifiedJwt) -> Option<String> {
    let raw: Raw<'_> = serde_json::from_slice(&verified.payload).ok()?;
    Some(raw.authorization_details.get().to_owned())
}
