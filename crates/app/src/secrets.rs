//! Secrets that a page hands over and never gets back: a PIN, a link.

use countersign_device::pin::Pin;
use countersign_device::ports::user_verifier::Verified;
use countersign_jose::secret::Secret;
use serde::Deserialize;

use crate::failure::Failure;

/// A PIN as it was typed. It can't be printed and is wiped when dropped.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct PinText(Secret);

/// A link as it was pasted. It can't be printed and is wiped when dropped.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct LinkText(Secret);

impl PinText {
    /// A PIN as it was typed, not checked yet.
    pub fn new(text: impl Into<String>) -> PinText {
        PinText(Secret::new(text))
    }

    /// The PIN, typed by a person.
    ///
    /// # Errors
    /// [`Failure`] with the code of [`InvalidPin`](countersign_device::pin::InvalidPin).
    pub(crate) fn entry(&self) -> Result<Verified, Failure> {
        Ok(Verified::Pin(Pin::parse(self.0.expose())?))
    }
}

impl LinkText {
    /// A link as it was pasted or given as an argument, not checked yet.
    pub fn new(text: impl Into<String>) -> LinkText {
        LinkText(Secret::new(text))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}
