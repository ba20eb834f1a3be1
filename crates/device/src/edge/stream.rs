//! Server-Sent Events as the device reads them: bounded in size, and dead when even the comments stop.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign_protocol::limits;
use futures_util::{Stream, StreamExt as _, stream};
use reqwest::Response;
use sse_stream::{Sse, SseByteStream};

use super::http::no_reply;
use crate::ports::provider::{LARGEST_BODY, NoReply, PushStream, Pushed, Soon};

/// Two comments and a half: a stream that was silent for so long is half-open.
const SILENCE: Duration = Duration::from_millis(limits::STREAM_COMMENT_SECONDS * 2500);

/// An open stream.
pub(crate) struct EventStream {
    events: Pin<Box<dyn Stream<Item = Result<Sse, sse_stream::Error>> + Send>>,
    /// Bytes since the last event: what the parser may be holding.
    unread: Arc<AtomicUsize>,
}

impl EventStream {
    pub(super) fn new(response: Response) -> EventStream {
        EventStream::over(response.bytes_stream().map(|chunk| chunk.map_err(|error| no_reply(&error))))
    }

    /// Reads events from chunks of bytes, wherever they come from.
    pub(crate) fn over(chunks: impl Stream<Item = Result<Bytes, NoReply>> + Send + 'static) -> EventStream {
        let unread = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&unread);
        let bytes = Box::pin(chunks);
        let guarded = stream::unfold((bytes, count), |(mut bytes, count)| async move {
            let chunk = match tokio::time::timeout(SILENCE, bytes.next()).await {
                Err(_) => Err(NoReply::TimedOut),
                Ok(None) => return None,
                Ok(Some(Err(error))) => Err(error),
                Ok(Some(Ok(chunk))) => {
                    let held = count.fetch_add(chunk.len(), Ordering::Relaxed) + chunk.len();
                    if held > LARGEST_BODY { Err(NoReply::TooLarge) } else { Ok(chunk) }
                }
            };
            Some((chunk, (bytes, count)))
        });
        EventStream { events: Box::pin(SseByteStream::new(Box::pin(guarded))), unread }
    }

    async fn advance(&mut self) -> Option<Result<Pushed, NoReply>> {
        let event = self.events.next().await?;
        self.unread.store(0, Ordering::Relaxed);
        Some(match event {
            Ok(event) => Ok(pushed(event)),
            Err(sse_stream::Error::Body(cause)) => {
                Err(cause.downcast::<NoReply>().map_or(NoReply::Unreachable, |cause| *cause))
            }
            Err(_) => Err(NoReply::Untrusted),
        })
    }
}

fn pushed(event: Sse) -> Pushed {
    let data = event.data.unwrap_or_default();
    match event.event.as_deref() {
        Some("update") => Pushed::Update(data.into_bytes()),
        Some("nonce") => Pushed::Nonce(data.trim().to_owned()),
        _ => Pushed::Alive,
    }
}

impl PushStream for EventStream {
    fn next(&mut self) -> Soon<'_, Option<Result<Pushed, NoReply>>> {
        Box::pin(self.advance())
    }
}
