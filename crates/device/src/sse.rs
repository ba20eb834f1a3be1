//! Server-Sent Events reader: events are bounded in size, and a stream without even a comment for too long has ended. Bytes
//! without an event, such as a comment, are reported as a sign of life: the parser yields nothing for them.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use bytes::Bytes;
use countersign_protocol::limits;
use futures_util::{Stream, StreamExt as _, stream};
use sse_stream::{Sse, SseByteStream};

use crate::ports::maybe_send::{BoxStream, MaybeSend};
use crate::ports::runtime::{Runtime, timeout};
use crate::ports::transport::{BoxFuture, EventStream, LARGEST_BODY, StreamEvent, TransportError, Unreached};

/// Two and a half times the interval of comments, in milliseconds: a connection that was silent for so long is half-open.
const SILENCE_MS: u64 = limits::STREAM_COMMENT_SECONDS * 2500;

/// An open stream, for transports that have its body as chunks of bytes.
pub struct SseStream {
    events: BoxStream<Result<Sse, sse_stream::Error>>,
    /// Bytes since the last event: what the parser may be buffering.
    unread: Arc<AtomicUsize>,
    /// Of these, how many were reported as a sign of life.
    reported: usize,
}

impl SseStream {
    /// Reads events from chunks of bytes.
    pub fn over(
        chunks: impl Stream<Item = Result<Bytes, TransportError>> + MaybeSend + 'static,
        runtime: Arc<dyn Runtime>,
    ) -> SseStream {
        let unread = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&unread);
        let bytes = Box::pin(chunks);
        let guarded = stream::unfold((bytes, count, runtime), |(mut bytes, count, runtime)| async move {
            let chunk = match timeout(&*runtime, SILENCE_MS, bytes.next()).await {
                None => Err(TransportError::TimedOut),
                Some(None) => return None,
                Some(Some(Err(error))) => Err(error),
                Some(Some(Ok(chunk))) => {
                    let held = count.fetch_add(chunk.len(), Ordering::Relaxed) + chunk.len();
                    if held > LARGEST_BODY { Err(TransportError::TooLarge) } else { Ok(chunk) }
                }
            };
            Some((chunk, (bytes, count, runtime)))
        });
        SseStream { events: Box::pin(SseByteStream::new(Box::pin(guarded))), unread, reported: 0 }
    }

    async fn advance(&mut self) -> Option<Result<StreamEvent, TransportError>> {
        let next = poll_fn(|context| match self.events.poll_next_unpin(context) {
            Poll::Ready(event) => Poll::Ready(Some(event)),
            // The parser took bytes and waits for more.
            Poll::Pending if self.unread.load(Ordering::Relaxed) > self.reported => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        let Some(event) = next.await else {
            self.reported = self.unread.load(Ordering::Relaxed);
            return Some(Ok(StreamEvent::Alive));
        };
        self.unread.store(0, Ordering::Relaxed);
        self.reported = 0;
        Some(match event? {
            Ok(event) => Ok(stream_event(event)),
            Err(sse_stream::Error::Body(cause)) => Err(cause
                .downcast::<TransportError>()
                .map_or(TransportError::Unreachable(Unreached::BrokenOff), |cause| *cause)),
            Err(_) => Err(TransportError::Untrusted),
        })
    }
}

fn stream_event(event: Sse) -> StreamEvent {
    let data = event.data.unwrap_or_default();
    match event.event.as_deref() {
        Some("update") => StreamEvent::Update(data.into_bytes()),
        Some("nonce") => StreamEvent::Nonce(data.trim().to_owned()),
        _ => StreamEvent::Alive,
    }
}

impl EventStream for SseStream {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<StreamEvent, TransportError>>> {
        Box::pin(self.advance())
    }
}
