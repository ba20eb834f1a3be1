//! Refresh tokens (RFC 6749 §6): format, the scope that requests one, and the family that begins with a request's first
//! tokens.

use countersign_jose::clock::Timestamp;
use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_jose::{base64url, random};
use countersign_protocol::limits;

use crate::config::Client;
use crate::grant::confirmation::Confirmation;
use crate::store::{AuthRequest, Family};

/// Prefix of refresh tokens, which contain no dot, unlike access tokens.
const PREFIX: &str = "rf_";

/// The scope that asks for a refresh token (OpenID Connect Core §11).
const OFFLINE_ACCESS: &str = "offline_access";

/// Whether a token has the form of a refresh token.
pub(crate) fn is_refresh_token(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// The granted scope: the requested one, without `offline_access` for a client that is not registered for refresh
/// tokens. The token response reports it (RFC 6749 §5.1).
pub(crate) fn granted(scope: &str, client: &Client) -> String {
    let names = scope.split(' ').filter(|name| *name != OFFLINE_ACCESS || client.may_refresh);
    names.collect::<Vec<_>>().join(" ")
}

/// Whether a granted scope includes a refresh token.
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
) -> Family {
    let existing = &request.approval;
    Family {
        client_id: client.client_id.clone(),
        sub: existing.sub.clone(),
        approval: existing.id.clone(),
        scope: scope.to_owned(),
        details: request.details.clone(),
        resources: request.resources.clone(),
        binding,
        ends_at: now.plus_seconds(client.policy.refresh_ttl.as_secs()),
    }
}

/// Generates a refresh token of 256 random bits.
pub(crate) fn new_token(random: &dyn Random) -> Secret {
    Secret::new(format!("{PREFIX}{}", base64url::encode(&random::bytes::<{ limits::ID_BITS / 8 }>(random))))
}
