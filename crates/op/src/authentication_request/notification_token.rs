//! `client_notification_token` (CIBA Core §7.1): the bearer token that this provider's notifications carry.

use countersign_jose::secret::Secret;

use crate::config::{Client, DeliveryMode, max_entropy_bits};
use crate::http::{ErrorCode, Form, OAuthError};

/// Longest token, in characters (CIBA Core §7.1).
const CHARACTERS: usize = 1024;

/// Least entropy, in bits, estimated from the token's alphabet and length (CIBA Core §7.1).
const BITS: f64 = 128.0;

/// Reads the token; `None` for a client in poll mode, which needs none.
///
/// # Errors
/// `invalid_request` if it is missing in ping or push mode, too long, not a bearer token (RFC 6750 §2.1), or easy to
/// guess.
pub(crate) fn read(form: &Form, client: &Client) -> Result<Option<Secret>, OAuthError> {
    let mode = match &client.delivery {
        DeliveryMode::Poll => return Ok(None),
        delivery => delivery.as_str(),
    };
    let refused = |description: String| Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    let Some(token) = form.get("client_notification_token") else {
        return refused(format!(
            "client_notification_token is missing: this client is registered for {mode}, and its notifications carry the token"
        ));
    };
    if token.len() > CHARACTERS {
        return refused(format!("client_notification_token is longer than {CHARACTERS} characters"));
    }
    if !is_b64token(token) {
        return refused(
            "client_notification_token is not a bearer token (RFC 6750): letters, digits and -._~+/ only, then = if any"
                .to_owned(),
        );
    }
    if max_entropy_bits(token) < BITS {
        return refused(
            "client_notification_token is too easy to guess: make each of at least 128 random bits, 160 are better"
                .to_owned(),
        );
    }
    Ok(Some(Secret::new(token)))
}

/// `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 6750 §2.1).
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b64tokens_are_those_of_rfc_6750() {
        for good in ["a", "mF_9.B5f-4.1JqM", "a~b+c/d", "YWJj=", "YQ=="] {
            assert!(is_b64token(good), "{good}");
        }
        for bad in ["", "=", "a=b", "a b", "a\n", "a,b", "ä", "a\"", "a;"] {
            assert!(!is_b64token(bad), "{bad}");
        }
    }
}
