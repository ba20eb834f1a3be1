//! What people write passes, and what deceives does not.

use std::collections::{BTreeSet, HashMap};

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
        // Burmese with up to five marks on a letter, of two kinds.
        "လျှော့ဈေး ၅၀၀၀ ကျပ်",
        "ညှို့ငင်သည်",
        // Persian: the joiner beside a digit, a quotation mark, a Latin word; the calendar's abbreviation.
        "قسط ۵\u{200c}ام وام",
        "«کتاب»\u{200c}ها",
        "PDF\u{200c}ها",
        "۱۳۹۹ ه\u{200d}.ش.",
        // Malayalam as it was written before its chillu letters were encoded, at the end of a word.
        "അവന\u{d4d}\u{200d} വന്നു",
        // Hindi with a letter that composition leaves in two, and Tibetan that stacks.
        "स\u{95c}क",
        "ཧཱུྃ་ བསྒྲུབས",
        // Hebrew with points and accents, Arabic with all its vowels, Thai.
        "בְּרֵאשִׁ֖ית",
        "ٱلرَّحْمَٰنِ",
        "ผู้ใหญ่",
        "10:00\u{2009}–\u{200a}11:00",
        // Khmer, whose words are separated by a space of no width.
        "កោះ\u{200b}អាសេនសិន",
    ] {
        assert_eq!(check500(text), Ok(()), "{text}");
        assert_eq!(escape(text), text);
    }
    assert_eq!(check500(&"🍕".repeat(450)), Ok(()));
}

#[test]
fn names_of_months_weekdays_territories_and_languages_pass_composed_or_not() {
    use unicode_normalization::UnicodeNormalization as _;
    let (mut locales, mut names) = (0, 0);
    for line in include_str!("../../tests/cldr/names.txt").lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with('[') {
            locales += 1;
            continue;
        }
        names += 1;
        assert_eq!(check(line, 100), Ok(()), "{line:?}");
        assert_eq!(escape(line), line);
        let decomposed: String = line.nfd().collect();
        assert_eq!(check(&decomposed, 100), Ok(()), "{decomposed:?}");
    }
    assert!(locales >= 50 && names > 15_000, "{locales} {names}");
}

#[test]
fn every_character_has_the_properties_that_other_tables_give_it() {
    use unicode_normalization::UnicodeNormalization as _;
    use unicode_properties::{UnicodeEmoji as _, UnicodeGeneralCategory as _};
    use unicode_script::UnicodeScript as _;

    // Their names differ: one of ours for each of theirs.
    let mut scripts = HashMap::new();
    for character in '\0'..=char::MAX {
        let ours = format!("{:?} {}", category(character), is_emoji(character));
        assert_eq!(ours, format!("{:?} {}", character.general_category(), character.is_emoji_char()), "{character:?}");
        let text = character.to_string();
        assert_eq!(compose(&text), text.nfc().collect::<String>());
        let decomposed: String = DecomposingNormalizerBorrowed::new_nfd().normalize_iter(text.chars()).collect();
        assert_eq!(decomposed, text.nfd().collect::<String>());
        let script = script(character);
        assert_eq!(*scripts.entry(character.script()).or_insert(script), script, "{character:?}");
    }
    let ours: BTreeSet<Script> = scripts.values().copied().collect();
    assert!(ours.len() == scripts.len() && ours.len() > 150, "{scripts:?}");
}

#[test]
fn text_that_is_not_composed_passes_as_it_is_and_is_shown_composed() {
    for (sent, shown) in [
        ("Cafe\u{301}", "Café"),
        ("tie\u{302}\u{301}ng Vie\u{323}\u{302}t", "tiếng Việt"),
        ("Mu\u{308}ller", "Müller"),
        ("\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}", "한국"),
        ("カ\u{3099}", "ガ"),
        ("स\u{95c}क", "स\u{921}\u{93c}क"),
        ("\u{212b}", "Å"),
    ] {
        assert_eq!(check500(sent), Ok(()), "{sent:?}");
        assert_eq!(escape(sent), sent, "what is signed stays as it was sent");
        assert_eq!(compose(sent), shown);
    }
    let name = "e\u{301}".repeat(100);
    assert_eq!(check(&name, 100), Ok(()), "a letter counts once, composed or not");
    assert_eq!(check(&format!("{name}e\u{301}"), 100), Err(TextError::TooLong(100)));
}

#[test]
fn lines_and_tabs_are_for_details_alone() {
    let block = "Line 1\n\n\tLine 3";
    assert_eq!(check_block(block, 500), Ok(()));
    assert_eq!(escape_block(block), block);
    let place = Place { character: '\n', number: 7 };
    assert_eq!(check500(block), Err(TextError::Control(place)));
    assert_eq!(escape(block), "Line 1\\u{a}\\u{a}\\u{9}Line 3");
    for hidden in ["a\rb", "a\u{b}b", "a\u{85}b", "a\u{2028}b", "a\n\u{200d}b"] {
        assert!(check_block(hidden, 500).is_err(), "{hidden:?}");
    }
}

#[test]
fn an_error_names_the_character_and_its_place() {
    let error = check500("Zahlung \u{202e}00.08€").expect_err("refused");
    assert_eq!(error.to_string(), "the text has a character that changes its direction: U+202E at character 9");
    let error = check500("👍\u{e0041}").expect_err("refused");
    assert_eq!(error.to_string(), "the text has an invisible character: U+E0041 at character 2");
}

#[test]
fn attack_06_a_mark_is_not_drawn_on_the_caption_or_the_number_before_a_text() {
    // A stroke, an enclosing circle, a vowel sign that is drawn before what it follows.
    for mark in ['\u{335}', '\u{20dd}', '\u{93f}', '\u{301}'] {
        let place = Place { character: mark, number: 1 };
        let (text, escaped) = (format!("{mark}80.00"), format!("\\u{{{:x}}}80.00", u32::from(mark)));
        assert_eq!(check500(&text), Err(TextError::LoneMark(place)));
        assert_eq!(escape(&text), escaped);
        assert_eq!(check_block(&format!("a\n{text}"), 500), Err(TextError::LoneMark(Place { number: 3, ..place })));
        assert_eq!(escape_block(&format!("a\n{text}")), format!("a\n{escaped}"));
        assert_eq!(check500(&format!("a{mark}")), Ok(()), "on a character of its own");
        let behind = escape(&format!("a\u{202e}{mark}"));
        assert_eq!(behind, format!("a\\u{{202e}}\\u{{{:x}}}", u32::from(mark)), "and not on our brace");
    }
    let shown = TextError::LoneMark(Place { character: '\u{335}', number: 1 }).to_string();
    assert_eq!(shown, "the text has a mark with no character before it: U+0335 at character 1");
}

#[test]
fn attack_06_text_that_deceives_is_refused_and_escaped() {
    type Kind = fn(Place) -> TextError;
    let (bidi, control, invisible): (Kind, Kind, Kind) = (TextError::Bidi, TextError::Control, TextError::Invisible);
    let (unassigned, marks): (Kind, Kind) = (TextError::Unassigned, TextError::TooManyMarks);
    for (text, why, number) in [
        ("Pay \u{202e}00.08€", bidi, 5),
        ("Pay\u{2066}x\u{2069}", bidi, 4),
        ("ALM\u{61c}", bidi, 4),
        ("a\nb", control, 2),
        ("a\u{2028}b", control, 2),
        ("a\u{2029}b", control, 2),
        ("a\u{85}b", control, 2),
        ("a\u{0}b", control, 2),
        ("€ 4\u{200b}2.00", invisible, 4),
        ("€ 4\u{200d}2.00", invisible, 4),
        ("ខ\u{200b}\u{200b}ខ", invisible, 2),
        ("a\u{200c}b", invisible, 2),
        ("a\u{ad}b", invisible, 2),
        ("a\u{2060}b", invisible, 2),
        ("a\u{feff}b", invisible, 2),
        ("a\u{3164}b", invisible, 2),
        ("a\u{2003}b", invisible, 2),
        ("a\u{2007}b", invisible, 2),
        ("a\u{e0041}b", invisible, 2),
        ("a\u{fe0f}b", invisible, 2),
        // Joiners that belong to no word: doubled, after a space, in Latin or Thai text.
        ("می\u{200c}\u{200c}خواهم", invisible, 4),
        (" \u{200c}ها", invisible, 2),
        ("ก\u{200d}ข", invisible, 2),
        ("a\u{378}b", unassigned, 2),
        ("a\u{e000}b", unassigned, 2),
        ("a\u{ffff}b", unassigned, 2),
        // Piles of marks: of shared ones five, one twice in a row, Thai ones, with joiners between them.
        ("q\u{323}\u{325}\u{326}\u{327}\u{328}", marks, 6),
        ("e\u{301}\u{301}", marks, 3),
        ("é\u{301}", marks, 2),
        ("e\u{301}\u{323}\u{301}", marks, 4),
        ("ก\u{e31}\u{e34}\u{e35}\u{e36}\u{e37}", marks, 6),
        ("क\u{94d}\u{200d}\u{94d}\u{200d}\u{94d}\u{200d}\u{94d}\u{200d}\u{94d}", marks, 10),
        ("ཀ\u{f90}\u{f91}\u{f92}\u{f94}\u{f95}\u{f96}\u{f97}\u{f99}\u{f9a}", marks, 10),
    ] {
        let character = text.chars().nth(number - 1).expect("a character");
        assert_eq!(check500(text), Err(why(Place { character, number })), "{text:?}");
    }
    for blank in ["", "   ", "\u{2009}\u{a0}"] {
        assert_eq!(check500(blank), Err(TextError::Empty), "{blank:?}");
    }
    assert_eq!(escape("Pay \u{202e}00.08€"), "Pay \\u{202e}00.08€");
    assert_eq!(check(&"x".repeat(501), 500), Err(TextError::TooLong(500)));
}

#[test]
fn a_joiner_whose_neighbour_is_written_out_is_written_out_too() {
    let marks = "\u{30b}\u{312}\u{30c}\u{30b}".repeat(3);
    let escaped = escape(&format!("a{marks}\u{200d}\u{c8f}"));
    assert!(escaped.ends_with("\\u{30b}\\u{200d}\u{c8f}"), "{escaped:?}");
    assert_eq!(check500(&escaped), Ok(()), "{escaped:?}");
}

proptest! {
    #[test]
    fn what_passes_is_never_changed_by_escaping(text in any::<String>()) {
        if check_inner(&text, usize::MAX).is_ok() {
            prop_assert_eq!(escape(&text), text);
        }
    }

    #[test]
    fn composing_makes_nothing_worse(text in any::<String>()) {
        if check_inner(&text, usize::MAX).is_ok() {
            let shown = compose(&text).into_owned();
            prop_assert_eq!(check_inner(&shown, usize::MAX), Ok(()), "from {:?}", text);
        }
    }

    #[test]
    fn marks_and_joiners_in_any_order_have_nothing_left_to_hide(
        text in "[\u{300}-\u{30c}\u{dcf}\u{c8f}\u{200c}\u{200d}\u{fe0f}\u{1f469}\u{1f3fd}\u{7}ab]{0,24}"
    ) {
        let left = check_inner(&escape(&text), usize::MAX);
        prop_assert_eq!(left, Ok(()), "from {:?}", text);
    }

    #[test]
    fn what_is_escaped_has_nothing_left_to_hide(text in any::<String>()) {
        let escaped = escape(&text);
        let left = check_inner(&escaped, usize::MAX);
        prop_assert_eq!(left, Ok(()), "from {:?}", escaped);
    }
}
