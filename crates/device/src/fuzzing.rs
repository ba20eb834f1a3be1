//! Doors for the fuzz targets (`fuzz/`): the private readers of what providers send. No part of the API; may change at any time.

use futures_util::{FutureExt as _, stream};

use crate::edge::stream::EventStream;
use crate::ports::provider::{NoReply, PushStream as _, Pushed};

/// Reads a stream of events that arrives in these chunks, to its end or to what ends it.
pub fn event_stream(chunks: Vec<Vec<u8>>) -> Vec<Result<Pushed, NoReply>> {
    let chunks = chunks.into_iter().map(|chunk| Ok(chunk.into()));
    let mut events = EventStream::over(stream::iter(chunks));
    let mut read = Vec::new();
    // Nothing is waited for: every chunk is there.
    while let Some(Some(event)) = events.next().now_or_never() {
        let is_end = event.is_err();
        read.push(event);
        if is_end {
            break;
        }
    }
    read
}
