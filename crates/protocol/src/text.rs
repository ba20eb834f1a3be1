//! Text from outside (binding messages, names, strings in authorization details): what can be shown verbatim and read in one
//! way only. The gateway refuses the rest; a device that receives it anyway shows it [escaped](escape).

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::{IsNormalized, is_nfc_quick};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeEmoji as _, UnicodeGeneralCategory as _};
use unicode_script::{Script, UnicodeScript as _};

use crate::limits;

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Longer than allowed.
    #[error("the text is longer than {0} characters")]
    TooLong(usize),
    /// Empty, or white space alone.
    #[error("the text is empty")]
    Empty,
    /// Not in Unicode normalization form C.
    #[error("the text is not in normalization form C")]
    NotNfc,
    /// A control character (C0, C1), line breaks among them.
    #[error("the text has a control character or a line break")]
    Control,
    /// A character that changes the direction of others.
    #[error("the text has a character that changes its direction")]
    Bidi,
    /// An invisible character.
    #[error("the text has an invisible character")]
    Invisible,
    /// An unassigned or private-use character, whose appearance is unknown.
    #[error("the text has a character that can't be shown")]
    Unassigned,
    /// More than four combining marks in a row.
    #[error("the text has too many marks on one character")]
    TooManyMarks,
}

/// Checks a text that is shown to a person: not empty, at most `characters` long.
///
/// # Errors
/// [`TextError`] with the first rule it breaks.
pub fn check(text: &str, characters: usize) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    check_inner(text, characters)
}

/// Checks a string inside authorization details, which may be empty.
///
/// # Errors
/// [`TextError`] with the first rule it breaks.
pub fn check_inner(text: &str, characters: usize) -> Result<(), TextError> {
    if text.chars().count() > characters {
        return Err(TextError::TooLong(characters));
    }
    // Nothing of what follows can happen in printable ASCII, which most names and messages are.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    let normalized = match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => true,
        IsNormalized::No => false,
        IsNormalized::Maybe => text.nfc().eq(text.chars()),
    };
    let characters: Vec<char> = text.chars().collect();
    let mut marks = 0;
    for (at, &character) in characters.iter().enumerate() {
        check_character(&characters, at)?;
        let is_mark = character.general_category_group() == GeneralCategoryGroup::Mark;
        marks = if is_mark { marks + 1 } else { 0 };
        if marks > limits::COMBINING_MARKS {
            return Err(TextError::TooManyMarks);
        }
    }
    if !normalized {
        return Err(TextError::NotNfc);
    }
    Ok(())
}

/// The text with every character that [`check`] would refuse written as `\u{…}`, so that a person sees that something is there.
/// Text that passes is returned unchanged. The length is not limited.
pub fn escape(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut marks = 0;
    let mut hidden = Vec::with_capacity(characters.len());
    for (at, character) in characters.iter().enumerate() {
        let is_mark = character.general_category_group() == GeneralCategoryGroup::Mark;
        marks = if is_mark { marks + 1 } else { 0 };
        hidden.push(check_character(&characters, at).is_err() || marks > limits::COMBINING_MARKS);
    }
    let mut out = String::with_capacity(text.len());
    for (at, &character) in characters.iter().enumerate() {
        // A joiner or selector next to an escaped character has no effect, and would be invisible.
        let leans = matches!(character, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}');
        let before = at.checked_sub(1).is_some_and(|before| hidden[before]);
        hidden[at] |= leans && (before || hidden.get(at + 1).copied().unwrap_or(false));
        if hidden[at] {
            out.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

fn check_character(text: &[char], at: usize) -> Result<(), TextError> {
    let character = text[at];
    match character {
        '\u{200c}' | '\u{200d}' if joins(text, at) => return Ok(()),
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
    match character.general_category() {
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => {
            Err(TextError::Control)
        }
        // Other spaces have widths that hide or fake a gap; these four are the ones people type.
        GeneralCategory::SpaceSeparator => match character {
            ' ' | '\u{a0}' | '\u{202f}' | '\u{3000}' => Ok(()),
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

/// Whether the joiner at `at` has a visible effect: it joins two emoji, or shapes letters of a script that needs it.
fn joins(text: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).map(|i| text[i]);
    let after = text.get(at + 1).copied();
    let (Some(before), Some(after)) = (before, after) else { return false };
    let ties_emoji = text[at] == '\u{200d}'
        && is_pictograph(after)
        && (is_pictograph(before) || before == '\u{fe0f}' || is_skin_tone(before));
    ties_emoji || (needs_joiners(before) && needs_joiners(after))
}

fn selects_emoji(text: &[char], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|i| text[i].is_emoji_char())
}

fn is_pictograph(character: char) -> bool {
    character.is_emoji_char() && !character.is_ascii()
}

fn is_skin_tone(character: char) -> bool {
    ('\u{1f3fb}'..='\u{1f3ff}').contains(&character)
}

/// Scripts whose spelling uses zero-width joiners (Unicode Standard ch. 9, 12, 13, 16).
fn needs_joiners(character: char) -> bool {
    let is_letter_or_mark =
        matches!(character.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark);
    is_letter_or_mark
        && matches!(
            character.script(),
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check500(text: &str) -> Result<(), TextError> {
        check(text, 500)
    }

    #[test]
    fn what_people_write_passes() {
        for text in [
            "1234",
            "POS terminal #14: Approve €80.00 at Acme Coffee?",
            "Überweisung an Jürgen, 1 234,50 €",
            "承認してください。金額：１２００円　東京",
            "عملية شراء رقم ١٢",
            "क्‍ष और क्‌ष",
            "می‌خواهم",
            "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 1️⃣ ❤️",
            "Việt Nam",
        ] {
            assert_eq!(check500(text), Ok(()), "{text}");
            assert_eq!(escape(text), text);
        }
        assert_eq!(check500(&"🍕".repeat(450)), Ok(()));
    }

    #[test]
    fn attack_06_text_that_deceives_is_refused_and_escaped() {
        for (text, why) in [
            ("Pay \u{202e}00.08€", TextError::Bidi),
            ("Pay\u{2066}x\u{2069}", TextError::Bidi),
            ("ALM\u{61c}", TextError::Bidi),
            ("a\nb", TextError::Control),
            ("a\u{2028}b", TextError::Control),
            ("a\u{2029}b", TextError::Control),
            ("a\u{85}b", TextError::Control),
            ("a\u{0}b", TextError::Control),
            ("€ 4\u{200b}2.00", TextError::Invisible),
            ("€ 4\u{200d}2.00", TextError::Invisible),
            ("a\u{200c}b", TextError::Invisible),
            ("a\u{ad}b", TextError::Invisible),
            ("a\u{2060}b", TextError::Invisible),
            ("a\u{feff}b", TextError::Invisible),
            ("a\u{3164}b", TextError::Invisible),
            ("a\u{2003}b", TextError::Invisible),
            ("a\u{e0041}b", TextError::Invisible),
            ("a\u{fe0f}b", TextError::Invisible),
            ("a\u{378}b", TextError::Unassigned),
            ("a\u{e000}b", TextError::Unassigned),
            ("a\u{ffff}b", TextError::Unassigned),
            ("q\u{323}\u{325}\u{326}\u{327}\u{328}", TextError::TooManyMarks),
            ("e\u{301}", TextError::NotNfc),
            ("", TextError::Empty),
            ("   ", TextError::Empty),
        ] {
            assert_eq!(check500(text), Err(why), "{text:?}");
        }
        assert_eq!(escape("Pay \u{202e}00.08€"), "Pay \\u{202e}00.08€");
        assert_eq!(check(&"x".repeat(501), 500), Err(TextError::TooLong(500)));
    }

    #[test]
    fn a_joiner_whose_neighbour_is_written_out_is_written_out_too() {
        let marks = "\u{30b}\u{312}\u{30c}\u{30b}".repeat(3);
        let escaped = escape(&format!("a{marks}\u{dcf}\u{200d}\u{c8f}"));
        assert!(escaped.contains("\\u{dcf}\\u{200d}"), "{escaped:?}");
        assert!(matches!(check500(&escaped), Ok(()) | Err(TextError::NotNfc)), "{escaped:?}");
    }

    proptest! {
        #[test]
        fn what_passes_is_never_changed_by_escaping(text in any::<String>()) {
            if check_inner(&text, usize::MAX).is_ok() {
                prop_assert_eq!(escape(&text), text);
            }
        }

        #[test]
        fn marks_and_joiners_in_any_order_have_nothing_left_to_hide(
            text in "[\u{300}-\u{30c}\u{dcf}\u{c8f}\u{200c}\u{200d}\u{fe0f}\u{1f469}\u{1f3fd}\u{7}ab]{0,24}"
        ) {
            let left = check_inner(&escape(&text), usize::MAX);
            prop_assert!(matches!(left, Ok(()) | Err(TextError::NotNfc)), "{:?} from {:?}", left, text);
        }

        #[test]
        fn what_is_escaped_has_nothing_left_to_hide(text in any::<String>()) {
            let escaped = escape(&text);
            let left = check_inner(&escaped, usize::MAX);
            prop_assert!(matches!(left, Ok(()) | Err(TextError::NotNfc)), "{:?} from {:?}", left, escaped);
        }
    }
}
