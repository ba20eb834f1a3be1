//! Runtime port on tokio.

use std::time::Duration;

use tokio::time::Instant;

use crate::core::Tick;
use crate::ports::maybe_send::BoxFuture;
use crate::ports::runtime::Runtime;

/// The tokio runtime that the calls are made in.
pub struct TokioRuntime {
    began: Instant,
}

impl TokioRuntime {
    /// A handle to it. Its ticks begin now.
    pub fn new() -> TokioRuntime {
        TokioRuntime { began: Instant::now() }
    }
}

impl Default for TokioRuntime {
    fn default() -> TokioRuntime {
        TokioRuntime::new()
    }
}

impl Runtime for TokioRuntime {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(millis)))
    }

    fn now(&self) -> Tick {
        Tick(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}
