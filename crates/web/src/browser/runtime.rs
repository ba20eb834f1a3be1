//! Runtime port on JavaScript's event loop: tasks are microtasks, delays are `setTimeout`.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use countersign_device::core::Tick;
use countersign_device::ports::maybe_send::BoxFuture;
use countersign_device::ports::runtime::Runtime;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::clock::ticks;
use super::js;

/// The longest delay of `setTimeout`; a longer one would be none (HTML §8.7).
const LONGEST_MS: u64 = (1 << 31) - 1;

/// The event loop of this page or worker.
pub(super) struct EventLoop;

impl Runtime for EventLoop {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        spawn_local(task);
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        let end = ticks().saturating_add(millis);
        Box::pin(async move {
            // At least once, so that who sleeps in a loop leaves the others their turn.
            loop {
                Timer::after(end.saturating_sub(ticks()).min(LONGEST_MS)).await;
                if ticks() >= end {
                    return;
                }
            }
        })
    }

    fn now(&self) -> Tick {
        Tick(ticks())
    }
}

/// One `setTimeout`, cleared when it is dropped.
struct Timer {
    id: Rc<Cell<JsValue>>,
    over: JsFuture,
}

impl Timer {
    fn after(millis: u64) -> Timer {
        let id = Rc::new(Cell::new(JsValue::UNDEFINED));
        let kept = Rc::clone(&id);
        let over = Promise::new(&mut |resolve, _| {
            let delay = JsValue::from_f64(millis as f64);
            // Without timers there is no page.
            let set = js::call(&js_sys::global(), "setTimeout", &[&resolve, &delay]);
            kept.set(set.unwrap_or(JsValue::UNDEFINED));
        });
        Timer { id, over: JsFuture::from(over) }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.over).poll(context).map(|_| ())
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let id = self.id.take();
        js::call(&js_sys::global(), "clearTimeout", &[&id]).ok();
    }
}
