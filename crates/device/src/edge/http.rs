//! HTTP transport: reqwest on rustls with ring; no redirects; time and size are bounded.

use std::time::Duration;

use countersign_jose::clock::Timestamp;
use futures_util::StreamExt as _;
use reqwest::Response;
use reqwest::header::{HeaderMap, HeaderName};

pub use super::http_clients::HttpUnavailable;
use super::http_clients::{HttpClients, transport_error};
use super::sse::SseStream;
use crate::ports::transport::{
    BoxFuture, Call, LARGEST_BODY, Method, Reply, StreamReply, Transport, TransportError, Unreached,
};

/// The transport over HTTP/1.1 and HTTP/2.
#[derive(Clone)]
pub struct HttpTransport {
    clients: HttpClients,
}

impl HttpTransport {
    /// A client that trusts the certificates the system trusts.
    ///
    /// # Errors
    /// [`HttpUnavailable`] where the system's certificates cannot be loaded.
    pub fn new() -> Result<HttpTransport, HttpUnavailable> {
        let clients = HttpClients::new(concat!("countersign-device/", env!("CARGO_PKG_VERSION")))?;
        Ok(HttpTransport { clients })
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
            let is_stream = response
                .headers()
                .get(reqwest::header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .is_some_and(|value| value.starts_with("text/event-stream"));
            if head.status == 200 && is_stream {
                return Ok(StreamReply::Open { head, stream: Box::new(SseStream::new(response)) });
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
    let headers = response.headers();
    Reply {
        status: response.status().as_u16(),
        date: text(headers, &reqwest::header::DATE).and_then(http_date),
        dpop_nonce: text(headers, &HeaderName::from_static("dpop-nonce")).map(str::to_owned),
        retry_after: text(headers, &reqwest::header::RETRY_AFTER).and_then(|value| value.trim().parse().ok()),
        media_type: text(headers, &reqwest::header::CONTENT_TYPE).map(str::to_owned),
        body: Vec::new(),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Reads an HTTP date (RFC 9110 §5.6.7); the obsolete forms are not read.
fn http_date(text: &str) -> Option<Timestamp> {
    let moment = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    u64::try_from(moment.as_second()).ok().map(Timestamp::from_seconds)
}

#[cfg(test)]
mod tests;
