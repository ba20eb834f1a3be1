//! Slow signature work (RSA, or many keys to try) on blocking threads: the threads of the async runtime, on which every other
//! request waits, never do it.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use super::detached::joined;

/// Runs slow work, as much at once as there are processors; the rest waits its turn. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SignatureWorkers {
    permits: Arc<Semaphore>,
}

impl Default for SignatureWorkers {
    fn default() -> SignatureWorkers {
        let processors = available_parallelism().map_or(1, |count| count.get());
        SignatureWorkers { permits: Arc::new(Semaphore::new(processors)) }
    }
}

impl SignatureWorkers {
    /// Runs the work on a blocking thread. Work that has begun is finished also if nobody waits for it any more; only then the next
    /// begins.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let permit = self.permits.clone().acquire_owned().await.expect("the semaphore is never closed");
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        joined(done).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_work_is_done_on_another_thread_than_the_runtimes() {
        let here = std::thread::current().id();
        let there = SignatureWorkers::default().run(|| std::thread::current().id()).await;
        assert_ne!(here, there);
    }
}
