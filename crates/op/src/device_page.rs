//! The device in a browser: the page below `/device/`, held in memory, served with the headers that confine it.

mod current;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use countersign_jose::base64url;
use countersign_private_files::{PermissionError, SecretError, check_folder, read_settings};
use countersign_protocol::issuer::Issuer;
use ring::digest;

pub(crate) use current::CurrentPage;

use crate::http::NO_STORE;

/// Path of the page, below the issuer's.
pub(crate) const DEVICE_PAGE: &str = "/device/";

/// The file that the page begins with.
const INDEX: &str = "index.html";
/// The service worker, which the browser starts when this provider pushes.
const WORKER: &str = "sw.js";
/// Folder of the files whose names change with their content.
const ASSETS: &str = "assets/";
/// What the worker may load: itself alone, and calls to its own origin. It imports no script.
const WORKER_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'wasm-unsafe-eval'; connect-src 'self'; img-src 'self'; \
     require-trusted-types-for 'script'; trusted-types 'none'",
);
/// Largest page, in bytes: a folder that is something else is not read into memory.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// What is said at the page's address where there is none.
const NOT_BUILT: &str = "This provider has no device page. Its operator can build one: run `make web` in Countersign's \
                         repository and start the provider again, or set COUNTERSIGN_WEB to the folder that holds it.\n";

/// A built page: `index.html` and the files it loads. Made by `make web`.
#[derive(Debug)]
pub struct DevicePage {
    files: BTreeMap<String, PageFile>,
}

/// Why a folder is no page that can be served. Each text ends with what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevicePageError {
    /// There is no `index.html`.
    #[error("{0} holds no index.html; build the page (make web), or name the folder that it was built into")]
    NotBuilt(PathBuf),
    /// A file of a kind that no page has, a symbolic link, or a name that is not Unicode.
    #[error("{0} is no file of a device page; build the page into a folder of its own: make web")]
    Foreign(PathBuf),
    /// More than 32 MiB.
    #[error("{0} holds more than 32 MiB; name the folder that the page was built into")]
    TooLarge(PathBuf),
    /// Others may change a file: they could approve in the name of everybody who opens the page.
    #[error(transparent)]
    Permissions(#[from] PermissionError),
    /// The system refused to read it.
    #[error("{path} can't be read: {source}; check that this user may read it")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl DevicePageError {
    /// The code in snake_case.
    pub const fn code(&self) -> &'static str {
        "device_page"
    }
}

#[derive(Debug)]
struct PageFile {
    media_type: &'static str,
    plain: Bytes,
    /// The same compressed, where the build made that.
    gzip: Option<Bytes>,
    /// SHA-256 of the content, shortened: the entity tag without its quotes.
    tag: String,
}

impl DevicePage {
    /// Reads a page from the folder it was built into. What changes there later is not served.
    ///
    /// # Errors
    /// [`DevicePageError`].
    pub fn read(folder: &Path) -> Result<DevicePage, DevicePageError> {
        check_folder(folder)?;
        if !folder.join(INDEX).is_file() {
            return Err(DevicePageError::NotBuilt(folder.to_owned()));
        }
        let mut contents = BTreeMap::new();
        let mut left = MAX_BYTES;
        read_folder(folder, "", &mut left, &mut contents)?;
        DevicePage::new(folder, contents)
    }

    /// A page of these files, by their names below the page's address. `name.gz` is the compressed form of `name`.
    fn new(folder: &Path, mut contents: BTreeMap<String, Bytes>) -> Result<DevicePage, DevicePageError> {
        let names: Vec<String> = contents.keys().filter(|name| !name.ends_with(".gz")).cloned().collect();
        let mut files = BTreeMap::new();
        for name in names {
            let media_type = media_type(&name).ok_or_else(|| DevicePageError::Foreign(folder.join(&name)))?;
            let plain = contents.remove(&name).unwrap_or_default();
            let gzip = contents.remove(&format!("{name}.gz"));
            let tag = base64url::encode(&digest::digest(&digest::SHA256, &plain).as_ref()[..16]);
            files.insert(name, PageFile { media_type, plain, gzip, tag });
        }
        match contents.into_keys().next() {
            Some(lonely) => Err(DevicePageError::Foreign(folder.join(lonely))),
            None => Ok(DevicePage { files }),
        }
    }
}

/// Adds every file below `folder` to `contents`, by its name with `prefix`. `left` is how many bytes may still come.
fn read_folder(
    folder: &Path,
    prefix: &str,
    left: &mut u64,
    contents: &mut BTreeMap<String, Bytes>,
) -> Result<(), DevicePageError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| DevicePageError::Unreadable { path, source }
    };
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let entry = entry.map_err(unreadable(folder))?;
        let path = entry.path();
        // Not that of a link's target.
        let metadata = entry.metadata().map_err(unreadable(&path))?;
        let name = match entry.file_name().to_str() {
            Some(name) if !metadata.is_symlink() => format!("{prefix}{name}"),
            _ => return Err(DevicePageError::Foreign(path)),
        };
        if metadata.is_dir() {
            check_folder(&path)?;
            read_folder(&path, &format!("{name}/"), left, contents)?;
            continue;
        }
        *left = left.checked_sub(metadata.len()).ok_or_else(|| DevicePageError::TooLarge(folder.to_owned()))?;
        let content = read_settings(&path).map_err(|error| match error {
            SecretError::Permissions(error) => DevicePageError::Permissions(error),
            SecretError::Unreadable(source) => DevicePageError::Unreadable { path, source },
            other => DevicePageError::Unreadable { path, source: io::Error::other(other) },
        })?;
        contents.insert(name, Bytes::from(content));
    }
    Ok(())
}

/// By the name's ending; `None` for what no page has.
fn media_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webmanifest" => "application/manifest+json",
        _ => return None,
    })
}

/// Routes of the page. Where there is none they say how to build it.
pub(crate) fn routes(issuer: &Issuer, page: CurrentPage) -> Router {
    let path = format!("{}{DEVICE_PAGE}", issuer.path());
    let state = Served { page, policy: content_security_policy(issuer) };
    let folder = path.clone();
    Router::new()
        .route(path.trim_end_matches('/'), get(async move || Redirect::permanent(&folder)))
        .route(&path, get(index))
        .route(&format!("{path}{{*name}}"), get(file))
        .with_state(state)
}

/// What the page may load and do. Scripts come from `assets/` alone, so that no other response of this origin can become one.
fn content_security_policy(issuer: &Issuer) -> HeaderValue {
    // Both characters have a meaning in the header, and may be in a path.
    let page = format!("{}{}{DEVICE_PAGE}", issuer.origin(), issuer.path()).replace(';', "%3B").replace(',', "%2C");
    let policy = format!(
        "default-src 'none'; script-src {page}{ASSETS} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; manifest-src 'self'; worker-src {page}{WORKER}; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html countersign"
    );
    HeaderValue::try_from(policy).expect("a serialized URL is ASCII")
}

#[derive(Clone)]
struct Served {
    page: CurrentPage,
    policy: HeaderValue,
}

async fn index(State(served): State<Served>, headers: HeaderMap) -> Response {
    served.respond(INDEX, &headers)
}

async fn file(State(served): State<Served>, UrlPath(name): UrlPath<String>, headers: HeaderMap) -> Response {
    served.respond(&name, &headers)
}

impl Served {
    fn respond(&self, name: &str, request: &HeaderMap) -> Response {
        let mut response = match self.page.get().as_deref().map(|page| page.files.get(name)) {
            Some(Some(file)) => file.respond(name.starts_with(ASSETS), request),
            Some(None) => not_found("The device page has no such file.\n"),
            None => not_found(NOT_BUILT),
        };
        let headers = response.headers_mut();
        let policy = if name == WORKER { WORKER_POLICY } else { self.policy.clone() };
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        for (name, value) in [
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (HeaderName::from_static("permissions-policy"), PERMISSIONS),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

fn not_found(text: &'static str) -> Response {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), NO_STORE], text).into_response()
}

/// Passkeys and the camera, which reads QR codes, for the page itself; what else browsers would give without asking, for nobody.
const PERMISSIONS: &str = "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(self), \
                           microphone=(), geolocation=(), payment=(), usb=(), serial=(), hid=(), \
                           display-capture=(), identity-credentials-get=()";

impl PageFile {
    /// A file whose name changes with its content is kept for a year, any other is asked for anew each time.
    fn respond(&self, named_by_content: bool, request: &HeaderMap) -> Response {
        let (body, tag, encoding) = match &self.gzip {
            Some(gzip) if accepts_gzip(request) => (gzip, format!("\"{}-gzip\"", self.tag), Some("gzip")),
            _ => (&self.plain, format!("\"{}\"", self.tag), None),
        };
        let is_known = request.get_all(header::IF_NONE_MATCH).iter().any(|known| names(known, &tag));
        let mut response = match is_known {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => Body::from(body.clone()).into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(header::ETAG, HeaderValue::try_from(tag).expect("base64url is ASCII"));
        let kept = if named_by_content { "public, max-age=31536000, immutable" } else { "no-cache" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
        if self.gzip.is_some() {
            headers.insert(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
        }
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }
}

/// Whether the response may be compressed (RFC 9110 §12.5.3): gzip is named, and not with the weight 0.
fn accepts_gzip(request: &HeaderMap) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|parameter| parameter.strip_prefix("q=")).unwrap_or("1");
        is_gzip && weight.parse::<f32>().is_ok_and(|weight| weight > 0.0)
    })
}

/// Whether `If-None-Match` (RFC 9110 §13.1.2) names this tag, by the weak comparison.
fn names(header: &HeaderValue, tag: &str) -> bool {
    let tags = header.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.into_iter().any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
