//! `ref`: an approval's name for people, derived from its id. Never a secret, and never compared before approving.

use std::fmt;
use std::str::FromStr;

use countersign_jose::hash::Hash;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::ApprovalId;

/// Crockford's base32: digits and letters without `I`, `L`, `O`, `U`.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters, without the hyphen.
const CHARACTERS: usize = 8;

/// The first 40 bits of SHA-256 over an approval's id, as people say them: `K7Q2-9FDM`.
///
/// Several approvals may share one: whoever looks one up shows all matches with their dates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApprovalRef(u64);

/// The text is not a `ref`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a reference such as K7Q2-9FDM")]
pub struct NotARef;

impl ApprovalRef {
    /// The reference of an approval.
    pub fn of(approval: &ApprovalId) -> Self {
        let hash = Hash::of(approval.as_str());
        Self(hash.as_bytes()[..5].iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
    }
}

impl fmt::Display for ApprovalRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for at in 0..CHARACTERS {
            if at == CHARACTERS / 2 {
                f.write_str("-")?;
            }
            let index = self.0 >> (5 * (CHARACTERS - 1 - at)) & 31;
            write!(f, "{}", char::from(ALPHABET[index as usize]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for ApprovalRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ApprovalRef {
    type Err = NotARef;

    /// Reads it without regard to case and hyphen, `O` as `0`, `I` and `L` as `1`.
    fn from_str(text: &str) -> Result<Self, NotARef> {
        let mut bits = 0;
        let mut count = 0;
        for byte in text.bytes().filter(|byte| *byte != b'-') {
            let character = match byte.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                other => other,
            };
            let index = ALPHABET.iter().position(|own| *own == character).ok_or(NotARef)?;
            bits = bits << 5 | index as u64;
            count += 1;
            if count > CHARACTERS {
                return Err(NotARef);
            }
        }
        if count == CHARACTERS { Ok(Self(bits)) } else { Err(NotARef) }
    }
}

impl Serialize for ApprovalRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ApprovalRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str) -> ApprovalRef {
        ApprovalRef::of(&id.parse().expect("an id"))
    }

    #[test]
    fn a_ref_is_forty_bits_of_the_approvals_hash() {
        let hash = Hash::of("ap_coffee");
        let bits = hash.as_bytes()[..5].iter().map(|byte| format!("{byte:08b}")).collect::<String>();
        let expected: String = (0..8)
            .map(|at| {
                let index = usize::from_str_radix(&bits[5 * at..5 * at + 5], 2).expect("five bits");
                char::from(ALPHABET[index])
            })
            .collect();
        assert_eq!(of("ap_coffee").to_string(), format!("{}-{}", &expected[..4], &expected[4..]));
    }

    #[test]
    fn a_ref_is_read_as_people_write_it() {
        for written in ["0123-4567", "o123-4567", "OI23-4567", "ol234567", "0-1-2-3-4-5-6-7"] {
            assert_eq!(written.parse::<ApprovalRef>().expect(written).to_string(), "0123-4567");
        }
        let own = of("ap_coffee");
        assert_eq!(own.to_string().to_lowercase().parse(), Ok(own));
        for written in ["", "0123-456", "0123-45678", "0123-456U", "0123 4567", "K7Q2-9FDÄ"] {
            assert_eq!(written.parse::<ApprovalRef>(), Err(NotARef), "{written}");
        }
    }
}
