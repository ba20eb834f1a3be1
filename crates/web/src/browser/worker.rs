//! The device in a service worker: opened for one look, and closed. It has no way to an answer.

use std::sync::Arc;

use countersign_app::{Failure, Look};
use countersign_device::Device;
use countersign_device::ports::runtime::Runtime as _;
use countersign_jose::random::Random;
use futures_util::future::{Either, select};
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;

use super::device_lock::DeviceLock;
use super::page::{device_in, failure, ports, to_js};
use super::push_service::BrowserPush;
use super::randomness::BrowserRandom;
use super::runtime::EventLoop;
use crate::exception::storage_error;

/// The device of this origin, for a worker that was woken. Freed, it ends, and a page can be the device.
#[wasm_bindgen]
pub struct WokenDevice {
    device: Device,
}

#[wasm_bindgen]
impl WokenDevice {
    /// Opens the device; `undefined` where a page keeps it for longer than `patience_ms`: something is under way there.
    ///
    /// # Errors
    /// A `Failure`.
    pub async fn open(patience_ms: u32) -> Result<Option<WokenDevice>, JsValue> {
        let lock = DeviceLock::take_within(u64::from(patience_ms)).await;
        let lock =
            lock.map_err(|thrown| to_js(&failure("no_locks", &storage_error(&super::js::exception_name(&thrown)))))?;
        let Some(lock) = lock else { return Ok(None) };
        let random: Arc<dyn Random> = Arc::new(BrowserRandom);
        let (device, ..) =
            device_in(&ports(&random), random, lock).await.map_err(|error| to_js(&Failure::from(error)))?;
        Ok(Some(WokenDevice { device }))
    }

    /// Fetches once at every account, and returns a `Look`. After `patience_ms` it fails, whatever a provider is doing.
    pub fn look(&self, patience_ms: u32) -> Promise {
        let device = self.device.clone();
        future_to_promise(async move {
            let looking = Box::pin(Look::with(&device));
            match select(looking, EventLoop.sleep(u64::from(patience_ms))).await {
                Either::Left((looked, _)) => looked.map(|look| to_js(&look)).map_err(|failure| to_js(&failure)),
                Either::Right(_) => Err(to_js(&failure("timed_out", &"no answer in time"))),
            }
        })
    }

    /// Compares the browser's subscription with what providers know of it, and puts right what differs.
    pub fn look_to_push(&self) -> Promise {
        let device = self.device.clone();
        future_to_promise(async move {
            device.look_to_push(&BrowserPush).await;
            Ok(JsValue::UNDEFINED)
        })
    }
}
