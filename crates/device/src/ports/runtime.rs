//! Runtime port: tasks, delays and monotonic time, of tokio on a machine and of JavaScript in a browser.

use std::future::Future;
use std::pin::pin;

use futures_util::future::{AbortHandle, Abortable, Either, select};

use crate::ports::maybe_send::{BoxFuture, MaybeSend, MaybeSync};
use crate::tick::Tick;

/// Runs tasks and waits.
pub trait Runtime: MaybeSend + MaybeSync {
    /// Runs a task beside the caller until it ends by itself.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Ends after so many milliseconds.
    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()>;

    /// Monotonic time since an arbitrary start, in milliseconds.
    fn now(&self) -> Tick;
}

/// What the future returns; `None` where it takes longer than so many milliseconds. It is dropped then.
pub(crate) async fn timeout<T>(runtime: &dyn Runtime, millis: u64, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), runtime.sleep(millis)).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}

/// A task that is stopped when this is dropped.
pub(crate) struct ScopedTask(AbortHandle);

impl ScopedTask {
    /// Starts a task.
    pub(crate) fn spawn(runtime: &dyn Runtime, task: impl Future<Output = ()> + MaybeSend + 'static) -> ScopedTask {
        let (handle, registration) = AbortHandle::new_pair();
        let task = Abortable::new(task, registration);
        runtime.spawn(Box::pin(async move {
            // Stopped: nobody waits for it.
            task.await.ok();
        }));
        ScopedTask(handle)
    }
}

impl Drop for ScopedTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}
