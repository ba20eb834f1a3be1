//! The interaction by which a person proves that they look at the right request: a tap, a choice, or a number typed from the
//! client's screen.

use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_jose::random::{self, Random};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::limits;

/// The kinds of interaction, weakest first (names of the push-device draft).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InteractionType {
    /// Approve or deny.
    Boolean,
    /// Pick the number that the client shows, out of three.
    NumberChoose,
    /// Type the six digits that the client shows.
    InputManual,
    /// Something newer. A device refuses such a challenge; a gateway ignores it in a list.
    #[serde(other)]
    Unknown,
}

impl InteractionType {
    /// The kinds this version knows, weakest first.
    pub const ALL: [Self; 3] = [Self::Boolean, Self::NumberChoose, Self::InputManual];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::NumberChoose => "number_choose",
            Self::InputManual => "input_manual",
            Self::Unknown => "unknown",
        }
    }
}

/// The interaction of one challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interaction {
    /// The type, which decides about the other members.
    #[serde(rename = "type")]
    pub kind: InteractionType,
    /// `number_choose`: three distinct numbers from 10 to 99 in random order, as strings.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub choices: Option<Vec<String>>,
    /// `input_manual`: how many digits to type, 4 to 12.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub length: Option<u32>,
    /// SHA-256 of salt and value ([`Opening::commitment`]). Opened in the outcome, so that a gateway can't change the value
    /// afterwards.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commitment: Option<Hash>,
}

impl Interaction {
    /// A tap: no value, no commitment.
    pub const fn boolean() -> Self {
        Self { kind: InteractionType::Boolean, choices: None, length: None, commitment: None }
    }

    /// Whether the members that the type needs are present and in range.
    pub fn is_well_formed(&self) -> bool {
        match self.kind {
            InteractionType::Boolean => true,
            InteractionType::NumberChoose => {
                let choices = self.choices.as_deref().unwrap_or_default();
                let numbers = choices.iter().all(|c| c.len() == 2 && c.bytes().all(|b| b.is_ascii_digit()));
                let distinct = choices.iter().collect::<std::collections::BTreeSet<_>>().len() == choices.len();
                self.commitment.is_some() && choices.len() == limits::NUMBER_CHOICES && numbers && distinct
            }
            InteractionType::InputManual => {
                self.commitment.is_some() && self.length.is_some_and(|length| (4..=12).contains(&length))
            }
            InteractionType::Unknown => false,
        }
    }
}

/// Opens a commitment. Given in the outcome, never before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// 32 random bytes, base64url.
    pub salt: String,
    /// The value as a string, leading zeros included.
    pub value: String,
}

impl Opening {
    /// The commitment that this opens: SHA-256 over the 32 raw bytes of salt, then the ASCII value. `None` if the salt is not 32
    /// bytes of base64url.
    pub fn commitment(&self) -> Option<Hash> {
        let salt = base64url::decode_array::<32>(&self.salt).ok()?;
        Some(Hash::of_parts(&[&salt, self.value.as_bytes()]))
    }

    /// Compares a typed or picked value, in constant time.
    pub fn matches(&self, typed: &str) -> bool {
        self.value.as_bytes().ct_eq(typed.as_bytes()).into()
    }
}

/// Generates the value of a number interaction: the interaction for the challenge, and the opening of its commitment. `None` for
/// [`InteractionType::Boolean`] (and unknown ones), which have no value.
pub fn generate(kind: InteractionType, random: &dyn Random) -> Option<(Interaction, Opening)> {
    let (value, choices, length) = match kind {
        InteractionType::Boolean | InteractionType::Unknown => return None,
        InteractionType::NumberChoose => {
            let mut choices: Vec<String> = Vec::with_capacity(limits::NUMBER_CHOICES);
            while choices.len() < limits::NUMBER_CHOICES {
                let choice = (10 + random::below(random, 90)).to_string();
                if !choices.contains(&choice) {
                    choices.push(choice);
                }
            }
            let correct = random::below(random, limits::NUMBER_CHOICES as u32) as usize;
            (choices[correct].clone(), Some(choices), None)
        }
        InteractionType::InputManual => {
            let value = format!("{:06}", random::below(random, 1_000_000));
            (value, None, Some(limits::INPUT_MANUAL_DIGITS as u32))
        }
    };
    let opening = Opening { salt: base64url::encode(&random::bytes::<32>(random)), value };
    let interaction = Interaction { kind, choices, length, commitment: opening.commitment() };
    Some((interaction, opening))
}

/// Whether the person must be verified (PIN, biometrics) before the approval key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UserVerification {
    /// An approval by the transport key is accepted.
    Discouraged,
    /// A verification at most five minutes old is enough.
    Preferred,
    /// The user is verified for each approval. Anything unknown is treated as this.
    #[serde(other)]
    Required,
}
