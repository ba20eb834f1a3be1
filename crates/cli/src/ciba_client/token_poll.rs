//! Token polling (CIBA Core §10.1, §11): respects `interval` and `slow_down`, and goes on while the provider can't be reached.

use std::time::Duration;

use tokio::time::Instant;

use super::backchannel_request::Acknowledgement;
use super::http_client::{CallError, HttpClient, OauthError};
use crate::failure::Failure;

/// `slow_down` adds five seconds to every later interval (CIBA Core §11).
const SLOWER_BY: Duration = Duration::from_secs(5);
/// Time limit of one poll; a provider may hold it for up to 30 seconds (long polling).
const PATIENCE: Duration = Duration::from_secs(40);
/// How long after the request's expiry polling goes on, so that the provider's own error is seen.
const GRACE: Duration = Duration::from_secs(5);

/// How polling ended.
pub enum PollResult {
    /// The token response, as received.
    Tokens(String),
    /// An OAuth error that ends the request.
    Denied(OauthError),
}

/// What is heard while a request is pending.
pub enum PendingNews<'n> {
    /// The provider can't be reached, for the first time in a row.
    Away(&'n Failure),
    /// Whether a device has the request, when that changes: `waiting`, `delivered`.
    Delivery(&'n str),
}

/// Polls until there are tokens, an error that ends the request, or its expiry. `hear` is called with what is heard meanwhile.
///
/// # Errors
/// The provider could not be reached when the request expired; those of `hear`.
pub async fn poll(
    http: &HttpClient,
    endpoint: &str,
    request: &Acknowledgement,
    mut hear: impl FnMut(PendingNews<'_>) -> Result<(), Failure>,
) -> Result<PollResult, Failure> {
    let ends = Instant::now() + Duration::from_secs(request.expires_in) + GRACE;
    let mut interval = Duration::from_secs(request.interval);
    let (mut missing, mut delivery): (Option<Failure>, Option<String>) = (None, None);
    loop {
        let asked = Instant::now();
        if asked >= ends {
            let late = "the request was not answered in time: make a new authentication request";
            let error_description = Some(late.to_owned());
            let (error, r#ref) = ("expired_token".to_owned(), request.r#ref.clone());
            let expired = OauthError { error, error_description, denial_reason: None, r#ref, delivery: None };
            return missing.map_or(Ok(PollResult::Denied(expired)), Err);
        }
        let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", request.auth_req_id.as_str())];
        match http.post(endpoint, &form, PATIENCE).await {
            Ok(reply) => return Ok(PollResult::Tokens(reply.text)),
            Err(CallError::Oauth(refused)) => {
                missing = None;
                match refused.error.as_str() {
                    "authorization_pending" if refused.delivery == delivery => {}
                    "authorization_pending" => {
                        delivery = refused.delivery;
                        if let Some(delivery) = &delivery {
                            hear(PendingNews::Delivery(delivery))?;
                        }
                    }
                    "slow_down" => interval += SLOWER_BY,
                    _ => return Ok(PollResult::Denied(refused)),
                }
            }
            Err(CallError::Transport(failure)) => {
                if missing.is_none() {
                    hear(PendingNews::Away(&failure))?;
                }
                missing = Some(failure);
            }
        }
        tokio::time::sleep_until(asked + interval.max(Duration::from_millis(200))).await;
    }
}
