//! Polls for tokens until there is an end (CIBA Core §10.1): never faster than told, patient while the provider is away.

use std::time::Duration;

use tokio::time::Instant;

use super::backchannel_request::Acknowledgement;
use super::http_client::{CallError, HttpClient, OauthError};
use crate::failure::Failure;

/// CIBA Core §11: `slow_down` adds five seconds for good.
const SLOWER_BY: Duration = Duration::from_secs(5);
/// A provider may hold a poll for up to 30 seconds.
const PATIENCE: Duration = Duration::from_secs(40);
/// How much later than the request's end a client stops waiting to be told so.
const GRACE: Duration = Duration::from_secs(5);

/// How it ended.
pub enum PollResult {
    /// The token response, as received.
    Tokens(String),
    /// No tokens.
    Denied(OauthError),
}

/// Polls until tokens, an error that ends it, or the request's end. A provider that can't be reached is asked again until then.
///
/// # Errors
/// The provider was away when the request ended.
pub async fn poll(
    http: &HttpClient,
    endpoint: &str,
    request: &Acknowledgement,
    mut away: impl FnMut(&Failure),
) -> Result<PollResult, Failure> {
    let ends = Instant::now() + Duration::from_secs(request.expires_in) + GRACE;
    let mut interval = Duration::from_secs(request.interval);
    let mut missing: Option<Failure> = None;
    loop {
        let asked = Instant::now();
        if asked >= ends {
            let late = "nobody answered in time: make a new authentication request";
            let error_description = Some(late.to_owned());
            let expired = OauthError { error: "expired_token".to_owned(), error_description, denial_reason: None };
            return missing.map_or(Ok(PollResult::Denied(expired)), Err);
        }
        let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", request.auth_req_id.as_str())];
        match http.post(endpoint, &form, PATIENCE).await {
            Ok(reply) => return Ok(PollResult::Tokens(reply.text)),
            Err(CallError::Oauth(refused)) => {
                missing = None;
                match refused.error.as_str() {
                    "authorization_pending" => {}
                    "slow_down" => interval += SLOWER_BY,
                    _ => return Ok(PollResult::Denied(refused)),
                }
            }
            Err(CallError::Transport(failure)) => {
                if missing.is_none() {
                    away(&failure);
                }
                missing = Some(failure);
            }
        }
        tokio::time::sleep_until(asked + interval.max(Duration::from_millis(200))).await;
    }
}
