//! The page's service worker: its script says what the files of the page are, and goes when the page does.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue};
use countersign_jose::base64url;
use ring::digest;
use serde_json::{Map, Value, json};

use super::confinement::confine;
use super::page_file::PageFile;
use super::{ASSETS, INDEX, WORKER};

/// Takes away a worker of an earlier start, and the files that it kept; what the person's device stored stays. A missing script would
/// leave it: browsers keep the worker they have.
pub(super) const REMOVAL: &str = "\
self.addEventListener(\"install\", () => self.skipWaiting());
self.addEventListener(\"activate\", (event) =>
  event.waitUntil(
    (async () => {
      const prefix = `countersign-shell ${self.registration.scope} `;
      for (const name of await caches.keys()) if (name.startsWith(prefix)) await caches.delete(name);
      await self.registration.unregister();
    })(),
  ),
);
";

/// Puts the list of the page's files before the worker's script: the worker serves none but these, each checked by its hash, with
/// these headers. A page that changed in one byte has another script, by which browsers see that there is a new one.
pub(super) fn list_shell(files: &mut BTreeMap<String, PageFile>, policy: &HeaderValue) {
    let Some(worker) = files.get(WORKER) else { return };
    let mut shell = Map::new();
    let mut all = digest::Context::new(&digest::SHA256);
    for (name, file) in files.iter().filter(|(name, _)| *name == INDEX || name.starts_with(ASSETS)) {
        all.update(name.as_bytes());
        all.update(&file.hash);
        shell.insert(name.clone(), json!({ "hash": base64url::encode(&file.hash), "type": file.media_type }));
    }
    let mut headers = HeaderMap::new();
    confine(&mut headers, policy);
    let headers: Map<String, Value> =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().into())).collect();
    let version = base64url::encode(&all.finish().as_ref()[..12]);
    let shell = json!({ "version": version, "files": shell, "headers": headers });
    let script = [b"self.countersignShell=", shell.to_string().as_bytes(), b";\n", &worker.content].concat();
    let worker = PageFile::made(worker.media_type, script);
    files.insert(WORKER.to_owned(), worker);
}
