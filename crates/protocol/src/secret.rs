//! Text that must not be printed.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::encoding;
use crate::random::{self, Random};

/// A secret text: no `Debug`, no `Display`, compared in constant time, wiped when dropped. Serialising it is the one way out
/// besides [`Secret::expose`], for it has to cross the wire once.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// A new secret of 256 random bits, base64url.
    pub fn random(random: &dyn Random) -> Self {
        Self::new(encoding::encode(&random::bytes::<32>(random)))
    }

    /// The text. Whoever calls this sees to it that it is neither logged nor stored in plain.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}
