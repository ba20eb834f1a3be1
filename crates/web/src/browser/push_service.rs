//! Push service port on the browser's own (Push API, Notifications API), in a page and in its worker.

use countersign_device::ports::maybe_send::BoxFuture;
use countersign_device::ports::push_service::{Permission, PushService, SubscribeError, Subscription};
use countersign_jose::base64url;
use countersign_jose::key::PublicKey;
use countersign_protocol::push::{PushAddress, PushType};
use js_sys::Promise;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::js;

/// The push service of this page's worker.
pub(super) struct BrowserPush;

impl PushService for BrowserPush {
    fn permission(&self) -> Permission {
        let is_worker = !js::global("registration").is_undefined();
        let can_register = is_worker || !js::get(&js::global("navigator"), "serviceWorker").is_undefined();
        let notification = js::global("Notification");
        if !can_register || notification.is_undefined() || js::global("PushManager").is_undefined() {
            return Permission::Unsupported;
        }
        permission_of(&js::get(&notification, "permission"))
    }

    fn ask(&self) -> BoxFuture<'_, Permission> {
        // Called at once: what comes after a moment's waiting is no gesture any more.
        let asked = js::call(&js::global("Notification"), "requestPermission", &[]);
        Box::pin(async move {
            match awaited(asked).await {
                Ok(permission) => permission_of(&permission),
                Err(_) => Permission::Denied,
            }
        })
    }

    fn subscription(&self) -> BoxFuture<'_, Option<Subscription>> {
        Box::pin(async {
            let manager = js::get(&registration("getRegistration").await.ok()?, "pushManager");
            read(&awaited(js::call(&manager, "getSubscription", &[])).await.ok()?)
        })
    }

    fn subscribe<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Subscription, SubscribeError>> {
        Box::pin(async move {
            let key = base64url::decode(key).map_err(|_| SubscribeError::Failed("key".to_owned()))?;
            let options = [("userVisibleOnly", &JsValue::TRUE), ("applicationServerKey", &js::array(&key).into())];
            let manager = js::get(&registration("ready").await.map_err(|thrown| failed(&thrown))?, "pushManager");
            let subscribing = js::call(&manager, "subscribe", &[&js::object(&options)]);
            let subscribed = awaited(subscribing).await.map_err(|thrown| failed(&thrown))?;
            read(&subscribed).ok_or_else(|| SubscribeError::Failed("subscription".to_owned()))
        })
    }

    fn unsubscribe(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let Ok(registration) = registration("getRegistration").await else { return };
            let present = js::call(&js::get(&registration, "pushManager"), "getSubscription", &[]);
            if let Ok(present) = awaited(present).await
                && !present.is_falsy()
            {
                // One that can't be ended is replaced, or the next step fails.
                awaited(js::call(&present, "unsubscribe", &[])).await.ok();
            }
        })
    }
}

/// The worker's registration: its own in a worker; in a page the one that is there, or the one that is to come (`ready`).
async fn registration(way: &str) -> Result<JsValue, JsValue> {
    let own = js::global("registration");
    if !own.is_undefined() {
        return Ok(own);
    }
    let container = js::get(&js::global("navigator"), "serviceWorker");
    match way {
        "ready" => awaited(Ok(js::get(&container, "ready"))).await,
        _ => awaited(js::call(&container, way, &[])).await,
    }
}

async fn awaited(promise: Result<JsValue, JsValue>) -> Result<JsValue, JsValue> {
    JsFuture::from(promise?.dyn_into::<Promise>()?).await
}

fn permission_of(text: &JsValue) -> Permission {
    match text.as_string().as_deref() {
        Some("granted") => Permission::Granted,
        Some("denied") => Permission::Denied,
        _ => Permission::Askable,
    }
}

fn failed(thrown: &JsValue) -> SubscribeError {
    match js::exception_name(thrown).as_str() {
        "NotAllowedError" => SubscribeError::NotAllowed,
        name => SubscribeError::Failed(name.to_owned()),
    }
}

/// A subscription as the browser has it; `None` where it is none, or of a kind that no provider takes.
fn read(subscription: &JsValue) -> Option<Subscription> {
    let key = |name: &str| js::call(subscription, "getKey", &[&JsValue::from_str(name)]).ok();
    let made_for = js::get(&js::get(subscription, "options"), "applicationServerKey");
    Some(Subscription {
        address: PushAddress {
            kind: PushType::WebPush,
            endpoint: js::get(subscription, "endpoint").as_string()?,
            p256dh: PublicKey::from_sec1(&js::bytes(&key("p256dh")?)).ok()?,
            auth: js::bytes(&key("auth")?).try_into().ok()?,
            quiet: false,
        },
        key: (!made_for.is_falsy()).then(|| base64url::encode(&js::bytes(&made_for))),
    })
}
