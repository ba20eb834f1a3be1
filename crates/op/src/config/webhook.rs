//! `[webhook]`: the operator's endpoint for security events.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;
use zeroize::Zeroizing;

use super::hashed_secret::{self, max_entropy_bits};
use super::https;
use super::section::Section;

/// Minimum entropy of a secret, in bits.
const MIN_ENTROPY_BITS: f64 = 128.0;

/// The operator's endpoint. Has no `Debug`: it holds a secret.
#[derive(Clone)]
pub struct Webhook {
    /// An https URL.
    pub url: Url,
    key: Zeroizing<Vec<u8>>,
}

impl Webhook {
    /// HMAC key that signs each call.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// `None` only if an error was reported.
    pub(super) fn read(section: Section<'_>, folder: &Path) -> Option<Webhook> {
        let url = section.required_string("url", "https://ops.example.com/countersign");
        let url = url.and_then(|found| https(&section, "url", &found));
        let key = key(&section, folder);
        section.finish();
        Some(Webhook { url: url?, key: key? })
    }
}

fn key(section: &Section<'_>, folder: &Path) -> Option<Zeroizing<Vec<u8>>> {
    let found = section.required_string("secret_file", "webhook.secret")?;
    let path = folder.join(found.value);
    let shown = path.display();
    let report = |message: String| {
        section.report(&found.at, message);
        None
    };
    let text = match hashed_secret::read_file(&path) {
        Ok(text) => text,
        Err(message) => return report(message),
    };
    // Standard Webhooks writes secrets as base64 with this prefix; any other string is the key itself.
    let key = match text.strip_prefix("whsec_") {
        Some(encoded) => {
            STANDARD.decode(encoded).ok().map(Zeroizing::new).filter(|key| key.len() * 8 >= MIN_ENTROPY_BITS as usize)
        }
        None => Some(Zeroizing::new(text.as_bytes().to_vec())).filter(|_| max_entropy_bits(&text) >= MIN_ENTROPY_BITS),
    };
    match key {
        Some(key) => Some(key),
        None => report(format!(
            "the secret in {shown} is too easy to guess: it needs at least 128 random bits, for example from: openssl rand -hex 32"
        )),
    }
}
