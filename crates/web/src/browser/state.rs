//! State port of the app: one record in the page's database.

use std::rc::Rc;
use std::sync::Arc;

use countersign_app::ports::StateStore;
use countersign_device::ports::maybe_send::BoxFuture;
use countersign_device::ports::vault::VaultError;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use super::database::{Database, failed, result_of, stores};
use super::device_lock::DeviceLock;
use super::js;

const APP: &str = "app";

/// The app's own state in this database, written while the lock is held; without one, it is forgotten with the page.
pub(super) fn kept_in(device: Option<(Rc<Database>, Rc<DeviceLock>)>) -> Arc<dyn StateStore> {
    match device {
        Some((database, lock)) => Arc::new(WebState(database, lock)),
        None => Arc::new(Forgotten),
    }
}

/// The app's own state in the page's database.
struct WebState(Rc<Database>, Rc<DeviceLock>);

/// Of a page that is not the device: it would write over what the device keeps.
struct Forgotten;

impl StateStore for Forgotten {
    fn read(&self) -> BoxFuture<'_, Option<Vec<u8>>> {
        Box::pin(std::future::ready(None))
    }

    fn write(&self, _: Vec<u8>) {}
}

impl StateStore for WebState {
    fn read(&self) -> BoxFuture<'_, Option<Vec<u8>>> {
        Box::pin(async move {
            let reading = self.0.read(&[stores::STATE]).ok()?;
            let found = result_of(reading.store(stores::STATE).ok()?.get(&JsValue::from_str(APP))).await.ok()?;
            (!found.is_undefined()).then(|| js::bytes(&found))
        })
    }

    fn write(&self, state: Vec<u8>) {
        let (database, lock) = (Rc::clone(&self.0), Rc::clone(&self.1));
        // In the order of the calls: tasks begin in that order, and so do their transactions.
        spawn_local(async move {
            if let Err(error) = replace(&database, &state).await {
                tracing::warn!(%error, "the app's state could not be written");
            }
            // Free after the last write: another page begins with what this one wrote.
            drop(lock);
        });
    }
}

async fn replace(database: &Database, state: &[u8]) -> Result<(), VaultError> {
    let writing = database.write(&[stores::STATE])?;
    let store = writing.store(stores::STATE)?;
    store.put_with_key(&js::array(state), &JsValue::from_str(APP)).map_err(failed)?;
    writing.complete().await
}
