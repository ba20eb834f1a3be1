//! The recursive-descent reader behind [`super::read`].

use std::borrow::Cow;
use std::collections::HashSet;
use std::marker::PhantomData;

use super::{Json, JsonError, Numbers, Reason, Strictness, without_byte_order_mark};

/// Members of an object up to which a new name is compared with each; beyond, names are looked up.
const FEW_MEMBERS: usize = 16;

/// What is kept of a document that is read.
pub(super) trait Kept: Sized {
    fn scalar(value: Scalar<'_>) -> Self;
    fn array(elements: Vec<Self>) -> Self;
    fn object(members: Vec<(Cow<'_, str>, Self)>) -> Self;
}

/// A value without parts.
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(Cow<'a, str>),
}

impl Kept for Json {
    fn scalar(value: Scalar<'_>) -> Json {
        match value {
            Scalar::Null => Json::Null,
            Scalar::Bool(value) => Json::Bool(value),
            Scalar::Number(literal) => Json::Number(literal.to_owned()),
            Scalar::String(text) => Json::String(text.into_owned()),
        }
    }

    fn array(elements: Vec<Json>) -> Json {
        Json::Array(elements)
    }

    fn object(members: Vec<(Cow<'_, str>, Json)>) -> Json {
        Json::Object(members.into_iter().map(|(name, value)| (name.into_owned(), value)).collect())
    }
}

/// Nothing: the document is only checked.
impl Kept for () {
    fn scalar(_: Scalar<'_>) {}
    fn array(_: Vec<()>) {}
    fn object(_: Vec<(Cow<'_, str>, ())>) {}
}

/// A position in a text, and what is accepted there.
pub(super) struct Reader<'a, K> {
    text: &'a str,
    at: usize,
    strictness: Strictness,
    /// The member of the root object that is being read.
    member: Option<Cow<'a, str>>,
    kept: PhantomData<K>,
}

impl<'a, K: Kept> Reader<'a, K> {
    pub(super) fn new(text: &'a str, strictness: Strictness) -> Self {
        Self { text, at: 0, strictness, member: None, kept: PhantomData }
    }

    /// After an error: the member of the root object in which it happened.
    pub(super) fn into_member(self) -> Option<String> {
        self.member.map(Cow::into_owned)
    }

    /// The one value of the document, and nothing after it.
    pub(super) fn document(&mut self) -> Result<K, JsonError> {
        if self.strictness.byte_order_mark {
            self.at = self.text.len() - without_byte_order_mark(self.text.as_bytes()).len();
        }
        self.skip_space();
        let value = self.value(self.strictness.depth)?;
        self.member = None;
        self.skip_space();
        if self.at < self.text.len() {
            return Err(self.error(Reason::Syntax));
        }
        Ok(value)
    }

    fn error(&self, reason: Reason) -> JsonError {
        JsonError { reason, at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// What follows, as bytes.
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn expect(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if !self.rest().starts_with(word) {
            return Err(self.error(Reason::Syntax));
        }
        self.at += word.len();
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<K, JsonError> {
        if depth == 0 {
            return Err(self.error(Reason::TooDeep));
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(|text| K::scalar(Scalar::String(text))),
            Some(b'-' | b'0'..=b'9') => self.number().map(|literal| K::scalar(Scalar::Number(literal))),
            Some(b't') => self.expect(b"true").map(|()| K::scalar(Scalar::Bool(true))),
            Some(b'f') => self.expect(b"false").map(|()| K::scalar(Scalar::Bool(false))),
            Some(b'n') => self.expect(b"null").map(|()| K::scalar(Scalar::Null)),
            _ => Err(self.error(Reason::Syntax)),
        }
    }

    fn object(&mut self, depth: usize) -> Result<K, JsonError> {
        let mut members: Vec<(Cow<'a, str>, K)> = Vec::new();
        let mut names = Names::default();
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(K::object(members));
        }
        loop {
            self.skip_space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.error(Reason::Syntax));
            }
            let name = self.string()?;
            if depth == self.strictness.depth {
                self.member = Some(name.clone());
            }
            if names.has(&members, &name) {
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
                    return Ok(K::object(members));
                }
                _ => return Err(self.error(Reason::Syntax)),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<K, JsonError> {
        let mut elements = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(K::array(elements));
        }
        loop {
            self.skip_space();
            elements.push(self.value(depth - 1)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(K::array(elements));
                }
                _ => return Err(self.error(Reason::Syntax)),
            }
        }
    }

    fn number(&mut self) -> Result<&'a str, JsonError> {
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
        let integer = integer..self.at;
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.error(Reason::Syntax));
            }
            self.skip_digits();
        }
        let exponent = self.at;
        if let Some(b'e' | b'E') = self.peek() {
            self.skip_exponent()?;
        }
        let literal = self.text.get(start..self.at).unwrap_or_default();
        if let Numbers::Exact { max_integer, characters } = self.strictness.numbers {
            if exponent < self.at {
                return Err(JsonError { reason: Reason::Exponent, at: exponent });
            }
            let digits = self.text.as_bytes().get(integer).unwrap_or_default();
            let value =
                digits.iter().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
            if literal.len() > characters || value.is_none_or(|value| value > max_integer) {
                return Err(JsonError { reason: Reason::NumberTooLarge, at: start });
            }
        }
        Ok(literal)
    }

    fn skip_exponent(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        if let Some(b'+' | b'-') = self.peek() {
            self.at += 1;
        }
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.error(Reason::Syntax));
        }
        self.skip_digits();
        Ok(())
    }

    fn skip_digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let mut out = Cow::Borrowed(self.plain());
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.to_mut().push(self.escape()?),
                _ => return Err(self.error(Reason::Syntax)),
            }
            let more = self.plain();
            out.to_mut().push_str(more);
        }
    }

    /// The characters up to the string's end, the next escape, or what no string may have.
    fn plain(&mut self) -> &'a str {
        let rest = self.rest();
        let length = rest.iter().position(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\')).unwrap_or(rest.len());
        let start = self.at;
        self.at += length;
        // Both ends are ASCII or the text's own.
        self.text.get(start..self.at).unwrap_or_default()
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
                if !self.rest().starts_with(b"\\u") {
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

    /// Four hexadecimal digits after the `u` at the current position.
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

/// The names of an object's members so far. They are set apart only in a large object.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    /// Whether one of the members has this name, which is the next one's.
    fn has<K>(&mut self, members: &[(Cow<'_, str>, K)], name: &str) -> bool {
        if members.len() < FEW_MEMBERS {
            return members.iter().any(|(other, _)| other == name);
        }
        if self.0.is_empty() {
            self.0.extend(members.iter().map(|(name, _)| name.clone().into_owned()));
        }
        !self.0.insert(name.to_owned())
    }
}
