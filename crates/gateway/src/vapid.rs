//! Voluntary application server identification (RFC 8292): one JWT for each push service and key, signed anew from half its life.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use countersign_jose::base64url;
use countersign_jose::clock::Timestamp;
use countersign_jose::key::{SignFailed, Signer, Thumbprint};
use serde_json::json;
use url::Url;

/// Lifetime of a JWT, in seconds. RFC 8292 §2 allows 24 hours; a push service's clock may be behind ours.
const LIFE_SECONDS: u64 = 11 * 3600;
/// JWTs kept. Devices choose the services: more are signed again instead of filling the memory.
const MOST: usize = 1024;

/// The JWTs in use.
#[derive(Default)]
pub(crate) struct VapidTokens(Mutex<HashMap<(String, Thumbprint), Kept>>);

struct Kept {
    header: String,
    renew_at: Timestamp,
}

impl VapidTokens {
    /// The value of `Authorization` for this endpoint.
    pub(crate) fn authorization(
        &self,
        endpoint: &Url,
        key: &dyn Signer,
        contact: Option<&str>,
        now: Timestamp,
    ) -> Result<String, SignFailed> {
        let audience = endpoint.origin().ascii_serialization();
        let slot = (audience, *key.public_key().thumbprint());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.get(&slot).filter(|found| now < found.renew_at) {
            return Ok(found.header.clone());
        }
        let header = signed(&slot.0, key, contact, now)?;
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(slot, Kept { header: header.clone(), renew_at: now.plus_seconds(LIFE_SECONDS / 2) });
        Ok(header)
    }
}

fn signed(audience: &str, key: &dyn Signer, contact: Option<&str>, now: Timestamp) -> Result<String, SignFailed> {
    let mut claims = json!({ "aud": audience, "exp": now.seconds() + LIFE_SECONDS });
    if let Some(contact) = contact {
        claims["sub"] = contact.into();
    }
    let header = base64url::encode(br#"{"typ":"JWT","alg":"ES256"}"#);
    let input = format!("{header}.{}", base64url::encode(claims.to_string().as_bytes()));
    let signature = base64url::encode(&key.sign(input.as_bytes())?);
    let public = base64url::encode(key.public_key().sec1());
    Ok(format!("vapid t={input}.{signature}, k={public}"))
}

#[cfg(test)]
mod tests {
    use countersign_jose::key::PrivateKey;
    use countersign_testing::CountingRandom;

    use super::*;

    #[test]
    fn a_token_is_for_one_service_and_signed_again_at_half_its_life() {
        let key = PrivateKey::generate(&CountingRandom::seeded(4)).into_signer();
        let tokens = VapidTokens::default();
        let at = |seconds: u64, url: &str| {
            let url = Url::parse(url).expect("a URL");
            tokens
                .authorization(&url, &key, Some("mailto:ops@example.com"), Timestamp::from_seconds(seconds))
                .expect("signed")
        };
        let first = at(1000, "https://push.example.net/push/one");
        assert_eq!(first, at(1000 + LIFE_SECONDS / 2 - 1, "https://push.example.net/push/two"));
        assert_ne!(first, at(1000 + LIFE_SECONDS / 2, "https://push.example.net/push/two"));
        assert_ne!(first, at(1000, "https://push.example.org/push/one"));

        let (jwt, public) =
            first.strip_prefix("vapid t=").and_then(|rest| rest.split_once(", k=")).expect("both parts");
        assert_eq!(base64url::decode(public).expect("base64url"), key.public_key().sec1());
        let (input, signature) = jwt.rsplit_once('.').expect("a JWS");
        let signature = base64url::decode_array(signature).expect("64 bytes");
        key.public_key().verify(input.as_bytes(), &signature).expect("signed by the key");
        let claims: serde_json::Value =
            serde_json::from_slice(&base64url::decode(input.split_once('.').expect("two parts").1).expect("base64url"))
                .expect("JSON");
        assert_eq!(
            claims,
            json!({ "aud": "https://push.example.net", "exp": 1000 + LIFE_SECONDS, "sub": "mailto:ops@example.com" })
        );
        const { assert!(LIFE_SECONDS <= 12 * 3600) }
    }

    #[test]
    fn services_that_devices_make_up_fill_no_memory() {
        let key = PrivateKey::generate(&CountingRandom::seeded(5)).into_signer();
        let tokens = VapidTokens::default();
        for n in 0..MOST + 5 {
            let url = Url::parse(&format!("https://h{n}.example.net/x")).expect("a URL");
            tokens.authorization(&url, &key, None, Timestamp::from_seconds(9)).expect("signed");
        }
        assert!(tokens.0.lock().expect("unpoisoned").len() <= MOST);
    }
}
