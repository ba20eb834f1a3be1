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

/// The answers heard so far, each from the moment it went out: the outcome may come by the stream before the reply does.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<Sent>>>);

impl Heard {
    /// The first time that an answer about this request went out and was taken; else the last time one went out that has
    /// no reply yet.
    pub fn answer_to(&self, challenge: &str) -> Option<Sent> {
        let path = format!("/{challenge}/answer");
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut about_it = all.iter().filter(|sent| sent.url.ends_with(&path));
        let taken = about_it.clone().find(|sent| sent.status == Some(200));
        taken.or_else(|| about_it.rfind(|sent| sent.status.is_none())).cloned()
    }

    /// Notes an answer that goes out; the number is for [`Heard::replied`].
    fn went_out(&self, url: String) -> usize {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Sent { url, at: Instant::now(), status: None });
        all.len() - 1
    }

    fn replied(&self, number: usize, status: u16) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all[number].status = Some(status);
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
        Box::pin(async move {
            let number = call.url.ends_with("/answer").then(|| self.sent.went_out(call.url.clone()));
            let reply = self.inner.call(call).await;
            if let (Some(number), Ok(reply)) = (number, &reply) {
                self.sent.replied(number, reply.status);
            }
            reply
        })
    }

    fn watch(&self, call: Call) -> Soon<'_, Result<Watched, NoReply>> {
        self.inner.watch(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_from_when_it_went_out_and_the_one_that_was_taken_counts_most() {
        let heard = Heard::default();
        let url = "http://127.0.0.1/push/challenges/ch_1/answer";
        assert!(heard.answer_to("ch_1").is_none());
        let refused = heard.went_out(url.to_owned());
        assert_eq!(heard.answer_to("ch_1").expect("on its way").status, None);
        heard.replied(refused, 401);
        assert!(heard.answer_to("ch_1").is_none(), "a refused one is no answer");
        let taken = heard.went_out(url.to_owned());
        let again = heard.went_out(url.to_owned());
        heard.replied(taken, 200);
        assert_eq!(heard.answer_to("ch_1").expect("taken").status, Some(200));
        assert!(heard.answer_to("ch_2").is_none());
        assert_eq!(again, 2);
    }
}
