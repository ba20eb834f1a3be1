//! `[[login_hint_issuers]]`: trusted issuers of `login_hint_token`s (CIBA Core §7.1).

use std::path::Path;

use super::client::ClientKeys;
use super::client_authentication;
use super::section::Section;

/// Default of `subject_claim`.
const SUBJECT_CLAIM: &str = "sub";

/// An issuer of `login_hint_token`s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HintIssuer {
    /// `iss` of its tokens, byte for byte.
    pub issuer: String,
    /// Public keys that verify its tokens.
    pub keys: ClientKeys,
    /// Claim that identifies the user as `login_hint` would: by subject, or by one of the user's hints.
    pub subject_claim: String,
    /// Type of its tokens in metadata, if the ecosystem defines one.
    pub token_type: Option<String>,
}

pub(super) fn read(sections: Vec<Section<'_>>, folder: &Path) -> Vec<HintIssuer> {
    let mut issuers: Vec<HintIssuer> = Vec::new();
    for section in sections {
        let issuer = section.required_string("issuer", "https://hints.example.com");
        let keys = client_authentication::keys(&section, folder);
        let subject_claim = section.string("subject_claim");
        if let Some(claim) = subject_claim.as_ref().filter(|claim| claim.value.is_empty()) {
            section.report(&claim.at, "`subject_claim` in [[login_hint_issuers]] is empty; leave it out for \"sub\"");
        }
        let token_type = section.string("type");
        if let Some(found) = token_type.as_ref().filter(|found| found.value.is_empty()) {
            section.report(
                &found.at,
                "`type` in [[login_hint_issuers]] is empty; leave it out, or use the name that clients know",
            );
        }
        if keys.is_none() {
            section.report(section.at(), "a hint issuer needs its public keys: add `jwks`, `jwks_file` or `jwks_uri`");
        }
        if let Some(found) = &issuer
            && issuers.iter().any(|known| known.issuer == found.value)
        {
            let value = found.value;
            section.report(&found.at, format!("issuer \"{value}\" is listed twice; remove one"));
        }
        if let (Some(issuer), Some(Some(keys))) = (issuer, keys) {
            issuers.push(HintIssuer {
                issuer: issuer.value.to_owned(),
                keys,
                subject_claim: subject_claim.map_or(SUBJECT_CLAIM, |claim| claim.value).to_owned(),
                token_type: token_type.map(|found| found.value.to_owned()),
            });
        }
        section.finish();
    }
    issuers
}
