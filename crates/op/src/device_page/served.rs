//! A page as one provider serves it: by its name, with its icons, confined to its address.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::confinement::{IMAGE_POLICY, WORKER_POLICY, confine, page_policy};
use super::enroll::HandOver;
use super::page_file::PageFile;
use super::{ASSETS, DevicePage, WORKER, identity, not_found, service_worker};
use crate::config::Config;

/// The files, and the response at the address of enrollment links.
pub(crate) struct ServedPage {
    files: BTreeMap<String, PageFile>,
    hand_over: HandOver,
    policy: HeaderValue,
}

impl ServedPage {
    /// A built page, by the name in this configuration.
    pub(crate) fn new(page: DevicePage, config: &Config) -> ServedPage {
        let policy = page_policy(&config.issuer);
        let mut files = page.files;
        identity::name_page(&mut files, config);
        service_worker::list_shell(&mut files, &policy);
        ServedPage { files, hand_over: HandOver::new(config.web_device.name(&config.name)), policy }
    }

    /// What an enrollment link opens.
    pub(crate) fn hand_over(&self) -> Response {
        self.hand_over.respond()
    }

    /// A file, or that there is none of this name.
    pub(super) fn respond(&self, name: &str, request: &HeaderMap) -> Response {
        let mut response = match self.files.get(name) {
            Some(file) => file.respond(name.starts_with(ASSETS), request),
            None => not_found("The device page has no such file.\n"),
        };
        let policy = match name {
            WORKER => &WORKER_POLICY,
            name if identity::is_icon(name) => &IMAGE_POLICY,
            _ => &self.policy,
        };
        confine(response.headers_mut(), policy);
        response
    }
}
