//! HTTP transport: reqwest on rustls with ring; no redirects; time and size are bounded.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Response;

pub use super::http_clients::HttpUnavailable;
use super::http_clients::{HttpClients, transport_error};
use super::tokio_runtime::TokioRuntime;
use crate::ports::runtime::Runtime;
use crate::ports::transport::{
    BoxFuture, Call, LARGEST_BODY, Method, Reply, StreamReply, Transport, TransportError, Unreached,
};
use crate::sse::SseStream;

/// The transport over HTTP/1.1 and HTTP/2.
#[derive(Clone)]
pub struct HttpTransport {
    clients: HttpClients,
    runtime: Arc<dyn Runtime>,
}

impl HttpTransport {
    /// A client that trusts the certificates the system trusts.
    ///
    /// # Errors
    /// [`HttpUnavailable`] where the system's certificates cannot be loaded.
    pub fn new() -> Result<HttpTransport, HttpUnavailable> {
        let clients = HttpClients::new(concat!("countersign-device/", env!("CARGO_PKG_VERSION")))?;
        Ok(HttpTransport { clients, runtime: Arc::new(TokioRuntime::new()) })
    }

    async fn send(&self, call: Call) -> Result<Response, TransportError> {
        let client = self.clients.for_url(&call.url).map_err(|_| TransportError::Unreachable(Unreached::default()))?;
        let mut request = match call.method {
            Method::Get => client.get(&call.url),
            Method::Post => client.post(&call.url),
            Method::Patch => client.patch(&call.url),
        };
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        if let Some((media_type, body)) = call.body {
            request = request.header(reqwest::header::CONTENT_TYPE, media_type).body(body);
        }
        let timeout = Duration::from_millis(call.timeout_ms);
        match tokio::time::timeout(timeout, request.send()).await {
            Err(_) => Err(TransportError::TimedOut),
            Ok(Err(error)) => Err(transport_error(&error)),
            Ok(Ok(response)) => Ok(response),
        }
    }
}

impl Transport for HttpTransport {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply, TransportError>> {
        Box::pin(async move {
            let timeout = Duration::from_millis(call.timeout_ms);
            let response = self.send(call).await?;
            tokio::time::timeout(timeout, read(response)).await.map_err(|_| TransportError::TimedOut)?
        })
    }

    fn open_stream(&self, call: Call) -> BoxFuture<'_, Result<StreamReply, TransportError>> {
        Box::pin(async move {
            let timeout = Duration::from_millis(call.timeout_ms);
            let response = self.send(call).await?;
            let head = head(&response);
            if head.opens_stream() {
                let chunks = response.bytes_stream().map(|chunk| chunk.map_err(|error| transport_error(&error)));
                let stream = SseStream::over(chunks, Arc::clone(&self.runtime));
                return Ok(StreamReply::Open { head, stream: Box::new(stream) });
            }
            let reply = tokio::time::timeout(timeout, read(response)).await.map_err(|_| TransportError::TimedOut)??;
            Ok(StreamReply::Refused(reply))
        })
    }
}

async fn read(response: Response) -> Result<Reply, TransportError> {
    let mut reply = head(&response);
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| transport_error(&error))?;
        if reply.body.len() + chunk.len() > LARGEST_BODY {
            return Err(TransportError::TooLarge);
        }
        reply.body.extend_from_slice(&chunk);
    }
    Ok(reply)
}

fn head(response: &Response) -> Reply {
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    Reply::of_head(response.status().as_u16(), header)
}

#[cfg(test)]
mod tests;
