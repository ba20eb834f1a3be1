//! Client data (WebAuthn §5.8.1): what the browser says of the page that used the passkey.

use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_jose::json::{self, Json};

use super::WebAuthnError;
use crate::json::STRICTNESS;
use crate::limits;

/// What a passkey was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ceremony {
    /// It was made: `webauthn.create`.
    Create,
    /// It signed: `webauthn.get`.
    Get,
}

impl Ceremony {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// Client data that was read. Members that this version does not know are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientData {
    ceremony: String,
    challenge: Vec<u8>,
    origin: String,
    cross_origin: bool,
    has_top_origin: bool,
}

impl ClientData {
    /// Reads client data by the strict JSON reader.
    ///
    /// # Errors
    /// [`WebAuthnError`] for more than [`limits::CLIENT_DATA_BYTES`], JSON that is not strict, or a member of another type.
    pub fn parse(bytes: &[u8]) -> Result<Self, WebAuthnError> {
        if bytes.len() > limits::CLIENT_DATA_BYTES {
            return Err(WebAuthnError::TooLarge);
        }
        let tree = json::read(bytes, STRICTNESS).map_err(WebAuthnError::ClientData)?;
        let text = |name| tree.get(name).and_then(Json::as_str).ok_or(WebAuthnError::ClientDataShape);
        let cross_origin = match tree.get("crossOrigin") {
            None => false,
            Some(Json::Bool(crosses)) => *crosses,
            Some(_) => return Err(WebAuthnError::ClientDataShape),
        };
        Ok(Self {
            ceremony: text("type")?.to_owned(),
            challenge: base64url::decode(text("challenge")?).map_err(|_| WebAuthnError::ClientDataShape)?,
            origin: text("origin")?.to_owned(),
            cross_origin,
            has_top_origin: tree.get("topOrigin").is_some(),
        })
    }

    /// Checks that it is of this ceremony, challenge and page, and of no frame within another page.
    ///
    /// # Errors
    /// [`WebAuthnError`] with the first that is not.
    pub fn check(&self, ceremony: Ceremony, challenge: &Hash, origin: &str) -> Result<(), WebAuthnError> {
        if self.ceremony != ceremony.as_str() {
            return Err(WebAuthnError::Ceremony);
        }
        if self.challenge != challenge.as_bytes() {
            return Err(WebAuthnError::Challenge);
        }
        if self.origin != origin {
            return Err(WebAuthnError::Origin);
        }
        if self.cross_origin || self.has_top_origin {
            return Err(WebAuthnError::CrossOrigin);
        }
        Ok(())
    }

    /// The page's origin, as the browser says.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}
