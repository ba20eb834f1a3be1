//! Transport port on `fetch`: no redirect is followed, no cookie sent, nothing cached; time and size are bounded.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use countersign_device::ports::maybe_send::BoxStream;
use countersign_device::ports::runtime::Runtime as _;
use countersign_device::ports::transport::{
    BoxFuture, Call, LARGEST_BODY, Reply, StreamReply, Transport, TransportError, Unreached,
};
use countersign_device::sse::SseStream;
use futures_util::future::{Either, select};
use futures_util::stream::{self, StreamExt as _};
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Headers, ReadableStreamDefaultReader, RequestCache, RequestCredentials, RequestInit,
    RequestRedirect, Response, ResponseType,
};

use super::js;
use super::runtime::EventLoop;

/// `fetch` of this page or worker.
pub(super) struct Fetch;

impl Transport for Fetch {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply, TransportError>> {
        Box::pin(async move {
            let arriving = within(call.timeout_ms, send(&call)).await?;
            within(call.timeout_ms, read(arriving)).await
        })
    }

    fn open_stream(&self, call: Call) -> BoxFuture<'_, Result<StreamReply, TransportError>> {
        Box::pin(async move {
            let arriving = within(call.timeout_ms, send(&call)).await?;
            if arriving.head.opens_stream() {
                let stream = SseStream::over(arriving.body, Arc::new(EventLoop));
                return Ok(StreamReply::Open { head: arriving.head, stream: Box::new(stream) });
            }
            Ok(StreamReply::Refused(within(call.timeout_ms, read(arriving)).await?))
        })
    }
}

/// A reply whose body is still coming.
struct Arriving {
    head: Reply,
    body: BoxStream<Result<Bytes, TransportError>>,
}

/// Ends a call when it is dropped: one that nobody waits for must not hold a connection.
struct AbortOnDrop(AbortController);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn within<T>(millis: u64, call: impl Future<Output = Result<T, TransportError>>) -> Result<T, TransportError> {
    match select(pin!(call), EventLoop.sleep(millis)).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(TransportError::TimedOut),
    }
}

async fn send(call: &Call) -> Result<Arriving, TransportError> {
    let abort = AbortOnDrop(AbortController::new().map_err(|_| unreachable())?);
    let request = request(call, &abort.0).map_err(|_| unreachable())?;
    let sent = js::call(&js_sys::global(), "fetch", &[&JsValue::from_str(&call.url), &request]);
    let sent: Promise = sent.and_then(|promise| promise.dyn_into()).map_err(|_| unreachable())?;
    let response = JsFuture::from(sent).await.map_err(|_| unreachable())?;
    let response: Response = response.dyn_into().map_err(|_| unreachable())?;
    if response.type_() == ResponseType::Opaqueredirect {
        // A page sees nothing of it, and no endpoint of a provider redirects.
        return Err(TransportError::Untrusted);
    }
    let headers = response.headers();
    let head = Reply::of_head(response.status(), |name| headers.get(name).ok().flatten());
    let body: BoxStream<_> = match response.body() {
        None => Box::pin(stream::empty()),
        Some(body) => {
            let reader = ReadableStreamDefaultReader::new(&body).map_err(|_| broken_off())?;
            Box::pin(stream::unfold((reader, abort), |(reader, abort)| async move {
                let chunk = next_chunk(&reader).await.transpose()?;
                Some((chunk, (reader, abort)))
            }))
        }
    };
    Ok(Arriving { head, body })
}

fn request(call: &Call, abort: &AbortController) -> Result<RequestInit, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in &call.headers {
        headers.append(name, value)?;
    }
    let request = RequestInit::new();
    if let Some((media_type, body)) = &call.body {
        headers.append("content-type", media_type)?;
        request.set_body(&JsValue::from_str(body));
    }
    request.set_method(call.method.as_str());
    request.set_headers_headers(&headers);
    // The mode stays `cors`: in any other, a page with the Referrer-Policy `no-referrer` sends `Origin: null` (Fetch §3.2), and a
    // registration names the page by its origin.
    request.set_redirect(RequestRedirect::Manual);
    request.set_credentials(RequestCredentials::Omit);
    request.set_cache(RequestCache::NoStore);
    request.set_signal(Some(&abort.signal()));
    Ok(request)
}

async fn next_chunk(reader: &ReadableStreamDefaultReader) -> Result<Option<Bytes>, TransportError> {
    let read = JsFuture::from(reader.read()).await.map_err(|_| broken_off())?;
    if js::get(&read, "done").is_truthy() {
        return Ok(None);
    }
    let chunk: Uint8Array = js::get(&read, "value").dyn_into().map_err(|_| broken_off())?;
    Ok(Some(Bytes::from(chunk.to_vec())))
}

async fn read(arriving: Arriving) -> Result<Reply, TransportError> {
    let Arriving { head: mut reply, mut body } = arriving;
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        if reply.body.len() + chunk.len() > LARGEST_BODY {
            return Err(TransportError::TooLarge);
        }
        reply.body.extend_from_slice(&chunk);
    }
    Ok(reply)
}

/// No reply: a browser does not say why, except that it has no network.
fn unreachable() -> TransportError {
    let is_off_line = js::get(&js::global("navigator"), "onLine") == JsValue::FALSE;
    TransportError::Unreachable(if is_off_line { Unreached::NoRoute } else { Unreached::Unsaid })
}

fn broken_off() -> TransportError {
    TransportError::Unreachable(Unreached::BrokenOff)
}
