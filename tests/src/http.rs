//! HTTP/1.1 by hand, one request per connection: tests need the exact bytes, also those that no library would send.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use std::fmt::Write as _;

use crate::PATIENCE;

/// A whole response.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body, no longer chunked.
    pub body: Vec<u8>,
}

impl Response {
    /// The one value of a header.
    ///
    /// # Panics
    /// If it appears more than once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(header, _)| header == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "the header {name} appears more than once: {:?}", self.headers);
        value
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it isn't.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    /// The member `error` of an OAuth error.
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request to an `http://127.…` URL.
///
/// # Panics
/// If no response comes.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    try_send(method, url, headers, body).unwrap_or_else(|error| panic!("{method} {url}: {error}"))
}

/// Sends a request to an `http://127.…` or `http://localhost` URL.
///
/// # Errors
/// If no whole response comes.
pub fn try_send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Response> {
    let (host, path) = split(url);
    // A bare machine's resolver may not know the name.
    let address = host.replacen("localhost:", "127.0.0.1:", 1);
    let address: SocketAddr = address.parse().expect("a test's URL names an IP address and a port");
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        let _ = write!(head, "host: {host}\r\n");
    }
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if method != "GET" || !body.is_empty() {
        let _ = write!(head, "content-length: {}\r\n", body.len());
    }
    head.push_str("\r\n");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE * 2))?;
    // A server may refuse a large body by its head and close; what it said is there to be read all the same.
    let written = stream.write_all(&[head.as_bytes(), body].concat());
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    parse(&bytes).ok_or_else(|| {
        let why =
            written.err().or(read.err()).map_or_else(|| "no whole response".to_owned(), |error| error.to_string());
        io::Error::other(why)
    })
}

/// POSTs a form.
///
/// # Panics
/// As [`send`].
pub fn post_form(url: &str, headers: &[(&str, &str)], parameters: &[(&str, &str)]) -> Response {
    let headers = [headers, &[("content-type", "application/x-www-form-urlencoded")]].concat();
    send("POST", url, &headers, form(parameters).as_bytes())
}

/// Parameters as `application/x-www-form-urlencoded`.
pub fn form(parameters: &[(&str, &str)]) -> String {
    let pairs = parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").expect("tests talk plain http on loopback");
    let slash = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(slash);
    (host, if path.is_empty() { "/" } else { path })
}

/// The first line and the headers of a message.
struct Head<'b> {
    /// The second word of the first line: a response's status, a request's target.
    second: &'b str,
    /// Names in lower case, in the order they came.
    headers: Vec<(String, String)>,
    /// What comes after it.
    rest: &'b [u8],
}

impl Head<'_> {
    /// Reads a head that is there to its end.
    fn read(bytes: &[u8]) -> Option<Head<'_>> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let second = lines.next()?.split(' ').nth(1)?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Head { second, headers, rest: &bytes[end + 4..] })
    }
}

fn parse(bytes: &[u8]) -> Option<Response> {
    let Head { second, headers, rest } = Head::read(bytes)?;
    let status = second.parse().ok()?;
    let value = |name| headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str());
    let body = if value("transfer-encoding") == Some("chunked") {
        unchunked(rest)?
    } else {
        match value("content-length") {
            Some(length) => rest.get(..length.parse().ok()?)?.to_vec(),
            None => rest.to_vec(),
        }
    };
    Some(Response { status, headers, body })
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..length)?);
        rest = rest.get(length + 2..)?;
    }
}
