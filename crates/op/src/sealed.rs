//! Responses that are kept to be repeated, sealed under a secret that their client has and the store has not: an
//! `auth_req_id` or an `Idempotency-Key`. A copy of the store reveals nothing of them.

use countersign_jose::hash::Hash;
use countersign_jose::random::{self, Random};
use countersign_jose::secret::Secret;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// What a kept response is. Each has keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A token response.
    Tokens,
    /// The acknowledgement of an authentication request.
    Acknowledgement,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Purpose::Tokens => b"countersign kept token response",
            Purpose::Acknowledgement => b"countersign kept acknowledgement",
        }
    }
}

/// Seals a response. It can be opened with the same secret and context alone.
pub(crate) fn seal(purpose: Purpose, secret: &str, context: &[u8], response: &str, random: &dyn Random) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = random::bytes(random);
    let mut sealed = response.as_bytes().to_vec();
    key(purpose, secret)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut sealed)
        .expect("a response is far shorter than the cipher's limit");
    [nonce.as_slice(), &sealed].concat()
}

/// Opens a response; `None` for another secret, another context or damaged bytes.
pub(crate) fn open(purpose: Purpose, secret: &str, context: &[u8], sealed: &[u8]) -> Option<Secret> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut opened = zeroize::Zeroizing::new(sealed.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let response = key(purpose, secret).open_in_place(nonce, Aad::from(context), &mut opened).ok()?;
    Some(Secret::new(std::str::from_utf8(response).ok()?))
}

fn key(purpose: Purpose, secret: &str) -> LessSafeKey {
    let key = Hash::of_parts(&[purpose.label(), &[0], secret.as_bytes()]);
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.as_bytes()).expect("32 bytes are a key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn a_response_is_opened_with_its_secret_and_context_alone() {
        let sealed = seal(Purpose::Tokens, "ar_1", b"jkt x", "{\"access_token\":\"a\"}", &Fixed);
        let opened = |purpose, secret, context: &[u8], sealed: &[u8]| {
            open(purpose, secret, context, sealed).map(|response| response.expose().to_owned())
        };
        assert_eq!(opened(Purpose::Tokens, "ar_1", b"jkt x", &sealed).as_deref(), Some("{\"access_token\":\"a\"}"));
        assert_eq!(opened(Purpose::Tokens, "ar_2", b"jkt x", &sealed), None);
        assert_eq!(opened(Purpose::Tokens, "ar_1", b"jkt y", &sealed), None);
        assert_eq!(opened(Purpose::Acknowledgement, "ar_1", b"jkt x", &sealed), None);
        assert_eq!(opened(Purpose::Tokens, "ar_1", b"jkt x", &sealed[..10]), None);
        assert!(!sealed.windows(6).any(|bytes| bytes == b"access"));
    }
}
