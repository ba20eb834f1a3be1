//! Identifiers on the wire, one type per kind, so that a device's id is never mistaken for a challenge's.

use std::fmt;
use std::str::FromStr;

use countersign_jose::base64url;
use countersign_jose::clock::Timestamp;
use countersign_jose::random::{self, Random};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits;

/// The string is not an id of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not {0}")]
pub struct NotAnId(&'static str);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Prefix of every id of this kind. base64url alone may begin with `-`.
            pub const PREFIX: &'static str = $prefix;

            /// A new id of 256 random bits.
            pub fn random(random: &dyn Random) -> Self {
                Self(format!("{}{}", $prefix, base64url::encode(&random::bytes::<{ limits::ID_BITS / 8 }>(random))))
            }

            /// The id as a string.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let rest = text.strip_prefix($prefix).ok_or(NotAnId($what))?;
                let plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
                if rest.is_empty() || rest.len() > 86 || !plain {
                    return Err(NotAnId($what));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A device at a gateway; `aud` of everything sent to it and `iss` of everything it signs.
    DeviceId, "dv_", "a device id (dv_…)"
);
id!(
    /// A challenge: one approval's copy for one device. Its `jti`. Never equal to, nor derived from, an `auth_req_id`.
    ChallengeId, "ch_", "a challenge id (ch_…)"
);
id!(
    /// An approval: the gateway's record of one authentication request.
    ApprovalId, "ap_", "an approval id (ap_…)"
);
id!(
    /// A registration token, and with it the link that carries it. Its `jti`.
    RegistrationTokenId, "rt_", "a registration token id (rt_…)"
);
id!(
    /// Any other signed message: answer, outcome, refusal, dispute, statement, notice, revocation, proof. Its `jti`.
    MessageId, "ms_", "a message id (ms_…)"
);

impl ApprovalId {
    /// A new id: the time, then 256 random bits. Ids of about the same time are neighbours in an index.
    pub fn new(now: Timestamp, random: &dyn Random) -> Self {
        Self(time_ordered(Self::PREFIX, now, random))
    }

    /// When it was made; the beginning of time for an id that was not made by [`ApprovalId::new`].
    pub fn made_at(&self) -> Timestamp {
        let digits = self.0.get(Self::PREFIX.len()..).and_then(|rest| rest.get(..TIME_DIGITS));
        let millis = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        Timestamp::from_millis(millis.unwrap_or(0))
    }
}

impl ChallengeId {
    /// A new id, as [`ApprovalId::new`].
    pub fn new(now: Timestamp, random: &dyn Random) -> Self {
        Self(time_ordered(Self::PREFIX, now, random))
    }
}

/// Number of hexadecimal digits of the time, in milliseconds since the epoch, between the prefix and the random part.
pub const TIME_DIGITS: usize = 12;

/// An id of a prefix, the time and 256 random bits; later ones sort after earlier ones.
pub fn time_ordered(prefix: &str, now: Timestamp, random: &dyn Random) -> String {
    let drawn = base64url::encode(&random::bytes::<{ limits::ID_BITS / 8 }>(random));
    format!("{prefix}{:012x}{drawn}", now.millis() & 0xffff_ffff_ffff)
}

/// The user, as the issuer names them (`sub`, OpenID Connect Core §2): 1 to 255 printable ASCII characters, compared byte
/// for byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(String);

impl Subject {
    /// The subject as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Subject {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        if text.is_empty() || text.len() > 255 || !text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            return Err(NotAnId("a subject (1 to 255 printable ASCII characters)"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
