//! The app as a page's script calls it: each command of [`App`] as a method that returns a promise, rejected with a `Failure` and
//! nothing else.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use countersign_app::{AnswerRequest, App, Failure, Link, LinkText, Options, PinText};
use countersign_device::error::OpenError;
use countersign_device::ports::vault::VaultError;
use countersign_device::transcript::Locale;
use countersign_device::{Device, Ports};
use countersign_jose::random::Random;
use futures_util::future::{AbortHandle, Abortable};
use js_sys::{Array, Function, JSON, Promise};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::{future_to_promise, spawn_local};

use super::clock::{BrowserClock, ticks};
use super::database::Database;
use super::device_lock::DeviceLock;
use super::downloads::BrowserDownloads;
use super::fetch::Fetch;
use super::keys::WebKeys;
use super::push_service::BrowserPush;
use super::randomness::BrowserRandom;
use super::runtime::EventLoop;
use super::vault::WebVault;
use super::{js, state};
use crate::exception::storage_error;

/// The app of this page. Freed, it ends: the next page can be the device once what it was doing is done.
#[wasm_bindgen]
pub struct WebApp {
    app: App,
    /// Commands that have not ended.
    under_way: Rc<Cell<u32>>,
    watching: RefCell<Option<AbortHandle>>,
}

#[wasm_bindgen]
impl WebApp {
    /// Opens the device of this origin. Where another page is the device at this moment: waits until it is not, or does not wait,
    /// and every snapshot says so (`home_in_use`).
    pub async fn open(wait: bool) -> WebApp {
        let random: Arc<dyn Random> = Arc::new(BrowserRandom);
        let ports = ports(&random);
        let options = Options {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            device_name: device_name(&js::global("navigator")),
            downloads: Arc::new(BrowserDownloads),
            push: Some(Arc::new(BrowserPush)),
            ticks: Arc::new(ticks),
        };
        let (device, state) = match open(&ports, random, wait).await {
            Ok((device, database, lock)) => (Ok(device), state::kept_in(Some((database, lock)))),
            Err(error) => (Err(error), state::kept_in(None)),
        };
        let app = App::with_device(device, &ports, state, options).await;
        WebApp { app, under_way: Rc::default(), watching: RefCell::default() }
    }

    /// Calls `listener` with every snapshot from now on, the present one first. A listener before it hears nothing more.
    pub fn watch(&self, listener: Function) {
        let (handle, registration) = AbortHandle::new_pair();
        if let Some(before) = self.watching.replace(Some(handle)) {
            before.abort();
        }
        let app = self.app.clone();
        let send = async move {
            let mut changes = app.changes();
            loop {
                // Taken before the snapshot: a change meanwhile makes another one.
                changes.borrow_and_update();
                let snapshot = to_js(&app.snapshot().await);
                // What a page's listener throws is its own affair.
                listener.call1(&JsValue::UNDEFINED, &snapshot).ok();
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        spawn_local(async move {
            // Aborted: the app is freed, or another listens.
            Abortable::new(send, registration).await.ok();
        });
    }

    /// Whether something is under way that ends with the app: a command, or a link that was not used yet.
    pub fn is_busy(&self) -> bool {
        self.under_way.get() > 0 || self.app.has_link()
    }

    /// Everything the page shows, at this moment.
    pub fn snapshot(&self) -> Promise {
        self.command(|app| async move { Ok(app.snapshot().await) })
    }

    /// Offers a link that the page was opened with.
    pub fn offer_link(&self, link: String) -> Promise {
        let link = LinkText::new(link);
        self.command(|app| async move {
            let read = Link::read(&link).map_err(|error| failure("invalid_link", &error))?;
            app.offer_link(read);
            Ok(())
        })
    }

    /// As [`App::preview`].
    pub fn preview(&self, link: Option<String>) -> Promise {
        let link = link.map(LinkText::new);
        self.command(|app| async move { app.preview(link).await })
    }

    /// As [`App::enroll`].
    pub fn enroll(&self, pin: Option<String>, device_name: String) -> Promise {
        let pin = pin.map(PinText::new);
        self.command(|app| async move { app.enroll(pin.as_ref(), &device_name).await })
    }

    /// As [`App::enroll_again`].
    pub fn enroll_again(&self, device_name: String) -> Promise {
        self.command(|app| async move { app.enroll_again(&device_name).await })
    }

    /// As [`App::may_resume`].
    pub fn may_resume(&self, issuer: String) -> Promise {
        self.command(|app| async move { app.may_resume(&issuer).await })
    }

    /// As [`App::resume`].
    pub fn resume(&self, issuer: String, device_name: String) -> Promise {
        self.command(|app| async move { app.resume(&issuer, &device_name).await })
    }

    /// As [`App::forget_link`].
    pub fn forget_link(&self) -> Promise {
        self.command(|app| async move {
            app.forget_link();
            Ok(())
        })
    }

    /// As [`App::shown`].
    pub fn shown(&self, challenge_id: String) -> Promise {
        self.command(|app| async move { app.shown(&challenge_id).await })
    }

    /// As [`App::answer`].
    pub fn answer(
        &self,
        challenge_id: String,
        display_hash: String,
        decision: String,
        pin: Option<String>,
        number: Option<String>,
    ) -> Promise {
        let pin = pin.map(PinText::new);
        self.command(|app| async move {
            let decision = named("the decision", &decision)?;
            app.answer(AnswerRequest { challenge_id, display_hash, decision, pin, number }).await
        })
    }

    /// As [`App::check_now`].
    pub fn check_now(&self) -> Promise {
        self.command(|app| async move { app.check_now().await })
    }

    /// As [`App::activity`].
    pub fn activity(&self) -> Promise {
        self.command(|app| async move { app.activity().await })
    }

    /// As [`App::dispute`].
    pub fn dispute(&self, challenge_id: String) -> Promise {
        self.command(|app| async move { app.dispute(&challenge_id).await })
    }

    /// As [`App::save_evidence`].
    pub fn save_evidence(&self, challenge_id: String) -> Promise {
        self.command(|app| async move { app.save_evidence(&challenge_id).await })
    }

    /// As [`App::wake`].
    pub fn wake(&self, account: String) -> Promise {
        self.command(|app| async move { app.wake(&account).await })
    }

    /// As [`App::practise`].
    pub fn practise(&self, account: String) -> Promise {
        self.command(|app| async move { app.practise(&account).await })
    }

    /// As [`App::test_push`].
    pub fn test_push(&self, account: String) -> Promise {
        self.command(|app| async move { app.test_push(&account).await })
    }

    /// As [`App::look_to_push`].
    pub fn look_to_push(&self) -> Promise {
        self.command(|app| async move {
            app.look_to_push().await;
            Ok(())
        })
    }

    /// As [`App::set_appearance`].
    pub fn set_appearance(&self, appearance: String) -> Promise {
        self.command(|app| async move {
            app.set_appearance(named("the appearance", &appearance)?);
            Ok(())
        })
    }
}

impl WebApp {
    fn command<T: Serialize, F: Future<Output = Result<T, Failure>> + 'static>(
        &self,
        command: impl FnOnce(App) -> F,
    ) -> Promise {
        let (running, under_way) = (command(self.app.clone()), UnderWay::begin(&self.under_way));
        future_to_promise(async move {
            let result = running.await;
            drop(under_way);
            result.map(|result| to_js(&result)).map_err(|failure| to_js(&failure))
        })
    }
}

impl Drop for WebApp {
    fn drop(&mut self) {
        if let Some(watching) = self.watching.take() {
            watching.abort();
        }
    }
}

/// A command that has begun and not ended.
struct UnderWay(Rc<Cell<u32>>);

impl UnderWay {
    fn begin(count: &Rc<Cell<u32>>) -> UnderWay {
        count.set(count.get() + 1);
        UnderWay(Rc::clone(count))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

async fn open(
    ports: &Ports,
    random: Arc<dyn Random>,
    wait: bool,
) -> Result<(Device, Rc<Database>, Rc<DeviceLock>), OpenError> {
    let lock = if wait { DeviceLock::wait().await.map(Some) } else { DeviceLock::take().await };
    let lock = lock.map_err(|thrown| VaultError::Storage(storage_error(&js::exception_name(&thrown))))?;
    device_in(ports, random, lock.ok_or(OpenError::HeldElsewhere)?).await
}

/// The ports of a page or a worker.
pub(super) fn ports(random: &Arc<dyn Random>) -> Ports {
    let language = js::get(&js::global("navigator"), "language").as_string();
    Ports {
        clock: Arc::new(BrowserClock),
        random: Arc::clone(random),
        transport: Arc::new(Fetch),
        runtime: Arc::new(EventLoop),
        locale: language.map_or_else(Locale::default, |tag| Locale::of(&tag)),
        code_origin: js::get(&js::global("location"), "origin").as_string(),
    }
}

/// The device of this origin, whose lock is held as long as anything of it is written.
pub(super) async fn device_in(
    ports: &Ports,
    random: Arc<dyn Random>,
    lock: DeviceLock,
) -> Result<(Device, Rc<Database>, Rc<DeviceLock>), OpenError> {
    let lock = Rc::new(lock);
    let database = Rc::new(Database::open().await?);
    let keys = WebKeys::open(Rc::clone(&database), random).await?;
    let vault = WebVault::new(Rc::clone(&database), Rc::clone(&lock));
    let device = Device::with_stores(ports.clone(), Arc::new(vault), Arc::new(keys)).await?;
    Ok((device, database, lock))
}

/// What this device may be called, until the person says.
fn device_name(navigator: &JsValue) -> String {
    let user_agent = js::get(navigator, "userAgent").as_string().unwrap_or_default();
    let brands = js::get(&js::get(navigator, "userAgentData"), "brands");
    let names = if Array::is_array(&brands) { Array::from(&brands) } else { Array::new() };
    let names: Vec<String> = names.iter().filter_map(|brand| js::get(&brand, "brand").as_string()).collect();
    crate::device_name::device_name(&user_agent, &names)
}

/// One of an enumeration's names.
fn named<T: DeserializeOwned>(what: &str, name: &str) -> Result<T, Failure> {
    let read = serde_json::from_value(serde_json::Value::from(name));
    read.map_err(|_| failure("bad_argument", &format_args!("{what} is not valid")))
}

pub(super) fn failure(code: &str, message: &dyn std::fmt::Display) -> Failure {
    Failure { code: code.to_owned(), message: message.to_string(), tries_left: None, wait_ms: None }
}

/// As JavaScript has it: what the app's types serialize to.
pub(super) fn to_js<T: Serialize>(value: &T) -> JsValue {
    let text = serde_json::to_string(value).expect("the app's types have string keys and finite numbers");
    JSON::parse(&text).unwrap_or(JsValue::NULL)
}
