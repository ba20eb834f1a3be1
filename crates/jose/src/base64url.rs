//! base64url without padding (RFC 7515 §2), in its one canonical form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text was not canonical base64url without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not base64url without padding")]
pub struct NotBase64Url;

impl NotBase64Url {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        "not_base64url"
    }
}

/// Bytes as base64url.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// base64url as bytes.
///
/// # Errors
/// Padding, other alphabets, white space and non-zero trailing bits are refused: each byte string has exactly one encoding.
pub fn decode(text: &str) -> Result<Vec<u8>, NotBase64Url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotBase64Url)
}

/// base64url as exactly `N` bytes.
///
/// # Errors
/// As [`decode`], and for any other length.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], NotBase64Url> {
    decode(text)?.try_into().map_err(|_| NotBase64Url)
}
