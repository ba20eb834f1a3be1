//! `GET /push/stream`: the same as fetching, as Server-Sent Events whose ids are the cursor.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::key::Thumbprint;
use countersign_protocol::id::DeviceId;
use countersign_protocol::limits;
use countersign_protocol::push::{PushState, PushStatus};
use countersign_store::Listener;
use futures_util::{Stream, stream};
use tokio::time::{Instant, sleep_until};

use super::{fetch, reply};
use crate::Gateway;
use crate::device_auth::{AdmittedDevices, CallHead, Caller};
use crate::feed::has_news;
use crate::held_calls::HeldCall;
use crate::store::credentials;

const COMMENT_EVERY: Duration = Duration::from_secs(limits::STREAM_COMMENT_SECONDS);
const NONCE_EVERY: Duration = Duration::from_secs(limits::STREAM_NONCE_SECONDS);

pub(super) async fn stream(State(gateway): State<Gateway>, RawQuery(query): RawQuery, call: CallHead) -> Response {
    let caller = match gateway.caller(&call, "GET", &gateway.urls().stream, AdmittedDevices::Unconfirmed).await {
        Ok(caller) => caller,
        Err(refused) => return reply::finish(Err(refused), gateway.now(), None),
    };
    let last_event = call.headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let cursor = match (last_event, fetch::parse(query.as_deref().unwrap_or_default())) {
        (Some(id), _) => Some(id),
        (None, Ok(query)) => query.after,
        (None, Err(refused)) => return reply::finish(Err(refused), gateway.now(), Some(&caller.nonce)),
    };
    let nonce = caller.nonce.clone();
    let now = gateway.now();
    let mut response = Sse::new(FeedStream::new(gateway, caller, cursor).into_stream()).into_response();
    // A proxy that buffers would make a stream of nothing.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    reply::complete(response, now, Some(&nonce))
}

/// One device that follows its feed.
struct FeedStream {
    gateway: Gateway,
    device: DeviceId,
    transport_kid: Thumbprint,
    credential: Hash,
    credential_until: Timestamp,
    cursor: Option<String>,
    /// What the device knows of its push address: what its fetch before told it, or an event since.
    known: Option<PushStatus>,
    /// Whether an event was sent: the first one tells of the push address, too.
    has_begun: bool,
    listener: Listener,
    place: HeldCall,
    /// The next wake-up after the last read, if that read found everything there was.
    changed: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    next_comment: Instant,
    next_nonce: Instant,
}

impl FeedStream {
    fn new(gateway: Gateway, caller: Caller, cursor: Option<String>) -> Self {
        let notifier = gateway.store().notifier();
        let most = caller.device.most_held_calls();
        let (place, displaced) = gateway.held_streams().hold(&caller.device.id, most);
        if displaced {
            notifier.notify(caller.device.id.as_str());
        }
        let listener = notifier.listen(caller.device.id.as_str());
        Self {
            device: caller.device.id,
            transport_kid: caller.device.transport_kid,
            credential: caller.credential,
            credential_until: caller.credential_until,
            cursor,
            known: None,
            has_begun: false,
            listener,
            place,
            changed: None,
            // The first one at once: a device sees that nothing in between withholds the stream.
            next_comment: Instant::now(),
            next_nonce: Instant::now() + NONCE_EVERY,
            gateway,
        }
    }

    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> + Send {
        stream::unfold(self, |mut following| async move {
            let event = following.next().await?;
            Some((Ok(event), following))
        })
    }

    /// The next event; `None` ends the stream: revoked, suspended, credential replaced or at its end, displaced by newer streams of
    /// the device, gateway closing, store failing.
    async fn next(&mut self) -> Option<Event> {
        loop {
            // Where the last read found everything there was, only something new is a reason for another.
            let mut changed = match self.changed.take() {
                Some(changed) => changed,
                None => {
                    let changed = self.listener.changed();
                    let (update, is_all) = self.update().await?;
                    if is_all {
                        self.changed = Some(Box::pin(changed));
                    }
                    if let Some(update) = update {
                        self.next_comment = Instant::now() + COMMENT_EVERY;
                        return Some(update);
                    }
                    continue;
                }
            };
            let expiry = Duration::from_millis(self.credential_until.millis_since(self.gateway.now()));
            tokio::select! {
                () = &mut changed => continue,
                () = sleep_until(self.next_nonce) => {
                    self.next_nonce = Instant::now() + NONCE_EVERY;
                    self.next_comment = Instant::now() + COMMENT_EVERY;
                    self.changed = Some(changed);
                    return Some(Event::default().event("nonce").data(self.gateway.nonce_for(&self.transport_kid)));
                }
                () = sleep_until(self.next_comment) => {
                    self.next_comment = Instant::now() + COMMENT_EVERY;
                    self.changed = Some(changed);
                    return Some(Event::default().comment(""));
                }
                () = tokio::time::sleep(expiry) => {}
            }
        }
    }

    /// One item as an event, if there is one, and whether that was all. `None`: the stream has no right to go on, or the store
    /// failed.
    async fn update(&mut self) -> Option<(Option<Event>, bool)> {
        let (gateway, credential) = (self.gateway.clone(), self.credential);
        let (device, cursor) = (self.device.clone(), self.cursor.clone());
        let looked = self.gateway.store().read(move |snapshot| {
            // By its credential, so that a stream does not outlive one that was replaced.
            let Some(presented) = credentials::by_hash(snapshot, &credential)? else { return Ok(None) };
            let fetched = gateway.fetch(snapshot, &device, cursor.as_deref(), 1)?;
            Ok(Some((presented.device, fetched)))
        });
        let looked = looked.await.inspect_err(|error| tracing::error!(%error, "a stream could not read its feed"));
        let (device, mut fetched) = looked.ok()??;
        let may_go_on = !self.gateway.is_closing()
            && self.place.has_place()
            && self.gateway.check_state(&device, self.credential_until, AdmittedDevices::Unconfirmed).is_ok();
        if !may_go_on {
            return None;
        }
        self.cursor = Some(fetched.cursor.clone());
        let is_known = match &self.known {
            Some(_) => self.known == fetched.push,
            // It changed between the fetch and this stream, or the device knows it: told once too often is harmless.
            None => !fetched.push.as_ref().is_some_and(|push| matches!(push.state, PushState::Gone | PushState::Rekey)),
        };
        self.known.clone_from(&fetched.push);
        // A device with an address confirms what it received; of another, what was written counts.
        if !fetched.push.as_ref().is_some_and(|push| matches!(push.state, PushState::Ok | PushState::Rekey)) {
            self.gateway.note_position(&self.device, &fetched.cursor);
        }
        if !has_news(&fetched) && is_known {
            return Some((None, true));
        }
        if is_known && self.has_begun {
            fetched.push = None;
        }
        self.has_begun = true;
        let data = serde_json::to_string(&fetched).ok()?;
        Some((Some(Event::default().event("update").id(fetched.cursor).data(data)), !fetched.more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result_bytes<T>(_: impl FnOnce(FeedStream) -> T) -> usize {
        size_of::<T>()
    }

    #[test]
    fn an_idle_stream_is_small() {
        let (bytes, state) = (result_bytes(FeedStream::into_stream), size_of::<FeedStream>());
        assert!(bytes <= 1600, "{bytes} bytes, of which {state} are the stream's own");
    }
}
