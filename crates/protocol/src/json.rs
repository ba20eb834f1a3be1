//! A strict JSON reader (RFC 8259, I-JSON): everything that two readers could take for two things is refused.
//!
//! Refused: duplicate names at any depth (compared after unescaping), lone surrogates, nesting beyond a limit, integers
//! beyond 2^53 − 1, exponents, over-long number literals, a byte order mark, anything after the value. Number literals are
//! kept as they were sent.

use std::collections::HashSet;
use std::fmt;

use serde::de::DeserializeOwned;

use crate::limits;

/// A JSON value with the order of its members and its number literals as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number's literal, for example `4.20`.
    Number(String),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, its members in the order they were sent.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The member of this name, if this is an object that has one.
    pub fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(member, _)| member == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if this is an array.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The members, if this is an object.
    pub fn as_object(&self) -> Option<&[(String, Json)]> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }
}

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Not JSON at all.
    Syntax,
    /// Not UTF-8.
    NotUtf8,
    /// A name stands twice in one object.
    DuplicateName,
    /// A `\ud800`-like escape without its other half.
    LoneSurrogate,
    /// Nested deeper than allowed.
    TooDeep,
    /// An integer beyond 2^53 − 1, or a literal of more than 40 characters.
    NumberTooLarge,
    /// A number with an exponent.
    Exponent,
    /// Well-formed, but not the members this message has.
    Shape,
}

/// A text that was refused, and where. Holds nothing of the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}")]
pub struct JsonError {
    /// Why.
    pub reason: Reason,
    /// Offset in bytes from the start.
    pub at: usize,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Syntax => "this is not JSON",
            Reason::NotUtf8 => "this is not UTF-8",
            Reason::DuplicateName => "a name stands twice in one object",
            Reason::LoneSurrogate => "half of a surrogate pair stands alone",
            Reason::TooDeep => "this is nested too deeply",
            Reason::NumberTooLarge => "a number is too large to be kept exactly",
            Reason::Exponent => "a number has an exponent",
            Reason::Shape => "a member is missing or of another type",
        })
    }
}

/// Reads one JSON document, nested at most `depth` deep (a scalar root counts as 1).
///
/// # Errors
/// [`JsonError`] with the first thing that is wrong.
pub fn read(bytes: &[u8], depth: usize) -> Result<Json, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|e| JsonError { reason: Reason::NotUtf8, at: e.valid_up_to() })?;
    let mut reader = Reader { text: text.as_bytes(), at: 0 };
    reader.skip_space();
    let value = reader.value(depth)?;
    reader.skip_space();
    if reader.at < reader.text.len() {
        return Err(reader.error(Reason::Syntax));
    }
    Ok(value)
}

/// Reads one JSON document into a type, at the protocol's depth ([`limits::JSON_DEPTH`]).
///
/// # Errors
/// As [`read`]; [`Reason::Shape`] if the document is sound but not a `T`.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    read(bytes, limits::JSON_DEPTH)?;
    parse_checked(bytes)
}

/// As [`parse`], for a document that [`read`] has accepted just before.
pub(crate) fn parse_checked<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    serde_json::from_slice(bytes).map_err(|e| JsonError { reason: Reason::Shape, at: e.column().saturating_sub(1) })
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn error(&self, reason: Reason) -> JsonError {
        JsonError { reason, at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error(Reason::Syntax));
        }
        self.at += word.len();
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        if depth == 0 {
            return Err(self.error(Reason::TooDeep));
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            Some(b't') => self.expect(b"true").map(|()| Json::Bool(true)),
            Some(b'f') => self.expect(b"false").map(|()| Json::Bool(false)),
            Some(b'n') => self.expect(b"null").map(|()| Json::Null),
            _ => Err(self.error(Reason::Syntax)),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut names = HashSet::new();
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.error(Reason::Syntax));
            }
            let name = self.string()?;
            if !names.insert(name.clone()) {
                return Err(JsonError { reason: Reason::DuplicateName, at: start });
            }
            self.skip_space();
            self.expect(b":")?;
            self.skip_space();
            let value = self.value(depth - 1)?;
            members.push((name, value));
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Object(members));
                }
                _ => return Err(self.error(Reason::Syntax)),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut elements = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(elements));
        }
        loop {
            self.skip_space();
            elements.push(self.value(depth - 1)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::Array(elements));
                }
                _ => return Err(self.error(Reason::Syntax)),
            }
        }
    }

    fn number(&mut self) -> Result<String, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let integer = self.at;
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.skip_digits(),
            _ => return Err(self.error(Reason::Syntax)),
        }
        let integer = &self.text[integer..self.at];
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.error(Reason::Syntax));
            }
            self.skip_digits();
        }
        if let Some(b'e' | b'E') = self.peek() {
            return Err(self.error(Reason::Exponent));
        }
        let literal = &self.text[start..self.at];
        let too_large = JsonError { reason: Reason::NumberTooLarge, at: start };
        if literal.len() > limits::NUMBER_CHARACTERS {
            return Err(too_large);
        }
        let integer =
            integer.iter().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
        if integer.is_none_or(|integer| integer > limits::MAX_INTEGER) {
            return Err(too_large);
        }
        Ok(literal.iter().map(|&b| char::from(b)).collect())
    }

    fn skip_digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            match self.peek() {
                None | Some(0..=0x1f) => return Err(self.error(Reason::Syntax)),
                Some(b'"') => {
                    self.at += 1;
                    // Only whole characters were copied or made, from text that was UTF-8 to begin with.
                    return String::from_utf8(out).map_err(|_| self.error(Reason::NotUtf8));
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(_) => {
                    let rest = &self.text[self.at..];
                    let plain =
                        rest.iter().position(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\')).unwrap_or(rest.len());
                    out.extend_from_slice(&rest[..plain]);
                    self.at += plain;
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        self.at += 1;
        let simple = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => return Err(self.error(Reason::Syntax)),
        };
        self.at += 1;
        Ok(simple)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, JsonError> {
        let lone = JsonError { reason: Reason::LoneSurrogate, at: start };
        let first = self.hex4()?;
        let code = match first {
            0xd800..=0xdbff => {
                if !self.text[self.at..].starts_with(b"\\u") {
                    return Err(lone);
                }
                self.at += 1;
                let second = self.hex4()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(lone);
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            code => code,
        };
        char::from_u32(code).ok_or(lone)
    }

    /// Four hexadecimal digits after the `u` that the reader stands on.
    fn hex4(&mut self) -> Result<u32, JsonError> {
        self.at += 1;
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16)).ok_or(self.error(Reason::Syntax))?;
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reason(text: &str) -> Reason {
        read(text.as_bytes(), limits::JSON_DEPTH).expect_err(text).reason
    }

    #[test]
    fn a_name_twice_is_refused_at_any_depth_and_in_any_spelling() {
        assert_eq!(reason(r#"{"a":1,"a":1}"#), Reason::DuplicateName);
        assert_eq!(reason(r#"[{"x":{"b":1,"b":2}}]"#), Reason::DuplicateName);
        assert_eq!(reason(r#"{"a":1,"\u0061":2}"#), Reason::DuplicateName);
        assert!(read(br#"[{"a":1},{"a":1}]"#, 8).is_ok(), "the same name in two objects is fine");
    }

    #[test]
    fn numbers_keep_their_literal_or_are_refused() {
        assert_eq!(read(b"4.20", 1), Ok(Json::Number("4.20".into())));
        assert_eq!(read(b"-0", 1), Ok(Json::Number("-0".into())));
        assert_eq!(read(b"9007199254740991", 1), Ok(Json::Number("9007199254740991".into())));
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
    fn surrogates_come_in_pairs() {
        assert_eq!(read(br#""\ud83d\ude00""#, 1), Ok(Json::String("😀".into())));
        for text in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx""#, r#""\ud83d\n""#, r#""\ud83d\u0041""#] {
            assert_eq!(reason(text), Reason::LoneSurrogate, "{text}");
        }
    }

    #[test]
    fn attack_27_depth_and_rubbish_are_refused() {
        assert!(read(b"[[[[[[[1]]]]]]]", 8).is_ok());
        assert_eq!(reason("[[[[[[[[1]]]]]]]]"), Reason::TooDeep);
        assert_eq!(reason(&"[".repeat(100_000)), Reason::TooDeep);
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "'a'",
            "1 2",
            "\u{feff}1",
            "tru",
            "\"\t\"",
            "\"a",
            "{\"a\" 1}",
        ] {
            assert_eq!(reason(text), Reason::Syntax, "{text:?}");
        }
        assert_eq!(read(b"\"\xff\"", 1).expect_err("not utf-8").reason, Reason::NotUtf8);
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_serde_json_reads_the_same_way(text in r#"[\[\]{}",:0-9a-c\\u. \-truefalsn]{0,40}"#) {
            if read(text.as_bytes(), 8).is_ok() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, limits::JSON_DEPTH);
        }

        #[test]
        fn strings_survive(text in any::<String>()) {
            let encoded = serde_json::to_string(&text).expect("a string is JSON");
            prop_assert_eq!(read(encoded.as_bytes(), 1), Ok(Json::String(text)));
        }
    }
}
