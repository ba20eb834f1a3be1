//! The device in a browser: the page below `/device/`, held in memory, served with the headers that confine it.

mod confinement;
mod current;
mod embedded;
mod enroll;
mod folder;
mod identity;
mod letter;
mod page_file;
mod served;
mod service_worker;

use std::collections::BTreeMap;
use std::path::Path;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use crate::config::Config;
use crate::http::NO_STORE;
use confinement::{WORKER_POLICY, confine, page_policy};
pub(crate) use current::CurrentPage;
pub use folder::DevicePageError;
use page_file::{Coding, PageFile, media_type};
pub(crate) use served::ServedPage;

/// Path of the page, below the issuer's.
pub(crate) const DEVICE_PAGE: &str = "/device/";

/// The file that the page begins with.
const INDEX: &str = "index.html";
/// The script of its service worker.
const WORKER: &str = "sw.js";
/// Folder of the files whose names change with their content.
const ASSETS: &str = "assets/";
/// What is said at the page's address where there is none.
const NOT_BUILT: &str = "This provider has no device page. Its operator can build one: run `make web` in Countersign's \
                         repository and start the provider again, or set COUNTERSIGN_WEB to the folder that holds it.\n";
/// What is said there where the operator wants none.
const SWITCHED_OFF: &str = "This provider has no device page: `enabled = false` in [web_device].\n";

/// A built page: `index.html` and the files it loads. Made by `make web`.
#[derive(Debug)]
pub struct DevicePage {
    files: BTreeMap<String, PageFile>,
}

impl DevicePage {
    /// Reads a page from the folder it was built into. What changes there later is not served.
    ///
    /// # Errors
    /// [`DevicePageError`].
    pub fn read(folder: &Path) -> Result<DevicePage, DevicePageError> {
        let contents = folder::read(folder)?;
        DevicePage::new(contents).map_err(|name| DevicePageError::Foreign(folder.join(name)))
    }

    /// A page of these files, by their names below the page's address; a compressed form of `name` is `name.br` or `name.gz`.
    /// Fails with the name of a file that no page has.
    fn new(mut contents: BTreeMap<String, Bytes>) -> Result<DevicePage, String> {
        let is_compressed = |name: &str| Coding::ALL.iter().any(|coding| name.ends_with(coding.ending()));
        let names: Vec<String> = contents.keys().filter(|name| !is_compressed(name)).cloned().collect();
        let mut files = BTreeMap::new();
        for name in names {
            let Some(media_type) = media_type(&name) else { return Err(name) };
            let content = contents.remove(&name).unwrap_or_default();
            let compressed = |coding: Coding| Some((coding, contents.remove(&format!("{name}{}", coding.ending()))?));
            let compressed = Coding::ALL.into_iter().filter_map(compressed).collect();
            files.insert(name, PageFile::new(media_type, content, compressed));
        }
        match contents.into_keys().next() {
            Some(lonely) => Err(lonely),
            None => Ok(DevicePage { files }),
        }
    }
}

/// Routes of the page. Where there is none they say how to build it.
pub(crate) fn routes(config: &Config, page: CurrentPage) -> Router {
    let path = format!("{}{DEVICE_PAGE}", config.issuer.path());
    let absent = if config.web_device.enabled { NOT_BUILT } else { SWITCHED_OFF };
    let state = Served { page, policy: page_policy(&config.issuer), absent };
    let folder = path.clone();
    Router::new()
        .route(path.trim_end_matches('/'), get(async move || Redirect::permanent(&folder)))
        .route(&path, get(index))
        .route(&format!("{path}{{*name}}"), get(file))
        .with_state(state)
}

#[derive(Clone)]
struct Served {
    page: CurrentPage,
    /// Of responses where there is no page.
    policy: HeaderValue,
    /// What they say.
    absent: &'static str,
}

async fn index(State(served): State<Served>, headers: HeaderMap) -> Response {
    served.respond(INDEX, &headers)
}

async fn file(State(served): State<Served>, UrlPath(name): UrlPath<String>, headers: HeaderMap) -> Response {
    served.respond(&name, &headers)
}

impl Served {
    fn respond(&self, name: &str, request: &HeaderMap) -> Response {
        if let Some(page) = self.page.get() {
            return page.respond(name, request);
        }
        let script = (header::CONTENT_TYPE, "text/javascript; charset=utf-8");
        let mut response = match name {
            WORKER => ([script, NO_STORE], service_worker::REMOVAL).into_response(),
            _ => not_found(self.absent),
        };
        let policy = if name == WORKER { &WORKER_POLICY } else { &self.policy };
        confine(response.headers_mut(), policy);
        response
    }
}

fn not_found(text: &'static str) -> Response {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), NO_STORE], text).into_response()
}
