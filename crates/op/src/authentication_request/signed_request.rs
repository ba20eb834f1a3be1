//! Signed authentication request (CIBA Core §7.1.1): verifies the JWT in `request` and extracts its parameters.
//!
//! The result is a form like any other, so that each parameter's rules are written once. Authorization details keep the
//! bytes of the JWT's payload: those are displayed, signed and put into tokens.

use std::sync::Arc;

use countersign_jose::clock::{Clock, Timestamp};
use countersign_jose::json::Json;
use countersign_jose::jwt::VerifiedJwt;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client_auth::client_keys::ClientSignatures;
use crate::client_auth::replay::{ReplayMemory, SignedKind};
use crate::client_auth::signed_claims::{ClaimRules, Parties, Validity};
use crate::config::Client;
use crate::config::Config;
use crate::http::{ErrorCode, Form, OAuthError, parameter};

/// Longest validity (`nbf` to `exp`), and greatest age of `nbf`: an hour (FAPI-CIBA §5.2.2). Enforced for every client: its
/// `jti` must be remembered for as long.
const RULES: ClaimRules =
    ClaimRules { is_about_client: false, is_audience_array_allowed: true, validity: Validity::SinceNotBefore(3600) };

/// Parameters of client authentication, which stay outside the JWT (CIBA Core §7.1.1).
pub(crate) const OUTSIDE: [&str; 5] =
    ["request", "client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// Parameters of the authentication request, none of which may appear outside the JWT.
const INSIDE: [&str; 15] = [
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
    "terminal",
];

/// Registered claims of the JWT, which are no parameters.
const ENVELOPE: [&str; 6] = ["iss", "aud", "exp", "iat", "nbf", "jti"];

/// Verifies signed authentication requests.
pub(crate) struct SignedRequests {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) signatures: Arc<ClientSignatures>,
    pub(crate) replay: Arc<ReplayMemory>,
}

/// A request's parameters, and the signed JWT that they were in, which is not used up yet.
pub(crate) struct ReadRequest {
    pub(crate) parameters: Form,
    signed: Option<Signed>,
}

struct Signed {
    jti: String,
    until: Timestamp,
}

impl SignedRequests {
    /// The request's parameters, from the form or from its signed JWT.
    ///
    /// # Errors
    /// `invalid_request` for a missing or invalid signature, or wrong claims.
    pub(crate) async fn read(&self, form: Form, client: &Client) -> Result<ReadRequest, OAuthError> {
        let Some(request) = form.get("request") else {
            if !client.must_sign() {
                return Ok(ReadRequest { parameters: form, signed: None });
            }
            let description = "this client is registered for signed requests: send all parameters in the JWT request";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
        };
        if let Some(name) = INSIDE.into_iter().find(|name| form.get(name).is_some()) {
            return Err(refused(&format!("{name} is outside the JWT: put every parameter inside it")));
        }
        let verified = self.signatures.verify_by_client(client, request, client.request_algs(), is_request).await;
        let verified = verified.map_err(|why| refused(&why))?;
        let parties = Parties { client_id: &client.client_id, issuer: self.config.issuer.as_str(), endpoints: &[] };
        let accepted = RULES.check(&verified.claims, &parties, self.clock.now()).map_err(|why| refused(&why))?;
        let signed = Signed { jti: accepted.jti.to_owned(), until: accepted.until };
        let parameters = parameters_of(&verified).map_err(|error| match error {
            ParameterError::Details => {
                let description =
                    "authorization_details in a signed request must be a JSON array, not a string that holds one";
                OAuthError::new(ErrorCode::InvalidAuthorizationDetails, description)
            }
            ParameterError::NotString(name) => refused(&format!("{name} must be a string")),
        })?;
        Ok(ReadRequest { parameters, signed: Some(signed) })
    }

    /// Uses up a signed request. A form can be sent as often as one likes.
    ///
    /// # Errors
    /// `invalid_request` for a `jti` that was used before.
    pub(crate) async fn use_up(&self, request: &ReadRequest, client: &Client) -> Result<(), OAuthError> {
        match self.is_first_use(request, client).await? {
            true => Ok(()),
            false => Err(refused(&"it was sent before: sign a new one, with a new jti, for every request")),
        }
    }

    /// Uses up a signed request whose acknowledgement is repeated: it may have been used, and is of no use hereafter.
    ///
    /// # Errors
    /// Those of storing it.
    pub(crate) async fn use_up_again(&self, request: &ReadRequest, client: &Client) -> Result<(), OAuthError> {
        self.is_first_use(request, client).await.map(drop)
    }

    async fn is_first_use(&self, request: &ReadRequest, client: &Client) -> Result<bool, OAuthError> {
        let Some(Signed { jti, until }) = &request.signed else { return Ok(true) };
        self.replay.first_use(SignedKind::Request, &client.client_id, jti, *until).await
    }
}

fn refused(why: &dyn std::fmt::Display) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, format!("the signed request: {why}"))
}

/// `oauth-authz-req+jwt` is recommended by RFC 9101 §10.8; OpenID libraries send `JWT` or no `typ`.
fn is_request(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| ["JWT", "oauth-authz-req+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known)))
}

/// Why a parameter inside a signed request is refused.
enum ParameterError {
    /// `authorization_details` is no array.
    Details,
    /// The parameter of this name is an object, an array or anything else that no form can hold.
    NotString(String),
}

/// The JWT's parameters in the form's representation.
fn parameters_of(verified: &VerifiedJwt) -> Result<Form, ParameterError> {
    let mut parameters = Vec::new();
    for (name, value) in verified.claims.as_object().unwrap_or_default() {
        if ENVELOPE.contains(&name.as_str()) || OUTSIDE.contains(&name.as_str()) {
            continue;
        }
        let one = |value: String| vec![(name.clone(), value)];
        let read = match (name.as_str(), value) {
            ("authorization_details", Json::Array(_)) => details(verified).map(one).ok_or(ParameterError::Details)?,
            ("authorization_details", _) => return Err(ParameterError::Details),
            // CIBA Core §7.1.1: a number or a string in a JWT.
            ("requested_expiry", Json::Number(literal)) => one(literal.clone()),
            (known, value) => match parameter(known, value) {
                Some(read) => read,
                None if INSIDE.contains(&known) && known != "request_context" => {
                    return Err(ParameterError::NotString(name.clone()));
                }
                // Unknown parameters are ignored (CIBA Core §7.1).
                None => continue,
            },
        };
        parameters.extend(read);
    }
    Ok(Form::from_parameters(parameters))
}

#[derive(Deserialize)]
struct Raw<'p> {
    #[serde(borrow)]
    authorization_details: &'p RawValue,
}

/// The array's bytes as they are in the payload, which the strict parser has accepted.
fn details(verified: &VerifiedJwt) -> Option<String> {
    let raw: Raw<'_> = serde_json::from_slice(&verified.payload).ok()?;
    Some(raw.authorization_details.get().to_owned())
}
