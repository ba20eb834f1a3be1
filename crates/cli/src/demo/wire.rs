//! Listens in on what Alice's device sends, so that the demo can tell when a signature went out and what came back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use countersign_device::ports::provider::{Call, NoReply, Provider, Reply, Soon, Watched};

/// One answer on the wire. Nothing secret is kept.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Where to.
    pub url: String,
    /// When the call began.
    pub at: Instant,
    /// The status of the reply.
    pub status: Option<u16>,
}

/// A provider's connection with somebody listening in.
pub struct Wire {
    inner: Arc<dyn Provider>,
    sent: Heard,
}

/// The answers heard so far.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<Sent>>>);

impl Heard {
    /// The first time that an answer about this request went out and was taken.
    pub fn answer_to(&self, challenge: &str) -> Option<Sent> {
        let path = format!("/{challenge}/answer");
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|sent| sent.url.ends_with(&path) && sent.status == Some(200)).cloned()
    }

    fn note(&self, sent: Sent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
    }
}

impl Wire {
    /// Listens in on a connection.
    pub fn over(inner: Arc<dyn Provider>) -> (Wire, Heard) {
        let sent = Heard::default();
        (Wire { inner, sent: sent.clone() }, sent)
    }
}

impl Provider for Wire {
    fn call(&self, call: Call) -> Soon<'_, Result<Reply, NoReply>> {
        let (url, at) = (call.url.clone(), Instant::now());
        Box::pin(async move {
            let reply = self.inner.call(call).await;
            if url.ends_with("/answer") {
                self.sent.note(Sent { url, at, status: reply.as_ref().ok().map(|reply| reply.status) });
            }
            reply
        })
    }

    fn watch(&self, call: Call) -> Soon<'_, Result<Watched, NoReply>> {
        self.inner.watch(call)
    }
}
