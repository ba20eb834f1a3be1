//! Authentication request (CIBA Core §7.1): parsing, and every check that does not depend on a user's devices.

pub(crate) mod acr;
pub(crate) mod auth_req_id;
pub(crate) mod fapi_request;
pub(crate) mod hint;
pub(crate) mod notification_token;
pub(crate) mod signed_request;
pub(crate) mod user_code_check;

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_gateway::{InteractionPolicy, SHORT_LIFETIME};
use countersign_jose::secret::Secret;
use countersign_protocol::challenge::{self, ContextSource, ContextValue};
use countersign_protocol::details::Details;
use countersign_protocol::interaction::{InteractionType, UserVerification};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::kind::Kind;
use countersign_protocol::{limits, text};

use crate::auth0;
use crate::authentication_request::acr::RequestedAcr;
use crate::authentication_request::hint::Hint;
use crate::authorization_details::{self, DetailTypes};
use crate::config::{Client, Policy};
use crate::grant::resource::Resources;
use crate::http::{ErrorCode, Form, OAuthError};

/// Upper bound of a signed challenge's size without the client's strings, in bytes: ids, names, interaction, signature.
const CHALLENGE_FRAME_BYTES: usize = 2600;

/// Longest `acr_values`, in characters.
const ACR_VALUES_CHARACTERS: usize = 1000;

/// A parsed request, each parameter valid. Has no `Debug`: it may hold a user code.
pub(crate) struct AuthenticationRequest {
    pub(crate) hint: Hint,
    pub(crate) user_code: Option<Secret>,
    /// As sent: a space-delimited list, `openid` among it.
    pub(crate) scope: String,
    pub(crate) acr_values: Option<String>,
    pub(crate) binding_message: Option<String>,
    /// The till or counter that asks, in the client's words.
    pub(crate) terminal: Option<String>,
    pub(crate) details: Option<Details>,
    /// Resource servers that the tokens are for (RFC 8707).
    pub(crate) resources: Resources,
    /// The client's and the policy's input to the choice of the interaction.
    pub(crate) interaction_policy: InteractionPolicy,
    /// The interaction chosen without regard to devices. A client that must not learn about the user sees this one,
    /// whatever the devices can do.
    pub(crate) interaction: InteractionType,
    /// Time until the request expires.
    pub(crate) lifetime: Duration,
    /// Whether PIN or biometrics are required.
    pub(crate) user_verification: UserVerification,
}

impl AuthenticationRequest {
    /// Parses this client's request.
    ///
    /// # Errors
    /// The first fault found, with a code of CIBA Core §13 or RFC 9396 §5.
    pub(crate) fn read(
        form: &Form,
        client: &Client,
        issuer: &Issuer,
        types: &DetailTypes,
    ) -> Result<AuthenticationRequest, OAuthError> {
        if form.get("request_uri").is_some() {
            let description =
                "request_uri is not for authentication requests (CIBA Core 7.1.1): send the JWT itself as request";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
        }
        let scope = scope(form, client)?;
        let hint = Hint::read(form, issuer)?;
        auth0::check_request(form, client)?;
        let binding_message = binding_message(form, &client.policy)?;
        let terminal = terminal(form, client)?;
        let acr_values = acr_values(form)?;
        let details = authorization_details(form, client, types)?;
        let resources = Resources::for_request(form, client)?;
        let requested_interaction = interaction_type(form, client)?;
        let requested_expiry = requested_expiry(form)?;
        let types = details.iter().flat_map(Details::types);
        let kind = Kind::of(types, Some(&scope));
        let requested_acr = RequestedAcr::of(acr_values.as_deref());
        let user_verification = match requested_acr.verified {
            true => UserVerification::Required,
            false => user_verification(&client.policy, details.as_ref()),
        };
        let mut interaction_policy = InteractionPolicy {
            requested: requested_interaction,
            client_supported: client.interaction_types.clone(),
            minimum: client.policy.interaction_minimum,
            disclosed: None,
            number_preferred: requested_acr.number,
        };
        // A failure here is the same for every user, so the response reveals nothing about one.
        let interaction = interaction_policy
            .without_devices(kind)
            .map_err(|error| OAuthError::new(ErrorCode::InvalidRequest, error.to_string()))?;
        interaction_policy.disclosed = client.hides_unknown_users().then_some(interaction);
        let strings = [Some(scope.as_str()), acr_values.as_deref(), binding_message.as_deref(), terminal.as_deref()];
        fits_a_challenge(&strings, details.as_ref())?;
        let may_wait = matches!(kind, Kind::Consent | Kind::Other)
            && interaction == InteractionType::Boolean
            && user_verification == UserVerification::Required;
        let lifetime = lifetime(&client.policy, requested_expiry, may_wait);
        Ok(AuthenticationRequest {
            hint,
            user_code: form.get("user_code").map(Secret::new),
            scope,
            acr_values,
            binding_message,
            terminal,
            details,
            resources,
            interaction_policy,
            interaction,
            lifetime,
            user_verification,
        })
    }
}

impl AuthenticationRequest {
    /// What the client declared about where the request comes from, by the challenge's member.
    pub(crate) fn context(&self) -> BTreeMap<String, ContextValue> {
        let value = |value: String| ContextValue { value, source: ContextSource::Client };
        self.terminal.iter().map(|terminal| (challenge::TERMINAL.to_owned(), value(terminal.clone()))).collect()
    }
}

fn scope(form: &Form, client: &Client) -> Result<String, OAuthError> {
    let refused = |description: &str| Err(OAuthError::new(ErrorCode::InvalidScope, description));
    let Some(scope) = form.get("scope") else {
        return refused("scope is missing: send at least openid");
    };
    // RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ).
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if scope.len() > 1000 || !scope.split(' ').all(is_name) {
        return refused("scope must be a space-delimited list, 1000 characters at most");
    }
    if !scope.split(' ').any(|name| name == "openid") {
        return refused("scope must contain openid");
    }
    let allowed = |name: &str| client.scope.as_ref().is_none_or(|allowed| allowed.iter().any(|known| known == name));
    if let Some(name) = scope.split(' ').find(|name| !allowed(name)) {
        return refused(&format!("this client may not ask for the scope {name}"));
    }
    Ok(scope.to_owned())
}

fn binding_message(form: &Form, policy: &Policy) -> Result<Option<String>, OAuthError> {
    let Some(message) = form.get("binding_message") else { return Ok(None) };
    match text::check(message, policy.binding_message_max as usize) {
        Ok(()) => Ok(Some(message.to_owned())),
        Err(error) => Err(OAuthError::new(ErrorCode::InvalidBindingMessage, format!("binding_message: {error}"))),
    }
}

/// The request's `terminal`, else that of the client's entry.
fn terminal(form: &Form, client: &Client) -> Result<Option<String>, OAuthError> {
    let Some(terminal) = form.get("terminal") else { return Ok(client.terminal.clone()) };
    match text::check(terminal, limits::TERMINAL_CHARACTERS) {
        Ok(()) => Ok(Some(terminal.to_owned())),
        Err(error) => Err(OAuthError::new(ErrorCode::InvalidRequest, format!("terminal: {error}"))),
    }
}

fn acr_values(form: &Form) -> Result<Option<String>, OAuthError> {
    let Some(values) = form.get("acr_values") else { return Ok(None) };
    if values.len() > ACR_VALUES_CHARACTERS || !values.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        let description = "acr_values must be printable ASCII, 1000 characters at most";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    }
    Ok(Some(values.to_owned()))
}

fn authorization_details(form: &Form, client: &Client, types: &DetailTypes) -> Result<Option<Details>, OAuthError> {
    let Some(json) = form.get("authorization_details") else { return Ok(None) };
    let checked = types.check(json, &client.authorization_details_types);
    checked.map(Some).map_err(|refused| OAuthError::new(ErrorCode::InvalidAuthorizationDetails, refused.to_string()))
}

/// Refuses what the client is not registered for; policy and devices are checked by the gateway.
fn interaction_type(form: &Form, client: &Client) -> Result<Option<InteractionType>, OAuthError> {
    let Some(name) = form.get("interaction_type") else { return Ok(None) };
    let Some(known) = InteractionType::ALL.into_iter().find(|kind| kind.as_str() == name) else {
        let description = "interaction_type must be boolean, number_choose or input_manual";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    };
    if known != InteractionType::Boolean && !client.interaction_types.contains(&known) {
        let description =
            format!("interaction_type {name} is not among the interaction_types this client is registered for");
        return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    }
    Ok(Some(known))
}

/// Refuses a request whose signed challenge could exceed 14 KiB for some user or device: base64url makes four
/// characters of three bytes, and the details become a JSON string.
fn fits_a_challenge(strings: &[Option<&str>], details: Option<&Details>) -> Result<(), OAuthError> {
    let escaped = |string: &str| serde_json::to_string(string).map_or(usize::MAX, |json| json.len());
    let strings = strings.iter().copied().chain([details.map(Details::as_str)]);
    let bytes = strings.flatten().map(escaped).fold(CHALLENGE_FRAME_BYTES, usize::saturating_add);
    if bytes.saturating_mul(4) / 3 > limits::CHALLENGE_BYTES {
        let description =
            "authorization_details and the request's other strings are too large for a signed challenge (14 KiB)";
        return Err(OAuthError::new(ErrorCode::InvalidAuthorizationDetails, description));
    }
    Ok(())
}

/// `requested_expiry` in seconds: a positive whole number in plain digits (CIBA Core §7.1).
fn requested_expiry(form: &Form) -> Result<Option<u64>, OAuthError> {
    let Some(seconds) = form.get("requested_expiry") else { return Ok(None) };
    let is_plain = seconds.len() <= 18 && seconds.bytes().all(|byte| byte.is_ascii_digit());
    match seconds.parse().ok().filter(|seconds| is_plain && *seconds > 0) {
        Some(seconds) => Ok(Some(seconds)),
        None => {
            let description = "requested_expiry must be a positive whole number of seconds";
            Err(OAuthError::new(ErrorCode::InvalidRequest, description))
        }
    }
}

/// The policy's `user_verification`; required for a payment over its limit or in a currency without one.
fn user_verification(policy: &Policy, details: Option<&Details>) -> UserVerification {
    let Some(details) = details.filter(|_| !policy.user_verification_above.is_empty()) else {
        return policy.user_verification;
    };
    let small = |payment: Option<authorization_details::money::Money>| {
        let limits = &policy.user_verification_above;
        payment.is_some_and(|payment| limits.iter().any(|limit| payment <= *limit))
    };
    match authorization_details::payments(details).all(small) {
        true => policy.user_verification,
        false => UserVerification::Required,
    }
}

/// `requested_expiry`, else the policy's `ttl`; capped by `max_ttl`, and by ten minutes unless the request may wait.
fn lifetime(policy: &Policy, requested: Option<u64>, may_wait: bool) -> Duration {
    let lifetime = requested.map_or(policy.ttl, Duration::from_secs);
    let longest = if may_wait { policy.max_ttl } else { policy.max_ttl.min(SHORT_LIFETIME) };
    lifetime.min(longest)
}
