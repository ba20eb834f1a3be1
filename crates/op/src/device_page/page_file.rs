//! One file as HTTP sends it: its type, its compressed forms, and how long it is kept.

use std::fmt;
use std::io::{self, Write as _};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use countersign_jose::base64url;
use flate2::Compression;
use flate2::write::GzEncoder;
use ring::digest;

/// A compressed form of a file (RFC 9110 §8.4.1), in the order in which this server prefers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    pub(super) const ALL: [Coding; 2] = [Coding::Brotli, Coding::Gzip];

    /// The ending of the file that the build makes of it.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Coding::Brotli => ".br",
            Coding::Gzip => ".gz",
        }
    }

    /// Its name in `Accept-Encoding` and `Content-Encoding`.
    const fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Gzip => "gzip",
        }
    }
}

/// A file in memory.
#[derive(Clone)]
pub(super) struct PageFile {
    pub(super) media_type: &'static str,
    pub(super) content: Bytes,
    compressed: Vec<(Coding, Bytes)>,
    /// SHA-256 of the content.
    pub(super) hash: [u8; 32],
}

impl fmt::Debug for PageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.media_type, self.content.len())
    }
}

impl PageFile {
    pub(super) fn new(media_type: &'static str, content: Bytes, compressed: Vec<(Coding, Bytes)>) -> PageFile {
        let hash = digest::digest(&digest::SHA256, &content);
        let hash = hash.as_ref().try_into().expect("SHA-256 has 32 bytes");
        PageFile { media_type, content, compressed, hash }
    }

    /// A file that is made when the provider starts, compressed here.
    pub(super) fn made(media_type: &'static str, content: impl Into<Bytes>) -> PageFile {
        let content = content.into();
        let compressed = gzip(&content).expect("memory takes every byte");
        PageFile::new(media_type, content, vec![(Coding::Gzip, compressed)])
    }

    /// A file whose name changes with its content is kept for a year, any other is asked for anew each time.
    pub(super) fn respond(&self, named_by_content: bool, request: &HeaderMap) -> Response {
        let compressed = self.compressed.iter().find(|(coding, _)| accepts(request, coding.name()));
        let tag = base64url::encode(&self.hash[..16]);
        let (body, tag) = match compressed {
            Some((coding, content)) => (content, format!("\"{tag}-{}\"", coding.name())),
            None => (&self.content, format!("\"{tag}\"")),
        };
        let is_known = request.get_all(header::IF_NONE_MATCH).iter().any(|known| names(known, &tag));
        let mut response = match is_known {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => Body::from(body.clone()).into_response(),
        };
        let kept = if named_by_content { "public, max-age=31536000, immutable" } else { "no-cache" };
        let mut set = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
        set(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        set(header::ETAG, HeaderValue::try_from(tag).expect("base64url is ASCII"));
        set(header::CACHE_CONTROL, HeaderValue::from_static(kept));
        if !self.compressed.is_empty() {
            set(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
        }
        if let Some((coding, _)) = compressed {
            set(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        response
    }
}

fn gzip(content: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?.into())
}

/// By the name's ending; `None` for what no page has.
pub(super) fn media_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => SVG,
        "png" => PNG,
        _ => return None,
    })
}

pub(super) const SVG: &str = "image/svg+xml";
pub(super) const PNG: &str = "image/png";

/// Whether the response may be coded so (RFC 9110 §12.5.3): the coding is named, and not with the weight 0.
fn accepts(request: &HeaderMap, coding: &str) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|accepted| {
        let mut parts = accepted.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = parts.find_map(|parameter| parameter.strip_prefix("q=")).unwrap_or("1");
        is_named && weight.parse::<f32>().is_ok_and(|weight| weight > 0.0)
    })
}

/// Whether `If-None-Match` (RFC 9110 §13.1.2) names this tag, by the weak comparison.
fn names(header: &HeaderValue, tag: &str) -> bool {
    let tags = header.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.into_iter().any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
