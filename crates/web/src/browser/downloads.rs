//! Downloads port: the browser saves a file where it saves all others, under a free name.

use std::future::ready;

use countersign_app::ports::{Downloads, NotSaved};
use countersign_device::ports::maybe_send::BoxFuture;
use countersign_device::ports::runtime::Runtime as _;
use js_sys::Array;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

use super::runtime::EventLoop;

/// How long the file is kept for the browser to read, in milliseconds.
const KEPT_MS: u64 = 60_000;

/// The browser's downloads.
pub(super) struct BrowserDownloads;

impl Downloads for BrowserDownloads {
    fn save<'a>(&'a self, name: &'a str, text: &'a str) -> BoxFuture<'a, Result<String, NotSaved>> {
        // A page is not told where, nor whether the person would.
        let saved = download(name, text).map(|()| name.to_owned());
        Box::pin(ready(saved.map_err(|_| NotSaved("this browser saves no file of this page".to_owned()))))
    }
}

fn download(name: &str, text: &str) -> Result<(), JsValue> {
    let none = || JsValue::from_str("there is no document");
    let document = web_sys::window().and_then(|window| window.document()).ok_or_else(none)?;
    let options = BlobPropertyBag::new();
    options.set_type("application/json");
    let parts = Array::of1(&JsValue::from_str(text));
    let url = Url::create_object_url_with_blob(&Blob::new_with_str_sequence_and_options(&parts, &options)?)?;
    let link: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // The browser reads it after the click, when is its own affair.
    spawn_local(async move {
        EventLoop.sleep(KEPT_MS).await;
        Url::revoke_object_url(&url).ok();
    });
    Ok(())
}
