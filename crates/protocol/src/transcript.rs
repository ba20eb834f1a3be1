//! The transcript: the lines a person was shown, as data. The answer signs its hash; evidence replays it.

use countersign_jose::hash::Hash;
use serde::{Deserialize, Serialize};

use crate::challenge::VerifiedChallenge;
use crate::id::ChallengeId;

/// The version of the transcript's format.
pub const VERSION: u32 = 1;

/// The lines shown for one challenge, in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// The version of this format.
    pub version: u32,
    /// The challenge that was shown.
    pub challenge: ChallengeId,
    /// The language, a BCP 47 tag such as `en` or `de`.
    pub locale: String,
    /// The lines, top to bottom.
    pub lines: Vec<Line>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The caption, in the person's language.
    pub label: String,
    /// The value.
    #[serde(flatten)]
    pub value: LineValue,
    /// 1: most prominent. 2: on the main screen. 3: may be behind a fold.
    pub prominence: u8,
}

/// A line's value with its type. A renderer shows an unknown type as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineValue {
    /// Text, verbatim.
    Text(String),
    /// An amount of money, formatted by the renderer.
    Money(Money),
    /// A point in time or a day, RFC 3339.
    Date(String),
    /// An account number, IBAN or the like.
    Account(String),
    /// A heading between lines; the text is in the label.
    Section(String),
}

/// An amount as the client sent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// The number literal as it was sent: `4.20`.
    pub amount: String,
    /// The currency code (ISO 4217): `EUR`.
    pub currency: String,
}

impl Transcript {
    /// The transcript of a verified challenge; nothing else can be shown.
    pub fn new(challenge: &VerifiedChallenge, locale: &str, lines: Vec<Line>) -> Self {
        Self { version: VERSION, challenge: challenge.id().clone(), locale: locale.to_owned(), lines }
    }

    /// Serialises the lines; from here on these bytes alone are shown, hashed and kept.
    pub fn freeze(&self) -> ShownTranscript {
        let text = serde_json::to_string(self).expect("a transcript has only strings and numbers, which are JSON");
        ShownTranscript { hash: Hash::of(&text), text, locale: self.locale.clone(), challenge: self.challenge.clone() }
    }
}

/// A transcript as it is shown and kept: its exact JSON and the hash of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownTranscript {
    text: String,
    hash: Hash,
    locale: String,
    challenge: ChallengeId,
}

impl ShownTranscript {
    /// The JSON, whose bytes are hashed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `display_hash` of an answer.
    pub fn hash(&self) -> &Hash {
        &self.hash
    }

    /// The language.
    pub fn locale(&self) -> &str {
        &self.locale
    }

    /// The challenge that was shown.
    pub fn challenge(&self) -> &ChallengeId {
        &self.challenge
    }
}
