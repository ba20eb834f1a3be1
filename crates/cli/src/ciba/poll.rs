//! Polls for tokens until there is an end (CIBA Core §10.1): never faster than told, patient while the provider is away.

use std::time::Duration;

use tokio::time::Instant;

use super::ask::Acknowledged;
use super::http::{Http, NoReply, Refused};
use crate::failure::Failure;

/// CIBA Core §11: `slow_down` adds five seconds for good.
const SLOWER_BY: Duration = Duration::from_secs(5);
/// A provider may hold a poll for up to 30 seconds.
const PATIENCE: Duration = Duration::from_secs(40);
/// How much later than the request's end a client stops waiting to be told so.
const GRACE: Duration = Duration::from_secs(5);

/// How it ended.
pub enum Polled {
    /// The token response, as received.
    Tokens(String),
    /// No tokens.
    Refused(Refused),
}

/// Polls until tokens, an error that ends it, or the request's end. A provider that can't be reached is asked again until then.
///
/// # Errors
/// The provider was away when the request ended.
pub async fn poll(
    http: &Http,
    endpoint: &str,
    request: &Acknowledged,
    mut away: impl FnMut(&Failure),
) -> Result<Polled, Failure> {
    let ends = Instant::now() + Duration::from_secs(request.expires_in) + GRACE;
    let mut interval = Duration::from_secs(request.interval);
    let mut missing: Option<Failure> = None;
    loop {
        let asked = Instant::now();
        if asked >= ends {
            let late = "nobody answered in time: make a new authentication request";
            let error_description = Some(late.to_owned());
            let expired = Refused { error: "expired_token".to_owned(), error_description, denial_reason: None };
            return missing.map_or(Ok(Polled::Refused(expired)), Err);
        }
        let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", request.auth_req_id.as_str())];
        match http.post(endpoint, &form, PATIENCE).await {
            Ok(reply) => return Ok(Polled::Tokens(reply.text)),
            Err(NoReply::Refused(refused)) => {
                missing = None;
                match refused.error.as_str() {
                    "authorization_pending" => {}
                    "slow_down" => interval += SLOWER_BY,
                    _ => return Ok(Polled::Refused(refused)),
                }
            }
            Err(NoReply::Lost(failure)) => {
                if missing.is_none() {
                    away(&failure);
                }
                missing = Some(failure);
            }
        }
        tokio::time::sleep_until(asked + interval.max(Duration::from_millis(200))).await;
    }
}
