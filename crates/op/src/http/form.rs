//! Strict parser of form bodies: UTF-8, each parameter at most once (RFC 6749 §3.1, appendix B) but `resource` (RFC
//! 8707 §2); and of the same parameters as JSON.

use std::collections::HashSet;
use std::fmt;

use countersign_jose::json::{self, Json, Strictness};

/// The one parameter that may appear more than once (RFC 8707 §2).
const REPEATABLE: &str = "resource";

/// Parameters of a request. Has no `Debug`: client secrets are among them.
pub(crate) struct Form {
    parameters: Vec<(String, String)>,
    was_json: bool,
}

/// Why a body is refused; always `invalid_request` on the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    /// Another media type.
    #[error("the body must be application/x-www-form-urlencoded in UTF-8")]
    MediaType,
    /// Not strict JSON, or not an object of strings.
    #[error("the body must be a JSON object whose members are strings, each once")]
    Json,
    /// Not UTF-8 after decoding, or a % without two hexadecimal digits.
    #[error("the body is not form-urlencoded UTF-8")]
    Encoding,
    /// A parameter that appears more than once.
    #[error("the parameter {0} appears more than once: send each parameter once")]
    Repeated(ParameterName),
}

/// A parameter's name, safe to repeat in an error: letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParameterName(String);

impl fmt::Display for ParameterName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Form {
    /// Parses a body with this `Content-Type`.
    ///
    /// # Errors
    /// [`FormError`].
    pub(crate) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Form, FormError> {
        let charset = content_type.and_then(form_charset).ok_or(FormError::MediaType)?;
        let mut parameters: Vec<(String, String)> = Vec::new();
        let mut names = HashSet::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let equals = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = pair.split_at(equals.unwrap_or(pair.len()));
            let name = decode(name).ok_or(FormError::Encoding)?;
            let value = decode(value.get(1..).unwrap_or_default()).ok_or(FormError::Encoding)?;
            if charset == Charset::AsciiOnly && !(name.is_ascii() && value.is_ascii()) {
                return Err(FormError::MediaType);
            }
            if !names.insert(name.clone()) && name != REPEATABLE {
                let printable =
                    name.len() <= 60 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                return Err(FormError::Repeated(ParameterName(if printable { name } else { "(unknown)".to_owned() })));
            }
            parameters.push((name, value));
        }
        Ok(Form { parameters, was_json: false })
    }

    /// Parses a JSON body: an object of strings; `resource` may be an array of strings.
    ///
    /// # Errors
    /// [`FormError::Json`].
    pub(crate) fn parse_json(body: &[u8]) -> Result<Form, FormError> {
        // Object, array, string.
        let Ok(Json::Object(members)) = json::read(body, Strictness::with_depth(3)) else {
            return Err(FormError::Json);
        };
        let mut parameters = Vec::new();
        for (name, value) in members {
            parameters.extend(parameter(&name, &value).ok_or(FormError::Json)?);
        }
        Ok(Form { parameters, was_json: true })
    }

    /// Whether the parameters came as JSON.
    pub(crate) fn was_json(&self) -> bool {
        self.was_json
    }

    /// Parameters from another source, each name at most once but `resource`.
    pub(crate) fn from_parameters(parameters: Vec<(String, String)>) -> Form {
        Form { parameters, was_json: false }
    }

    /// The parameter's value. An empty value counts as omitted (RFC 6749 §3.1).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.parameters.iter().find(|(parameter, _)| parameter == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// Every parameter with its value, empty ones too.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// All values of a parameter that may appear more than once.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.parameters
            .iter()
            .filter(move |(parameter, value)| parameter == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }
}

/// A JSON member as form parameters: a string, or an array of strings for `resource`. `None` for any other value.
pub(crate) fn parameter(name: &str, value: &Json) -> Option<Vec<(String, String)>> {
    let named = |value: &str| (name.to_owned(), value.to_owned());
    match value {
        Json::String(value) => Some(vec![named(value)]),
        Json::Array(several) if name == REPEATABLE => several.iter().map(|one| one.as_str().map(named)).collect(),
        _ => None,
    }
}

/// What the charset of a form means for its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    Utf8,
    /// One that agrees with UTF-8 in ASCII alone.
    AsciiOnly,
}

/// The charset of an `application/x-www-form-urlencoded` body, UTF-8 where none is named (the media type defines none); `None` for
/// another media type or charset.
fn form_charset(content_type: &str) -> Option<Charset> {
    let mut parts = content_type.split(';');
    let media_type = parts.next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return None;
    }
    let mut charset = Charset::Utf8;
    for parameter in parts {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.trim().eq_ignore_ascii_case("charset") {
            charset = match value.trim().trim_matches('"').to_ascii_lowercase().as_str() {
                "utf-8" | "utf8" => charset,
                "us-ascii" | "iso-8859-1" => Charset::AsciiOnly,
                _ => return None,
            };
        }
    }
    Some(charset)
}

/// Form-decodes: `+` and `%20` are spaces. `None` for a malformed escape or invalid UTF-8.
pub(crate) fn decode(encoded: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                out.push(u8::try_from(high * 16 + low).ok()?);
            }
            other => out.push(*other),
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

    #[test]
    fn parameters_are_decoded_once() {
        let Ok(form) = Form::parse(FORM, b"a=1+2&b=%C3%BC%2B&empty=&bare&c=x%3Dy") else { panic!("a valid form") };
        assert_eq!(form.get("a"), Some("1 2"));
        assert_eq!(form.get("b"), Some("ü+"));
        assert_eq!(form.get("c"), Some("x=y"));
        assert_eq!((form.get("empty"), form.get("bare"), form.get("absent")), (None, None, None));
    }

    #[test]
    fn ambiguous_forms_are_refused() {
        let refused = |content_type, body: &[u8]| Form::parse(content_type, body).err();
        assert_eq!(refused(FORM, b"scope=a&scope=a"), Some(FormError::Repeated(ParameterName("scope".into()))));
        assert_eq!(refused(FORM, b"scope=a&sc%6Fpe=b"), Some(FormError::Repeated(ParameterName("scope".into()))));
        assert_eq!(refused(FORM, b"a%22=&a%22="), Some(FormError::Repeated(ParameterName("(unknown)".into()))));
        for body in [b"a=%".as_slice(), b"a=%4", b"a=%zz", b"a=%ff", b"a=\xff"] {
            assert_eq!(refused(FORM, body), Some(FormError::Encoding), "{body:?}");
        }
    }

    #[test]
    fn only_resource_may_appear_more_than_once() {
        let all = |form: &Form| form.all("resource").map(str::to_owned).collect::<Vec<_>>();
        let Ok(form) = Form::parse(FORM, b"resource=a&resource=&a=1&resource=b") else { panic!("a valid form") };
        assert_eq!(all(&form), ["a", "b"]);
        let Ok(form) = Form::parse_json(br#"{"resource":["a","b"]}"#) else { panic!("valid JSON") };
        assert_eq!(all(&form), ["a", "b"]);
        for body in [br#"{"resource":["a",1]}"#.as_slice(), br#"{"resource":[["a"]]}"#, br#"{"audience":["a","b"]}"#] {
            assert_eq!(Form::parse_json(body).err(), Some(FormError::Json), "{body:?}");
        }
    }

    #[test]
    fn a_json_body_is_one_object_of_strings() {
        let Ok(form) = Form::parse_json(br#" {"a":"1 2","b":"\u00fc+","empty":""} "#) else { panic!("valid JSON") };
        assert_eq!((form.get("a"), form.get("b"), form.get("empty")), (Some("1 2"), Some("ü+"), None));
        assert!(form.was_json());
        for body in [
            b"".as_slice(),
            b"[]",
            b"\"a\"",
            br#"{"a":1}"#,
            br#"{"a":null}"#,
            br#"{"a":["1"]}"#,
            br#"{"a":{"b":"1"}}"#,
            br#"{"a":"1","a":"1"}"#,
            br#"{"a":"1"}{"#,
            b"{\"a\":\"\xff\"}",
        ] {
            assert_eq!(Form::parse_json(body).err(), Some(FormError::Json), "{body:?}");
        }
    }

    #[test]
    fn only_forms_in_utf8_are_read() {
        let read = |content_type| Form::parse(content_type, b"a=1").is_ok();
        assert!(read(FORM));
        assert!(read(Some("Application/X-WWW-Form-Urlencoded; charset=\"UTF-8\"")));
        for charset in ["utf8", "US-ASCII", "ISO-8859-1", "\"iso-8859-1\""] {
            let named = format!("application/x-www-form-urlencoded;charset={charset}");
            assert!(Form::parse(Some(&named), b"a=1").is_ok(), "{named}");
            let beyond_ascii = Form::parse(Some(&named), b"a=%C3%BC");
            assert_eq!(beyond_ascii.is_ok(), charset == "utf8", "{named}: is it one letter, or two?");
        }
        for other in [
            None,
            Some("application/json"),
            Some("text/plain"),
            Some("application/x-www-form-urlencoded;charset=latin1"),
        ] {
            assert!(!read(other), "{other:?}");
        }
    }
}
