//! JavaScript's values from Rust: members by name, exceptions by theirs.

use js_sys::{Array, Function, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};

/// The member of this name; `undefined` where there is none.
pub(super) fn get(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// A global of this name: of a window, or of a worker.
pub(super) fn global(name: &str) -> JsValue {
    get(&js_sys::global(), name)
}

/// An object with these members.
pub(super) fn object(members: &[(&str, &JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in members {
        // Fails for a frozen object alone, which a new one is not.
        Reflect::set(&object, &JsValue::from_str(name), value).ok();
    }
    object
}

/// Calls a method.
///
/// # Errors
/// What it throws; a `TypeError` of JavaScript's where there is no such method.
pub(super) fn call(of: &JsValue, method: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
    let function: Function = get(of, method).dyn_into().map_err(|_| js_sys::TypeError::new(method))?;
    function.apply(of, &arguments.iter().collect::<Array>())
}

/// The name of what was thrown: `NotAllowedError`, …; empty where it is no exception.
pub(super) fn exception_name(thrown: &JsValue) -> String {
    get(thrown, "name").as_string().unwrap_or_default()
}

/// A copy of an `ArrayBuffer`, or of what a view shows of one.
pub(super) fn bytes(buffer: &JsValue) -> Vec<u8> {
    Uint8Array::new(buffer).to_vec()
}

/// Bytes as JavaScript has them: a copy.
pub(super) fn array(bytes: &[u8]) -> Uint8Array {
    Uint8Array::from(bytes)
}
