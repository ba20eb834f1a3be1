//! The transcript: the lines a person was shown, as data, by a closed table of where each may come from. The answer signs its
//! hash, the gateway checks it before there is a verdict, and evidence replays it.

use countersign_jose::hash::Hash;
use serde::{Deserialize, Serialize};

use crate::challenge::VerifiedChallenge;
use crate::id::ChallengeId;

mod basis;
mod calendar;
mod caption;
mod check;
mod details;
mod display_error;
mod payments;
mod role;
mod source;
mod table;

pub use basis::{ExpectedLine, LineCaption, TranscriptBasis, fits};
pub use calendar::is_day;
pub use caption::{Caption, Locale};
pub use check::check;
pub use display_error::DisplayError;
pub use payments::{Payment, payments};
pub use role::Role;
pub use source::Source;

/// The version of the transcript's format.
pub const VERSION: u32 = 1;

/// The lines shown for one challenge, in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
#[serde(into = "WireLine", try_from = "WireLine")]
pub struct Line {
    /// What it is about.
    pub role: Role,
    /// The caption, in the person's language.
    pub label: String,
    /// The member whose words the caption holds, or that a section heads.
    pub label_from: Option<Source>,
    /// The value.
    pub value: LineValue,
    /// 1: most prominent. 2: on the main screen. 3: may be behind a fold.
    pub prominence: u8,
    /// Where the value comes from.
    pub from: Source,
}

impl Line {
    /// A line of the device's own words (`from: device`), under this version's caption.
    pub fn own(role: Role, caption: Caption, locale: Locale, words: impl Into<String>, prominence: u8) -> Self {
        Self {
            role,
            label: caption.words(locale).to_owned(),
            label_from: None,
            value: LineValue::Text(words.into()),
            prominence,
            from: Source::Device,
        }
    }
}

/// A line's value with its type.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    Section,
}

/// A line as it is written. Two types side by side would let a reader ignore what another shows, so it has no other member.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireLine {
    role: Role,
    label: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    label_from: Option<Source>,
    #[serde(rename = "type")]
    kind: ValueType,
    value: WireValue,
    prominence: u8,
    from: Source,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ValueType {
    Text,
    Money,
    Date,
    Account,
    Section,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WireValue {
    Text(String),
    Money(Money),
}

impl From<Line> for WireLine {
    fn from(line: Line) -> Self {
        let Line { role, label, label_from, value, prominence, from } = line;
        let (kind, value) = match value {
            LineValue::Text(text) => (ValueType::Text, WireValue::Text(text)),
            LineValue::Money(money) => (ValueType::Money, WireValue::Money(money)),
            LineValue::Date(text) => (ValueType::Date, WireValue::Text(text)),
            LineValue::Account(text) => (ValueType::Account, WireValue::Text(text)),
            LineValue::Section => (ValueType::Section, WireValue::Text(String::new())),
        };
        Self { role, label, label_from, kind, value, prominence, from }
    }
}

impl TryFrom<WireLine> for Line {
    type Error = &'static str;

    fn try_from(line: WireLine) -> Result<Self, Self::Error> {
        let WireLine { role, label, label_from, kind, value, prominence, from } = line;
        let value = match (kind, value) {
            (ValueType::Text, WireValue::Text(text)) => LineValue::Text(text),
            (ValueType::Date, WireValue::Text(text)) => LineValue::Date(text),
            (ValueType::Account, WireValue::Text(text)) => LineValue::Account(text),
            (ValueType::Section, WireValue::Text(text)) if text.is_empty() => LineValue::Section,
            (ValueType::Money, WireValue::Money(money)) => LineValue::Money(money),
            _ => return Err("the value is not of the line's type"),
        };
        if !(1..=3).contains(&prominence) {
            return Err("prominence is 1, 2 or 3");
        }
        Ok(Self { role, label, label_from, value, prominence, from })
    }
}

/// An amount as the client sent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
