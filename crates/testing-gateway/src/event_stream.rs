//! Server-Sent Events, read off a response as they come.

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, StatusCode};
use countersign_protocol::fetch::FetchResponse;
use futures_util::StreamExt as _;

use crate::{DeviceCalls as _, TestDevice, World};

/// One event, or a comment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// The field `event`.
    pub name: String,
    /// The field `id`.
    pub id: String,
    /// The field `data`.
    pub data: String,
    /// A line that begins with a colon.
    pub is_comment: bool,
}

/// The events of an open stream.
pub struct Events {
    body: BodyDataStream,
    read: String,
}

impl Events {
    /// Opens the device's stream after its cursor.
    pub async fn open(world: &World, device: &TestDevice) -> Self {
        let path = match &device.cursor {
            Some(cursor) => format!("/push/stream?after={cursor}"),
            None => "/push/stream".to_owned(),
        };
        let request = device.signed(&Method::GET, &path);
        let response = world.open_call(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self::of(response.into_body())
    }

    fn of(body: Body) -> Self {
        Self { body: body.into_data_stream(), read: String::new() }
    }

    /// The next event; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let event = parse(event);
                self.read = rest.to_owned();
                return Some(event);
            }
            let chunk = self.body.next().await?.expect("the stream holds");
            self.read.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    /// The next update; comments before it are skipped.
    pub async fn update(&mut self) -> FetchResponse {
        let event = loop {
            let event = self.next().await.expect("the stream goes on");
            if !event.is_comment {
                break event;
            }
        };
        assert_eq!(event.name, "update");
        let fetched: FetchResponse = serde_json::from_str(&event.data).expect("a fetch object");
        assert_eq!(event.id, fetched.cursor, "the id is the cursor");
        fetched
    }
}

fn parse(text: &str) -> Event {
    let mut event = Event::default();
    for line in text.lines() {
        match line.split_once(':').map(|(name, value)| (name, value.trim_start())) {
            Some(("", _)) => event.is_comment = true,
            Some(("event", value)) => event.name = value.to_owned(),
            Some(("id", value)) => event.id = value.to_owned(),
            Some(("data", value)) => event.data.push_str(value),
            _ => {}
        }
    }
    event
}
