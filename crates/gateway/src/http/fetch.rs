//! `GET /push/challenges`: what is newer than the cursor, at once or as soon as there is something.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_protocol::fetch::FetchResponse;
use countersign_protocol::limits;
use countersign_protocol::problem::ProblemCode;
use tokio::time::{Instant, timeout_at};

use super::reply;
use crate::Gateway;
use crate::answer::not_found;
use crate::device_auth::{AdmittedDevices, CallHead, Caller};
use crate::feed::has_news;
use crate::rejection::{Rejection, reject};
use crate::store::devices;

/// What a device asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) wait: Duration,
    pub(super) after: Option<String>,
}

pub(super) async fn fetch(State(gateway): State<Gateway>, RawQuery(query): RawQuery, call: CallHead) -> Response {
    let caller = match gateway.caller(&call, "GET", &gateway.urls().challenges, AdmittedDevices::Unconfirmed).await {
        Ok(caller) => caller,
        Err(refused) => return reply::finish(Err(refused), gateway.now(), None),
    };
    let fetched = async {
        let query = parse(query.as_deref().unwrap_or_default())?;
        if let Some(after) = &query.after {
            gateway.note_position(&caller.device.id, after);
            if caller.push_queued {
                gateway.confirm_received(&caller.device.id, after).await?;
            }
        }
        let fetched = wait_for_news(&gateway, &caller, &query).await?;
        gateway.note_position(&caller.device.id, &fetched.cursor);
        Ok(reply::json(StatusCode::OK, &fetched))
    };
    let fetched = fetched.await;
    // The nonce is made after the wait, so that it is fresh when it arrives.
    let nonce = gateway.nonce_for(&caller.device.transport_kid);
    reply::finish(fetched, gateway.now(), Some(&nonce))
}

async fn wait_for_news(gateway: &Gateway, caller: &Caller, query: &Query) -> Result<FetchResponse, Rejection> {
    let device = &caller.device.id;
    let until = Instant::now() + query.wait;
    let notifier = gateway.store().notifier();
    let (place, displaced) = gateway.held_polls().hold(device, caller.device.most_held_calls());
    if displaced {
        notifier.notify(device.as_str());
    }
    let listener = notifier.listen(device.as_str());
    loop {
        let changed = listener.changed();
        let (inside, id, after) = (gateway.clone(), device.clone(), query.after.clone());
        let fetched = gateway.store().read(move |c| inside.fetch(c, &id, after.as_deref(), usize::MAX)).await?;
        let is_over = gateway.is_closing() || !place.has_place();
        if has_news(&fetched) || is_over || timeout_at(until, changed).await.is_err() {
            return Ok(fetched);
        }
        // Whatever woke us may have been the device's own end.
        let id = device.clone();
        let now = gateway.store().read(move |snapshot| devices::by_id(snapshot, &id)).await?;
        let now = now.ok_or_else(not_found)?;
        gateway.check_state(&now, caller.credential_until, AdmittedDevices::Unconfirmed)?;
    }
}

/// Reads `wait` (seconds; more than 25 counts as 25) and `after`. Other parameters are ignored.
pub(super) fn parse(query: &str) -> Result<Query, Rejection> {
    let mut parsed = Query::default();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("wait", seconds)) => {
                if seconds.is_empty() || !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(reject(ProblemCode::InvalidRequest, "wait must be a number of seconds from 0 to 25."));
                }
                // More digits than the type has room for are more than 25, too.
                let seconds: u64 = seconds.parse().unwrap_or(u64::MAX);
                parsed.wait = Duration::from_secs(seconds.min(limits::FETCH_WAIT_SECONDS));
            }
            // Cursors need no escaping; one that was escaped is unknown, and that is harmless.
            Some(("after", cursor)) => parsed.after = Some(cursor.to_owned()),
            _ => {}
        }
    }
    Ok(parsed)
}
