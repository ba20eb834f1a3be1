//! Compact serialization of a JWS (RFC 7515 §7.1): splitting one, reading its header, and signing with ES256.
//!
//! Which header members and which `typ` a message must have is the caller's rule.

use serde::Serialize;

use crate::base64url::{self, NotBase64Url};
use crate::json::{self, Json, JsonError, Strictness};
use crate::key::{SignFailed, Signer};

/// The three parts of a compact JWS, still encoded. Nothing is verified.
#[derive(Debug, Clone, Copy)]
pub struct CompactParts<'t> {
    text: &'t str,
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
}

/// Why a string is not a compact JWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompactError {
    /// Longer than the caller accepts.
    #[error("the signed message is too large")]
    TooLarge,
    /// Five parts: a JWE (RFC 7516 §7.1).
    #[error("the message is encrypted (JWE), not signed")]
    Encrypted,
    /// Not three parts.
    #[error("this is not a compact JWS")]
    Parts,
}

impl CompactError {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            CompactError::TooLarge => "jws_too_large",
            CompactError::Encrypted => "jws_encrypted",
            CompactError::Parts => "jws_malformed",
        }
    }
}

/// Why the header of a compact JWS can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// Not base64url.
    #[error("the header of the JWS is not base64url")]
    Encoding(#[from] NotBase64Url),
    /// Not strict JSON.
    #[error("the header of the JWS can't be read: {0}")]
    Json(#[from] JsonError),
}

impl HeaderError {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            HeaderError::Encoding(_) => "jws_malformed",
            HeaderError::Json(_) => "jws_header",
        }
    }
}

impl<'t> CompactParts<'t> {
    /// Splits a compact JWS of at most `max_bytes` bytes.
    ///
    /// # Errors
    /// [`CompactError`]
    pub fn split(text: &'t str, max_bytes: usize) -> Result<Self, CompactError> {
        if text.len() > max_bytes {
            return Err(CompactError::TooLarge);
        }
        let mut parts = text.split('.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(header), Some(payload), Some(signature), None) => Ok(Self { text, header, payload, signature }),
            _ if text.split('.').count() == 5 => Err(CompactError::Encrypted),
            _ => Err(CompactError::Parts),
        }
    }

    /// The header's bytes.
    ///
    /// # Errors
    /// [`NotBase64Url`]
    pub fn header(&self) -> Result<Vec<u8>, NotBase64Url> {
        base64url::decode(self.header)
    }

    /// The header, read strictly.
    ///
    /// # Errors
    /// [`HeaderError`]
    pub fn header_json(&self, strictness: Strictness) -> Result<Json, HeaderError> {
        Ok(json::read(&self.header()?, strictness)?)
    }

    /// The payload's bytes.
    ///
    /// # Errors
    /// [`NotBase64Url`]
    pub fn payload(&self) -> Result<Vec<u8>, NotBase64Url> {
        base64url::decode(self.payload)
    }

    /// The signature's bytes.
    ///
    /// # Errors
    /// [`NotBase64Url`]
    pub fn signature(&self) -> Result<Vec<u8>, NotBase64Url> {
        base64url::decode(self.signature)
    }

    /// The JWS signing input (RFC 7515 §2): header and payload, as they were sent.
    pub fn signing_input(&self) -> &'t str {
        &self.text[..self.header.len() + 1 + self.payload.len()]
    }
}

/// The JWS signing input (RFC 7515 §5.1 step 5) of this header and payload: what a key signs.
///
/// # Errors
/// [`serde_json::Error`] if the header can't be serialised.
pub fn signing_input(header: &impl Serialize, payload: &[u8]) -> Result<String, serde_json::Error> {
    let mut input = base64url::encode(&serde_json::to_vec(header)?);
    input.push('.');
    input.push_str(&base64url::encode(payload));
    Ok(input)
}

/// The compact JWS of a signing input and its signature, whatever form the signature has.
pub fn attach(mut input: String, signature: &[u8]) -> String {
    input.push('.');
    input.push_str(&base64url::encode(signature));
    input
}

/// A compact JWS with this header and payload. The header must say `"alg":"ES256"`.
///
/// # Errors
/// [`SignFailed`] if the key does not sign, or the header can't be serialised.
pub fn sign(header: &impl Serialize, payload: &[u8], signer: &dyn Signer) -> Result<String, SignFailed> {
    let input = signing_input(header, payload).map_err(|_| SignFailed)?;
    let signature = signer.sign(input.as_bytes())?;
    Ok(attach(input, &signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_parts_are_a_jws() {
        let split = |text| CompactParts::split(text, 16).map(|parts| parts.signing_input());
        assert_eq!(split("aGVhZA.cGF5.c2ln"), Ok("aGVhZA.cGF5"));
        assert_eq!(split(".."), Ok("."));
        assert_eq!(split("a.b.c.d.e"), Err(CompactError::Encrypted));
        for text in ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e.f"] {
            assert_eq!(split(text), Err(CompactError::Parts), "{text:?}");
        }
        assert_eq!(split("aaaaaa.bbbbbb.ccc"), Err(CompactError::TooLarge));
    }

    #[test]
    fn a_header_is_strict_json() {
        let header = |text: &str| {
            let text = format!("{}..", base64url::encode(text.as_bytes()));
            let parts = CompactParts::split(&text, 1000).expect("three parts");
            parts.header_json(Strictness::with_depth(2)).map_err(|error| error.code())
        };
        assert!(header(r#"{"alg":"ES256"}"#).is_ok());
        assert_eq!(header(r#"{"alg":"ES256","alg":"none"}"#), Err("jws_header"));
        let not_base64 = CompactParts::split("?.a.b", 1000).expect("three parts");
        assert_eq!(
            not_base64.header_json(Strictness::with_depth(2)).map_err(|error| error.code()),
            Err("jws_malformed")
        );
    }
}
