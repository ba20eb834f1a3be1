//! The lock that one page or worker of this origin holds while it is the device (Web Locks).

use std::pin::pin;

use countersign_device::ports::runtime::Runtime as _;
use futures_util::future::{Either, select};
use js_sys::{Function, Promise};
use tokio::sync::oneshot;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::js;
use super::runtime::EventLoop;

const NAME: &str = "countersign-device";

/// How long a page that gives the lock up may take, in milliseconds: its last write is awaited.
const PATIENCE_MS: u64 = 500;

/// The device's lock, held until this is dropped. A page that is closed or crashes gives it up.
pub(super) struct DeviceLock {
    release: Function,
}

impl Drop for DeviceLock {
    fn drop(&mut self) {
        self.release.call0(&JsValue::UNDEFINED).ok();
    }
}

impl DeviceLock {
    /// Takes the lock; `None` where another page or worker keeps it.
    ///
    /// # Errors
    /// What the browser throws where it has no Web Locks: two pages could then be one device at once.
    pub(super) async fn take() -> Result<Option<DeviceLock>, JsValue> {
        DeviceLock::take_within(PATIENCE_MS).await
    }

    /// As [`DeviceLock::take`], where the other may take so many milliseconds to give it up.
    ///
    /// # Errors
    /// As [`DeviceLock::take`].
    pub(super) async fn take_within(millis: u64) -> Result<Option<DeviceLock>, JsValue> {
        match select(pin!(DeviceLock::wait()), EventLoop.sleep(millis)).await {
            Either::Left((lock, _)) => lock.map(Some),
            Either::Right(_) => Ok(None),
        }
    }

    /// Waits until the lock is free, and takes it. Where this is dropped before, the lock is given up as soon as it comes.
    ///
    /// # Errors
    /// As [`DeviceLock::take`].
    pub(super) async fn wait() -> Result<DeviceLock, JsValue> {
        let (granted, grant) = oneshot::channel();
        let mut granted = Some(granted);
        // Called once. The lock is held until the promise that this returns has ended.
        let callback = Closure::<dyn FnMut(JsValue) -> Promise>::new(move |_| {
            let mut release = None;
            let held = Promise::new(&mut |resolve, _| release = Some(resolve));
            if let (Some(granted), Some(release)) = (granted.take(), release) {
                // Who asked may be gone: the lock is dropped then, and free.
                granted.send(DeviceLock { release }).ok();
            }
            held
        });
        let locks = js::get(&js::global("navigator"), "locks");
        // JavaScript keeps the callback, which may be called after this future is gone.
        let callback = callback.into_js_value();
        let request: Promise = js::call(&locks, "request", &[&JsValue::from_str(NAME), &callback])?.dyn_into()?;
        let not_granted = || JsValue::from_str("the lock was not granted");
        // The request ends when the lock is free again, or fails without a word to the callback.
        match select(grant, JsFuture::from(request)).await {
            Either::Left((lock, _)) => lock.map_err(|_| not_granted()),
            Either::Right((Err(thrown), _)) => Err(thrown),
            Either::Right((Ok(_), grant)) => grant.await.map_err(|_| not_granted()),
        }
    }
}
