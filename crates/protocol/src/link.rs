//! The enrollment link: `https://host/push/enroll#<registration token>`, or `countersign://enroll?link=…` around it.

use std::str::FromStr;

use url::Url;

use crate::issuer::{self, Issuer, IssuerError};
use crate::jws::{Compact, JwsError};
use crate::registration::RegistrationToken;

/// A link that is well-formed and belongs to the issuer its token names. The token is not verified yet: nothing of it may be
/// shown before [`RegistrationToken::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollmentLink {
    issuer: Issuer,
    token: Compact<RegistrationToken>,
}

/// Why a link was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Not a link of this kind.
    #[error("this is not an enrollment link, which is an https address with a # and a long text after it")]
    NotALink,
    /// Its address is not one that a device may call.
    #[error("the link's address can't be used: {0}")]
    Address(#[from] IssuerError),
    /// The part after the `#` is not a registration token.
    #[error("the link is damaged: {0}")]
    Token(#[from] JwsError),
    /// The token ends before its signature does.
    #[error("the link is cut off at its end: copy all of it, or scan the QR code")]
    CutOff,
    /// The token is by another issuer than the address belongs to.
    #[error("the link's address does not belong to the provider that made it")]
    OtherIssuer,
}

impl EnrollmentLink {
    /// A link to the issuer's enrollment page, with the token as its fragment.
    pub fn new(issuer: Issuer, token: Compact<RegistrationToken>) -> Self {
        Self { issuer, token }
    }

    /// The issuer, which both the address and the unverified token name.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The token, unverified.
    pub fn token(&self) -> &Compact<RegistrationToken> {
        &self.token
    }

    /// The link as it is shown, sent or put into a QR code. It is a secret until it was used.
    pub fn expose(&self) -> String {
        format!("{}#{}", self.issuer.endpoint("/push/enroll"), self.token.as_str())
    }
}

impl FromStr for EnrollmentLink {
    type Err = LinkError;

    /// Reads a link, also one that was wrapped or decorated on its way: mail programs break lines and put links into `<…>`, editors
    /// begin files with a byte order mark, chats percent-encode the `#`.
    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = unwrapped(text);
        match inner_link(&text) {
            Some(inner) => Self::from_plain(&unwrapped(&inner)),
            None => Self::from_plain(&text),
        }
    }
}

/// Base64url characters of an ES256 signature.
const SIGNATURE_CHARACTERS: usize = 86;

/// A link without what it was wrapped in. No character that a link may have is changed.
fn unwrapped(text: &str) -> String {
    // The only `=` that a link has before a line's end is not a mail program's.
    let text = text.replace("?link=\r\n", "?link=").replace("?link=\n", "?link=");
    // Soft line breaks of quoted-printable mail (RFC 2045 §6.7).
    let text = text.replace("=\r\n", "").replace("=\n", "");
    let is_invisible =
        |character: char| matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let text: String =
        text.chars().filter(|character| !character.is_whitespace() && !is_invisible(*character)).collect();
    // RFC 3986, appendix C: `<…>` and `<URL:…>`; quotation marks, and what ends a sentence.
    let text = text.trim_start_matches(['<', '"', '\'', '(', '“', '„', '«']);
    let text = text.strip_prefix("URL:").unwrap_or(text);
    let text = text.trim_end_matches(['>', '"', '\'', ')', '“', '”', '»', '.', ',', ';']);
    if text.contains('#') || text.starts_with("countersign:") {
        return text.to_owned();
    }
    text.replacen("%23", "#", 1)
}

impl EnrollmentLink {
    fn from_plain(text: &str) -> Result<Self, LinkError> {
        let (_, token) = text.split_once('#').ok_or(LinkError::NotALink)?;
        let address = issuer::parse_url(text)?;
        let token = Compact::from_text(token);
        let parts: Vec<&str> = token.as_str().split('.').collect();
        if matches!(parts.as_slice(), [_, _, signature] if signature.len() < SIGNATURE_CHARACTERS) {
            return Err(LinkError::CutOff);
        }
        let claimed: RegistrationToken = token.peek()?;
        claimed.iss.own_endpoint(&text[..text.len() - token.as_str().len() - 1]).map_err(|_| LinkError::OtherIssuer)?;
        let path = claimed.iss.path();
        let below = address.path().strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'));
        if !below {
            return Err(LinkError::OtherIssuer);
        }
        Ok(Self { issuer: claimed.iss, token })
    }
}

/// The link inside `countersign://enroll?link=…`, if this is one.
fn inner_link(text: &str) -> Option<String> {
    if !text.starts_with("countersign:") {
        return None;
    }
    let url = Url::parse(text).ok()?;
    if url.host_str() != Some("enroll") || !matches!(url.path(), "" | "/") {
        return None;
    }
    url.query_pairs().find(|(name, _)| name == "link").map(|(_, link)| link.into_owned())
}
