//! Text from outside (binding messages, names, strings in authorization details): what can be shown verbatim and read in one
//! way only. The gateway refuses the rest; a device that receives it anyway shows it [escaped](escape).
//!
//! Text is signed and stored as it was sent, composed or not; what shows it [composes](compose) it (normalization form C).

use std::borrow::Cow;
use std::fmt;
use std::iter;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::props::{Emoji, GeneralCategory, GeneralCategoryGroup, Script};
use icu_properties::{CodePointMapData, CodePointSetData};

use crate::limits;

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Longer than allowed, composed.
    #[error("the text is longer than {0} characters")]
    TooLong(usize),
    /// Empty, or white space alone.
    #[error("the text is empty")]
    Empty,
    /// A control character (C0, C1), line breaks among them.
    #[error("the text has a control character or a line break: {0}")]
    Control(Place),
    /// A character that changes the direction of others.
    #[error("the text has a character that changes its direction: {0}")]
    Bidi(Place),
    /// An invisible character, where it has no visible effect.
    #[error("the text has an invisible character: {0}")]
    Invisible(Place),
    /// An unassigned or private-use character, whose appearance is unknown.
    #[error("the text has a character that can't be shown: {0}")]
    Unassigned(Place),
    /// A mark without a character of its own: it would be drawn on what stands before the text, such as a caption or a quote.
    #[error("the text has a mark with no character before it: {0}")]
    LoneMark(Place),
    /// A mark too many on one character.
    #[error("the text has too many marks on one character: {0}")]
    TooManyMarks(Place),
}

/// A character of a text, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The character.
    pub character: char,
    /// Its number among the text's characters (Unicode scalar values), from 1.
    pub number: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X} at character {}", u32::from(self.character), self.number)
    }
}

/// Checks a text that is shown to a person in one line: not empty, at most `characters` long.
///
/// # Errors
/// [`TextError`] with the first rule it breaks.
pub fn check(text: &str, characters: usize) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    check_inner(text, characters)
}

/// As [`check`], for a text that may be empty.
///
/// # Errors
/// [`TextError`] with the first rule it breaks.
pub fn check_inner(text: &str, characters: usize) -> Result<(), TextError> {
    check_lines(text, characters, Lines::One)
}

/// Checks a string inside authorization details: it may be empty, and have line feeds and tabs.
///
/// # Errors
/// [`TextError`] with the first rule it breaks.
pub fn check_block(text: &str, characters: usize) -> Result<(), TextError> {
    check_lines(text, characters, Lines::Many)
}

/// Whether line feeds and tabs are allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    One,
    Many,
}

fn check_lines(text: &str, characters: usize, lines: Lines) -> Result<(), TextError> {
    if is_printable_ascii(text) {
        return if text.len() > characters { Err(TextError::TooLong(characters)) } else { Ok(()) };
    }
    if compose(text).chars().nth(characters).is_some() {
        return Err(TextError::TooLong(characters));
    }
    let text: Vec<char> = text.chars().collect();
    let mut marks = MarkRun::default();
    for (at, &character) in text.iter().enumerate() {
        let place = Place { character, number: at + 1 };
        check_character(&text, at, lines).map_err(|kind| kind(place))?;
        if !marks.takes(character) {
            return Err(TextError::TooManyMarks(place));
        }
    }
    Ok(())
}

/// Whether nothing but a text's length can be wrong: most names and messages are printable ASCII.
fn is_printable_ascii(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The text in normalization form C: how it is shown. What is signed and stored stays as it was sent.
pub fn compose(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

fn script(character: char) -> Script {
    CodePointMapData::<Script>::new().get(character)
}

fn is_emoji(character: char) -> bool {
    CodePointSetData::new::<Emoji>().contains(character)
}

/// The text with every character that [`check`] would refuse written as `\u{…}`, so that a person sees that something is there.
/// Text that passes is returned unchanged. The length is not limited.
pub fn escape(text: &str) -> String {
    escape_lines(text, Lines::One)
}

/// As [`escape`], by the rules of [`check_block`]: line feeds and tabs stay.
pub fn escape_block(text: &str) -> String {
    escape_lines(text, Lines::Many)
}

fn escape_lines(text: &str, lines: Lines) -> String {
    if is_printable_ascii(text) {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    let mut marks = MarkRun::default();
    let mut hidden = Vec::with_capacity(characters.len());
    for (at, character) in characters.iter().enumerate() {
        let takes = marks.takes(*character);
        hidden.push(check_character(&characters, at, lines).is_err() || !takes);
    }
    let mut out = String::with_capacity(text.len());
    for (at, &character) in characters.iter().enumerate() {
        // A joiner or selector next to an escaped character has no effect, and would be invisible; a mark behind one would be drawn on
        // our brace.
        let leans = matches!(character, '\u{200b}'..='\u{200d}' | '\u{fe0e}' | '\u{fe0f}');
        let is_mark = GeneralCategoryGroup::Mark.contains(category(character));
        let before = at.checked_sub(1).is_some_and(|before| hidden[before]);
        hidden[at] |= (is_mark && before) || (leans && (before || hidden.get(at + 1).copied().unwrap_or(false)));
        if hidden[at] {
            out.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

/// The nonspacing marks on one character so far (in one extended grapheme cluster, UAX #29), decomposed: as many as its script piles
/// up, and none that is of no script twice (after UTS #39 §5.4).
#[derive(Default)]
struct MarkRun {
    marks: Vec<char>,
    /// How many are of no script of their own, such as U+0301: what is piled up on Latin letters.
    shared: usize,
    /// Whether one of them is of a script that does not stack letters.
    has_shallow: bool,
}

impl MarkRun {
    /// Takes the next character of the text; `false` for a mark too many.
    fn takes(&mut self, character: char) -> bool {
        // A joiner between two marks does not end their pile.
        if matches!(character, '\u{200c}' | '\u{200d}') {
            return true;
        }
        let parts = DecomposingNormalizerBorrowed::new_nfd().normalize_iter(iter::once(character));
        parts.fold(true, |takes, part| takes & self.takes_part(part))
    }

    fn takes_part(&mut self, part: char) -> bool {
        if !matches!(category(part), GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark) {
            self.marks.clear();
            (self.shared, self.has_shallow) = (0, false);
            return true;
        }
        let script = script(part);
        let is_shared = matches!(script, Script::Inherited | Script::Common);
        let is_repeated = is_shared && self.marks.contains(&part);
        self.marks.push(part);
        self.shared += usize::from(is_shared);
        self.has_shallow |= !stacks(script);
        let longest = if self.has_shallow { limits::COMBINING_MARKS } else { limits::STACKED_MARKS };
        !is_repeated && self.shared <= limits::COMBINING_MARKS && self.marks.len() <= longest
    }
}

/// Scripts whose spelling stacks subjoined letters, which are marks to Unicode, with vowels and tones on top.
fn stacks(script: Script) -> bool {
    matches!(
        script,
        Script::Tibetan
            | Script::Myanmar
            | Script::Hebrew
            | Script::Khmer
            | Script::TaiTham
            | Script::Balinese
            | Script::Javanese
            | Script::Limbu
            | Script::Lepcha
    )
}

/// The kind of error that the character at `at` is.
fn check_character(text: &[char], at: usize, lines: Lines) -> Result<(), fn(Place) -> TextError> {
    let character = text[at];
    match character {
        '\n' | '\t' if lines == Lines::Many => return Ok(()),
        '\u{200c}' | '\u{200d}' if joins(text, at) => return Ok(()),
        '\u{200b}' if separates_words(text, at) => return Ok(()),
        '\u{fe0e}' | '\u{fe0f}' if selects_emoji(text, at) => return Ok(()),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            return Err(TextError::Bidi);
        }
        // Invisible, whatever their category: soft hyphen, joiners, fillers, blank Braille, selectors, invisible operators, tags.
        '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{1d159}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => return Err(TextError::Invisible),
        _ => {}
    }
    // A line begins after the caption, or after the number that stands before it.
    let begins_a_line = at == 0 || matches!(text[at - 1], '\n' | '\t');
    if begins_a_line && GeneralCategoryGroup::Mark.contains(category(character)) {
        return Err(TextError::LoneMark);
    }
    match category(character) {
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => {
            Err(TextError::Control)
        }
        // Other spaces have widths that hide or fake a gap; these are the ones that people and libraries write.
        GeneralCategory::SpaceSeparator => match character {
            ' ' | '\u{a0}' | '\u{2009}' | '\u{200a}' | '\u{202f}' | '\u{3000}' => Ok(()),
            _ => Err(TextError::Invisible),
        },
        GeneralCategory::Format => match character {
            // Arabic and Kaithi number signs and the like are visible.
            '\u{600}'..='\u{605}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'
            | '\u{891}'
            | '\u{8e2}'
            | '\u{110bd}'
            | '\u{110cd}' => Ok(()),
            _ => Err(TextError::Invisible),
        },
        GeneralCategory::Unassigned | GeneralCategory::PrivateUse | GeneralCategory::Surrogate => {
            Err(TextError::Unassigned)
        }
        _ => Ok(()),
    }
}

/// Whether the joiner at `at` belongs to the text: it joins two emoji, or is part of a word in a script that needs it. Such a word may
/// end with one (half forms and abbreviations do), and it may be beside a digit, a quotation mark or a Latin word.
fn joins(text: &[char], at: usize) -> bool {
    let after = text.get(at + 1).copied();
    let Some(before) = at.checked_sub(1).map(|i| text[i]).filter(|before| is_visible(*before)) else { return false };
    let ties_emoji = text[at] == '\u{200d}'
        && after.is_some_and(is_pictograph)
        && (is_pictograph(before) || before == '\u{fe0f}' || is_skin_tone(before));
    ties_emoji || needs_joiners(before) || after.is_some_and(needs_joiners)
}

/// Whether something is seen of a character that may be beside a joiner or a space of no width.
fn is_visible(character: char) -> bool {
    !character.is_whitespace() && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Whether the zero-width space at `at` is beside a word of a script that separates its words by it (Unicode Standard §23.2).
fn separates_words(text: &[char], at: usize) -> bool {
    let is_of_such_a_script = |character: &char| {
        matches!(script(*character), Script::Khmer | Script::Lao | Script::Thai | Script::Myanmar | Script::TaiTham)
    };
    let before = at.checked_sub(1).map(|i| text[i]);
    let after = text.get(at + 1).copied();
    let mut neighbours = before.into_iter().chain(after);
    neighbours.clone().any(|neighbour| is_of_such_a_script(&neighbour))
        && neighbours.all(|neighbour| neighbour == ' ' || is_visible(neighbour))
}

fn selects_emoji(text: &[char], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|i| is_emoji(text[i]))
}

fn is_pictograph(character: char) -> bool {
    is_emoji(character) && !character.is_ascii()
}

fn is_skin_tone(character: char) -> bool {
    ('\u{1f3fb}'..='\u{1f3ff}').contains(&character)
}

/// Whether this is a letter, mark or digit of a script whose spelling uses zero-width joiners (Unicode Standard ch. 9, 12, 13, 16).
fn needs_joiners(character: char) -> bool {
    let written = GeneralCategoryGroup::Letter.union(GeneralCategoryGroup::Mark).union(GeneralCategoryGroup::Number);
    let is_written = written.contains(category(character));
    is_written
        && matches!(
            script(character),
            Script::Arabic
                | Script::Syriac
                | Script::Nko
                | Script::Mongolian
                | Script::Devanagari
                | Script::Bengali
                | Script::Gurmukhi
                | Script::Gujarati
                | Script::Oriya
                | Script::Tamil
                | Script::Telugu
                | Script::Kannada
                | Script::Malayalam
                | Script::Sinhala
                | Script::Khmer
                | Script::Myanmar
                | Script::Tibetan
        )
}

#[cfg(test)]
mod tests;
