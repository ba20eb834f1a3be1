//! Entry points for the fuzz targets (`fuzz/`) into private parsers of provider input. Compiled with `--cfg fuzzing`
//! alone, and no part of the API.

use std::sync::{Arc, LazyLock};

use futures_util::{FutureExt as _, stream};
use tokio::runtime::{Builder, Runtime};

use crate::edge::tokio_runtime::TokioRuntime;
use crate::ports::transport::{EventStream as _, StreamEvent, TransportError};
use crate::sse::SseStream;

/// The stream's timeout needs a runtime.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime with a clock"));

/// Reads a stream of events that arrives in these chunks, up to its end or first error.
pub fn event_stream(chunks: Vec<Vec<u8>>) -> Vec<Result<StreamEvent, TransportError>> {
    let _within = RUNTIME.enter();
    let chunks = chunks.into_iter().map(|chunk| Ok(chunk.into()));
    let mut events = SseStream::over(stream::iter(chunks), Arc::new(TokioRuntime::new()));
    let mut read = Vec::new();
    // Nothing is waited for: every chunk is ready.
    while let Some(Some(event)) = events.next().now_or_never() {
        let is_end = event.is_err();
        read.push(event);
        if is_end {
            break;
        }
    }
    read
}
