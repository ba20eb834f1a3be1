//! What a client asks for at `/bc-authorize` (CIBA Core §7.1), read and checked as far as nobody's devices matter.

pub(crate) mod acr;
pub(crate) mod auth_req_id;
pub(crate) mod fapi_request;
pub(crate) mod hint;
pub(crate) mod notification_token;
pub(crate) mod signed_request;
pub(crate) mod user_code_check;

use std::time::Duration;

use countersign_gateway::{InteractionPolicy, SHORT_LIFETIME};
use countersign_jose::secret::Secret;
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

/// The most that a challenge has beside the client's texts, in bytes: ids, names, interaction, and its signature.
const CHALLENGE_FRAME_BYTES: usize = 2600;

/// Longest `acr_values`, in characters.
const ACR_VALUES_CHARACTERS: usize = 1000;

/// An authentication request whose every parameter is sound. Has no `Debug`: it may hold a user code.
pub(crate) struct AuthenticationRequest {
    pub(crate) hint: Hint,
    pub(crate) user_code: Option<Secret>,
    /// As sent: names separated by single blanks, `openid` among them.
    pub(crate) scope: String,
    pub(crate) acr_values: Option<String>,
    pub(crate) binding_message: Option<String>,
    pub(crate) details: Option<Details>,
    /// Which resource servers the tokens are for.
    pub(crate) resources: Resources,
    /// What client and policy say about the interaction.
    pub(crate) interaction_policy: InteractionPolicy,
    /// What the request gets unless the person's devices can do less, or the client is being muted; a client that must not
    /// learn about the person is told this whatever happens.
    pub(crate) interaction: InteractionType,
    /// How long the request lives.
    pub(crate) life: Duration,
    /// Whether the person must be verified.
    pub(crate) user_verification: UserVerification,
}

impl AuthenticationRequest {
    /// Reads a request of this client.
    ///
    /// # Errors
    /// The codes of CIBA Core §13 and RFC 9396 §5, the first thing that is wrong.
    pub(crate) fn read(
        form: &Form,
        client: &Client,
        issuer: &Issuer,
        types: &DetailTypes,
    ) -> Result<AuthenticationRequest, OAuthError> {
        if form.get("request_uri").is_some() {
            let what =
                "request_uri is not for authentication requests (CIBA Core 7.1.1): send the JWT itself as request";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, what));
        }
        let scope = scope(form, client)?;
        let hint = Hint::read(form, issuer)?;
        auth0::check_request(form, client)?;
        let binding_message = binding_message(form)?;
        let acr_values = acr_values(form)?;
        let details = authorization_details(form, client, types)?;
        let resources = Resources::asked(form, client)?;
        let asked_interaction = interaction_type(form, client)?;
        let requested = requested_expiry(form)?;
        let types = details.iter().flat_map(Details::types);
        let kind = Kind::of(types, Some(&scope));
        let wish = RequestedAcr::of(acr_values.as_deref());
        let user_verification = match wish.verified {
            true => UserVerification::Required,
            false => user_verification(&client.policy, details.as_ref()),
        };
        let mut interaction_policy = InteractionPolicy {
            requested: asked_interaction,
            client_supported: client.interaction_types.clone(),
            minimum: client.policy.interaction_minimum,
            disclosed: None,
            number_preferred: wish.number,
        };
        // What fails already here fails for every person, so that the answer tells nothing about one.
        let interaction = interaction_policy
            .without_devices(kind)
            .map_err(|error| OAuthError::new(ErrorCode::InvalidRequest, error.to_string()))?;
        interaction_policy.disclosed = client.hides_unknown_users().then_some(interaction);
        fits_a_challenge(&scope, acr_values.as_deref(), binding_message.as_deref(), details.as_ref())?;
        let may_wait = matches!(kind, Kind::Consent | Kind::Other)
            && interaction == InteractionType::Boolean
            && user_verification == UserVerification::Required;
        let life = life(&client.policy, requested, may_wait);
        Ok(AuthenticationRequest {
            hint,
            user_code: form.get("user_code").map(Secret::new),
            scope,
            acr_values,
            binding_message,
            details,
            resources,
            interaction_policy,
            interaction,
            life,
            user_verification,
        })
    }
}

fn scope(form: &Form, client: &Client) -> Result<String, OAuthError> {
    let refused = |what: &str| Err(OAuthError::new(ErrorCode::InvalidScope, what));
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

fn binding_message(form: &Form) -> Result<Option<String>, OAuthError> {
    let Some(message) = form.get("binding_message") else { return Ok(None) };
    match text::check(message, limits::BINDING_MESSAGE_CHARACTERS) {
        Ok(()) => Ok(Some(message.to_owned())),
        Err(error) => Err(OAuthError::new(ErrorCode::InvalidBindingMessage, format!("binding_message: {error}"))),
    }
}

fn acr_values(form: &Form) -> Result<Option<String>, OAuthError> {
    let Some(values) = form.get("acr_values") else { return Ok(None) };
    if values.len() > ACR_VALUES_CHARACTERS || !values.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        let what = "acr_values must be printable ASCII, 1000 characters at most";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, what));
    }
    Ok(Some(values.to_owned()))
}

fn authorization_details(form: &Form, client: &Client, types: &DetailTypes) -> Result<Option<Details>, OAuthError> {
    let Some(text) = form.get("authorization_details") else { return Ok(None) };
    let checked = types.check(text, &client.authorization_details_types);
    checked.map(Some).map_err(|refused| OAuthError::new(ErrorCode::InvalidAuthorizationDetails, refused.to_string()))
}

/// What the client can't take part in is refused here; what policy or the person's devices forbid, by the gateway.
fn interaction_type(form: &Form, client: &Client) -> Result<Option<InteractionType>, OAuthError> {
    let Some(name) = form.get("interaction_type") else { return Ok(None) };
    let Some(known) = InteractionType::ALL.into_iter().find(|kind| kind.as_str() == name) else {
        let what = "interaction_type must be boolean, number_choose or input_manual";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, what));
    };
    if known != InteractionType::Boolean && !client.interaction_types.contains(&known) {
        let what = format!("interaction_type {name} is not among the interaction_types this client is registered for");
        return Err(OAuthError::new(ErrorCode::InvalidRequest, what));
    }
    Ok(Some(known))
}

/// Whether the signed challenge will stay below its 14 KiB, whatever the person's names and devices: base64url makes four
/// characters of three bytes, and the details become a JSON string.
fn fits_a_challenge(
    scope: &str,
    acr_values: Option<&str>,
    binding_message: Option<&str>,
    details: Option<&Details>,
) -> Result<(), OAuthError> {
    let escaped = |text: &str| serde_json::to_string(text).map_or(usize::MAX, |json| json.len());
    let texts = [Some(scope), acr_values, binding_message, details.map(Details::as_str)];
    let bytes = texts.into_iter().flatten().map(escaped).fold(CHALLENGE_FRAME_BYTES, usize::saturating_add);
    if bytes.saturating_mul(4) / 3 > limits::CHALLENGE_BYTES {
        let what =
            "authorization_details and the request's other strings are too large for a signed challenge (14 KiB)";
        return Err(OAuthError::new(ErrorCode::InvalidAuthorizationDetails, what));
    }
    Ok(())
}

/// `requested_expiry` in seconds: a positive whole number in plain digits (CIBA Core §7.1).
fn requested_expiry(form: &Form) -> Result<Option<u64>, OAuthError> {
    let Some(text) = form.get("requested_expiry") else { return Ok(None) };
    let plain = text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse().ok().filter(|seconds| plain && *seconds > 0) {
        Some(seconds) => Ok(Some(seconds)),
        None => {
            let what = "requested_expiry must be a positive whole number of seconds";
            Err(OAuthError::new(ErrorCode::InvalidRequest, what))
        }
    }
}

/// A payment above any of the policy's amounts, or in a currency it does not name, is always verified.
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

/// What the client asks for, else the policy's `ttl`; at most `max_ttl`, and at most ten minutes unless the request may wait.
fn life(policy: &Policy, requested: Option<u64>, may_wait: bool) -> Duration {
    let wanted = requested.map_or(policy.ttl, Duration::from_secs);
    let longest = if may_wait { policy.max_ttl } else { policy.max_ttl.min(SHORT_LIFETIME) };
    wanted.min(longest)
}
