//! What the strict reader accepts and refuses.

use proptest::prelude::*;

use super::*;

fn read_at_depth(bytes: &[u8], depth: usize) -> Result<Json, JsonError> {
    read(bytes, Strictness::with_depth(depth))
}

fn reason(text: &str) -> Reason {
    read_at_depth(text.as_bytes(), 8).expect_err(text).reason
}

#[test]
fn a_name_twice_is_refused_at_any_depth_and_in_any_spelling() {
    assert_eq!(reason(r#"{"a":1,"a":1}"#), Reason::DuplicateName);
    assert_eq!(reason(r#"[{"x":{"b":1,"b":2}}]"#), Reason::DuplicateName);
    assert_eq!(reason(r#"{"a":1,"\u0061":2}"#), Reason::DuplicateName);
    assert!(read_at_depth(br#"[{"a":1},{"a":1}]"#, 8).is_ok(), "the same name in two objects is fine");
}

#[test]
fn numbers_keep_their_literal_or_are_refused() {
    assert_eq!(read_at_depth(b"4.20", 1), Ok(Json::Number("4.20".into())));
    assert_eq!(read_at_depth(b"-0", 1), Ok(Json::Number("-0".into())));
    assert_eq!(read_at_depth(b"9007199254740991", 1), Ok(Json::Number("9007199254740991".into())));
    assert_eq!(reason("9007199254740992"), Reason::NumberTooLarge);
    assert_eq!(reason("-9007199254740992"), Reason::NumberTooLarge);
    assert_eq!(reason("99999999999999999999999999.5"), Reason::NumberTooLarge);
    assert_eq!(reason(&format!("0.{}", "1".repeat(60))), Reason::NumberTooLarge);
    assert_eq!(reason("1e2"), Reason::Exponent);
    assert_eq!(reason("1.5E+2"), Reason::Exponent);
    for text in ["01", "+1", ".5", "1.", "-", "NaN", "Infinity", "0x10"] {
        assert_eq!(reason(text), Reason::Syntax, "{text}");
    }
}

#[test]
fn the_range_of_numbers_is_the_callers() {
    let with = |max_integer, characters| Strictness {
        numbers: Numbers::Exact { max_integer, characters },
        ..Strictness::with_depth(1)
    };
    let wide = with(u64::MAX, 80);
    assert_eq!(read(b"18446744073709551615", wide), Ok(Json::Number("18446744073709551615".into())));
    assert_eq!(read(b"18446744073709551616", wide).map_err(|error| error.reason), Err(Reason::NumberTooLarge));
    assert_eq!(read(b"10", with(9, 40)).map_err(|error| error.reason), Err(Reason::NumberTooLarge));
}

#[test]
fn foreign_documents_may_have_any_number_and_a_byte_order_mark() {
    let foreign = |text: &str| read(text.as_bytes(), Strictness::FOREIGN).map_err(|error| error.reason);
    for number in ["1.795984e+09", "1e3", "1E-7", "-2.5e0", "18446744073709551616", &"9".repeat(400), "1e999999999999"]
    {
        assert_eq!(foreign(number), Ok(Json::Number(number.to_owned())));
        assert_eq!(foreign(&format!("\u{feff}{{\"x\":{number}}}")).map(|json| json.get("x").is_some()), Ok(true));
    }
    for text in ["1e", "1e+", "1.e3", "e3", "1e3.5", "\u{feff}\u{feff}1"] {
        assert_eq!(foreign(text), Err(Reason::Syntax), "{text}");
    }
    assert!(foreign(&format!("{}1{}", "[".repeat(63), "]".repeat(63))).is_ok());
    assert_eq!(foreign(&format!("{}1{}", "[".repeat(64), "]".repeat(64))), Err(Reason::TooDeep));
    assert_eq!(foreign(r#"{"a":{"b":1,"b":1}}"#), Err(Reason::DuplicateName));
}

#[test]
fn an_error_names_the_member_of_the_root_that_it_is_in() {
    let member = |text: &str| read_naming_member(text.as_bytes(), Strictness::with_depth(8)).expect_err(text).1;
    for text in [
        r#"{"iss":"a","exp":1e3}"#,
        r#"{"iss":{"a":1},"exp":[{"b":1,"b":2}]}"#,
        r#"{"exp":1,"iss":2,"exp":3}"#,
        r#"{"exp":"#,
    ] {
        assert_eq!(member(text).as_deref(), Some("exp"), "{text}");
    }
    for text in ["", "1e3", r#"{"exp":1} x"#, r#"[{"exp":1e3}]"#] {
        assert_eq!(member(text), None, "{text}");
    }
}

#[test]
fn surrogates_come_in_pairs() {
    assert_eq!(read_at_depth(br#""\ud83d\ude00""#, 1), Ok(Json::String("😀".into())));
    for text in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx""#, r#""\ud83d\n""#, r#""\ud83d\u0041""#] {
        assert_eq!(reason(text), Reason::LoneSurrogate, "{text}");
    }
}

#[test]
fn attack_27_depth_and_rubbish_are_refused() {
    assert!(read_at_depth(b"[[[[[[[1]]]]]]]", 8).is_ok());
    assert_eq!(reason("[[[[[[[[1]]]]]]]]"), Reason::TooDeep);
    assert_eq!(reason(&"[".repeat(100_000)), Reason::TooDeep);
    for text in
        ["", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "'a'", "1 2", "\u{feff}1", "tru", "\"\t\"", "\"a", "{\"a\" 1}"]
    {
        assert_eq!(reason(text), Reason::Syntax, "{text:?}");
    }
    assert_eq!(read_at_depth(b"\"\xff\"", 1).expect_err("not utf-8").reason, Reason::NotUtf8);
}

proptest! {
    #[test]
    fn whatever_is_accepted_serde_json_reads_the_same_way(text in r#"[\[\]{}",:0-9a-c\\u. \-truefalsn]{0,40}"#) {
        if read_at_depth(text.as_bytes(), 8).is_ok() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }

    #[test]
    fn what_is_only_checked_is_refused_for_the_same_reason(text in r#"[\[\]{}",:0-9a-c\\u. \-truefalsn]{0,40}"#) {
        let strictness = Strictness::with_depth(8);
        prop_assert_eq!(check(text.as_bytes(), strictness), read(text.as_bytes(), strictness).map(drop));
    }

    #[test]
    fn whatever_is_accepted_of_others_serde_json_skips_the_same_way(text in r#"[\[\]{}",:0-9a-ceE+. \-]{0,40}"#) {
        let serde = serde_json::from_str::<serde::de::IgnoredAny>(&text);
        if read(text.as_bytes(), Strictness::FOREIGN).is_ok() {
            prop_assert!(serde.is_ok(), "{text}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_at_depth(&bytes, 8);
    }

    #[test]
    fn strings_survive(text in any::<String>()) {
        let encoded = serde_json::to_string(&text).expect("a string is JSON");
        prop_assert_eq!(read_at_depth(encoded.as_bytes(), 1), Ok(Json::String(text)));
    }
}
