//! Refresh tokens: which scope brings one, and the family that begins with a request's first tokens (RFC 6749 §6).

use countersign_jose::clock::Timestamp;
use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_jose::{base64url, random};
use countersign_protocol::limits;

use crate::config::Client;
use crate::grant::confirmation::Confirmation;
use crate::store::{AuthRequest, Family};

/// What every refresh token begins with; none has a dot, as access tokens have.
const PREFIX: &str = "rf_";

/// The scope that asks for a refresh token (OpenID Connect Core §11).
const OFFLINE_ACCESS: &str = "offline_access";

/// Whether this may be a refresh token.
pub(crate) fn is_refresh_token(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// What is granted of what was asked for: all, but `offline_access` only to a client that is registered for refresh tokens
/// (RFC 6749 §5.1 tells it so).
pub(crate) fn granted(scope: &str, client: &Client) -> String {
    let names = scope.split(' ').filter(|name| *name != OFFLINE_ACCESS || client.may_refresh);
    names.collect::<Vec<_>>().join(" ")
}

/// Whether a refresh token belongs to what is granted.
pub(crate) fn is_offline(scope: &str) -> bool {
    scope.split(' ').any(|name| name == OFFLINE_ACCESS)
}

/// The family that begins with a request's first tokens.
pub(crate) fn family(
    request: &AuthRequest,
    scope: &str,
    client: &Client,
    binding: Option<Confirmation>,
    now: Timestamp,
) -> Option<Family> {
    let existing = request.approval.as_ref()?;
    Some(Family {
        client_id: client.client_id.clone(),
        sub: existing.sub.clone(),
        approval: existing.id.clone(),
        scope: scope.to_owned(),
        details: request.details.clone(),
        resources: request.resources.clone(),
        binding,
        ends_at: now.plus_seconds(client.policy.refresh_ttl.as_secs()),
    })
}

/// A new refresh token of 256 random bits.
pub(crate) fn new_token(random: &dyn Random) -> Secret {
    Secret::new(format!("{PREFIX}{}", base64url::encode(&random::bytes::<{ limits::ID_BITS / 8 }>(random))))
}
