//! What the challenges of one approval share, and what is a challenge's own: the shared part, with the client's details in it,
//! is kept once, and each challenge's JWS is put together again from both, byte for byte.

use countersign_jose::base64url;
use countersign_protocol::id::{ChallengeId, DeviceId};

/// Places in the frame. JSON has no raw control characters, so none of them can be the text's own.
const DEVICE: char = '\u{1}';
const CHALLENGE: char = '\u{2}';
const DETAILS: char = '\u{3}';
const ISSUED_AT: char = '\u{4}';
const PLACES: [char; 4] = [DEVICE, CHALLENGE, DETAILS, ISSUED_AT];

/// The shared part of an approval's challenges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SharedPart {
    /// The JWS header, base64url.
    pub(crate) header: String,
    /// `iat` of the payload, in seconds.
    pub(crate) iat: u64,
    /// The payload with places for device, challenge, `iat` and details.
    pub(crate) frame: String,
}

/// A challenge's own part beside its ids: the signature.
pub(crate) type OwnPart = Vec<u8>;

/// Splits a signed challenge; `None` where it can't be put together again, which would be a bug.
pub(crate) fn split(
    jws: &str,
    device: &DeviceId,
    challenge: &ChallengeId,
    iat: u64,
    details: Option<&str>,
) -> Option<(SharedPart, OwnPart)> {
    let mut parts = jws.split('.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = String::from_utf8(base64url::decode(payload).ok()?).ok()?;
    // A quote within a JSON string is escaped, so that the first match is the member itself.
    let mut frame = payload
        .replacen(&member("aud", &quoted(device.as_str())), &member("aud", &quoted(&DEVICE.to_string())), 1)
        .replacen(&member("jti", &quoted(challenge.as_str())), &member("jti", &quoted(&CHALLENGE.to_string())), 1)
        .replacen(&member("iat", &format!("{iat},")), &member("iat", &format!("{ISSUED_AT},")), 1);
    if let Some(details) = details {
        let name = "authorization_details_json";
        frame = frame.replacen(&member(name, &json(details)), &member(name, &DETAILS.to_string()), 1);
    }
    let shared = SharedPart { header: header.to_owned(), iat, frame };
    let own = base64url::decode(signature).ok()?;
    (join(&shared, &own, device.as_str(), challenge.as_str(), details) == jws).then_some((shared, own))
}

/// Puts a challenge's JWS together again.
pub(crate) fn join(shared: &SharedPart, own: &[u8], device: &str, challenge: &str, details: Option<&str>) -> String {
    let mut payload = String::with_capacity(shared.frame.len() + details.map_or(0, str::len) * 5 / 4 + 128);
    for piece in shared.frame.split_inclusive(PLACES) {
        let mut text = piece.chars();
        let place = text.next_back();
        match place {
            Some(DEVICE) => payload.extend([text.as_str(), device]),
            Some(CHALLENGE) => payload.extend([text.as_str(), challenge]),
            Some(ISSUED_AT) => payload.extend([text.as_str(), &shared.iat.to_string()]),
            Some(DETAILS) => payload.extend([text.as_str(), &json(details.unwrap_or_default())]),
            _ => payload.push_str(piece),
        }
    }
    format!("{}.{}.{}", shared.header, base64url::encode(payload.as_bytes()), base64url::encode(own))
}

fn member(name: &str, value: &str) -> String {
    format!("\"{name}\":{value}")
}

/// An id needs no escapes.
fn quoted(id: &str) -> String {
    format!("\"{id}\"")
}

fn json(text: &str) -> String {
    serde_json::to_string(text).expect("a string serializes")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use countersign_jose::key::PrivateKey;
    use countersign_protocol::challenge::{Challenge, Client, ContextSource, ContextValue, Party};
    use countersign_protocol::interaction::{Interaction, UserVerification};
    use countersign_protocol::jws::Compact;
    use countersign_protocol::kind::Kind;
    use countersign_testing::CountingRandom;
    use proptest::prelude::*;

    use super::*;

    fn challenge(device: &str, id: &str, texts: &[String; 4]) -> Challenge {
        let [message, details, scope, terminal] = texts.clone();
        let issuer = || "https://id.example".parse().expect("an issuer");
        let context = ContextValue { value: terminal, source: ContextSource::Client };
        Challenge {
            iss: issuer(),
            aud: device.parse().expect("a device's id"),
            sub: "alice".parse().expect("a subject"),
            jti: id.parse().expect("a challenge's id"),
            iat: 1,
            exp: 2,
            approval: format!("ap_{}", "A".repeat(43)).parse().expect("an approval's id"),
            kind: Kind::Other,
            kind_table: 1,
            provider: Party { issuer: issuer(), name: message.clone() },
            client: Client { id: scope.clone(), name: details.clone(), verified: false },
            binding_message: Some(message),
            scope: Some(scope),
            acr_values: None,
            authorization_details_json: Some(details),
            interaction: Interaction::boolean(),
            user_verification: UserVerification::Required,
            held: false,
            context: Some(BTreeMap::from([("terminal".to_owned(), context)])),
            practice: false,
            requested_at: 1,
            must_understand: None,
        }
    }

    /// Texts that look like the members which are cut out, among any others.
    fn text() -> impl Strategy<Value = String> {
        let ids = "\"(aud|jti)\":\"(dv|ch)_[AB]{43}\"|\"iat\":1,";
        prop_oneof![any::<String>(), ids.prop_map(String::from), r#"[\\"{}:,\[\]a-z \n]{0,40}"#.prop_map(String::from)]
    }

    proptest! {
        #[test]
        fn a_challenge_is_put_together_again_byte_for_byte(texts in [text(), text(), text(), text()]) {
            let key = PrivateKey::generate(&CountingRandom::seeded(1)).into_signer();
            let ids = ["A", "B"].map(|letter| (format!("dv_{}", letter.repeat(43)), format!("ch_{}", letter.repeat(43))));
            let mut shared = Vec::new();
            for (device, id) in &ids {
                let claims = challenge(device, id, &texts);
                let signed = Compact::sign(&claims, &key).expect("signed");
                let details = claims.authorization_details_json.as_deref();
                let (part, own) = split(signed.as_str(), &claims.aud, &claims.jti, claims.iat, details).expect("its parts");
                prop_assert_eq!(join(&part, &own, device, id, details), signed.as_str());
                shared.push(part);
            }
            prop_assert_eq!(&shared[0], &shared[1], "all devices share it");
        }
    }
}
