//! Listens in on what Alice's device sends, so that the demo can tell when a signature went out and what came back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use countersign_device::ports::transport::{BoxFuture, Call, Reply, StreamReply, Transport, TransportError};

/// One answer on the wire. Nothing secret is kept.
#[derive(Debug, Clone)]
pub struct SentAnswer {
    /// Where to.
    pub url: String,
    /// When the call began.
    pub at: Instant,
    /// The status of the reply.
    pub status: Option<u16>,
}

/// A provider's connection with somebody listening in.
pub struct RecordingTransport {
    inner: Arc<dyn Transport>,
    sent: SentAnswers,
}

/// The answers sent so far, each from the moment it went out: the outcome may come by the stream before the reply does.
#[derive(Clone, Default)]
pub struct SentAnswers(Arc<Mutex<Vec<SentAnswer>>>);

impl SentAnswers {
    /// The first time that an answer about this request went out and was taken; else the last time one went out that has
    /// no reply yet.
    pub fn answer_to(&self, challenge: &str) -> Option<SentAnswer> {
        let path = format!("/{challenge}/answer");
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut about_it = all.iter().filter(|sent| sent.url.ends_with(&path));
        let taken = about_it.clone().find(|sent| sent.status == Some(200));
        taken.or_else(|| about_it.rfind(|sent| sent.status.is_none())).cloned()
    }

    /// Notes an answer that goes out; the number is for [`SentAnswers::replied`].
    fn went_out(&self, url: String) -> usize {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(SentAnswer { url, at: Instant::now(), status: None });
        all.len() - 1
    }

    fn replied(&self, number: usize, status: u16) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all[number].status = Some(status);
    }
}

impl RecordingTransport {
    /// Listens in on a connection.
    pub fn over(inner: Arc<dyn Transport>) -> (RecordingTransport, SentAnswers) {
        let sent = SentAnswers::default();
        (RecordingTransport { inner, sent: sent.clone() }, sent)
    }
}

impl Transport for RecordingTransport {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply, TransportError>> {
        Box::pin(async move {
            let number = call.url.ends_with("/answer").then(|| self.sent.went_out(call.url.clone()));
            let reply = self.inner.call(call).await;
            if let (Some(number), Ok(reply)) = (number, &reply) {
                self.sent.replied(number, reply.status);
            }
            reply
        })
    }

    fn open_stream(&self, call: Call) -> BoxFuture<'_, Result<StreamReply, TransportError>> {
        self.inner.open_stream(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_from_when_it_went_out_and_the_one_that_was_taken_counts_most() {
        let sent_answers = SentAnswers::default();
        let url = "http://127.0.0.1/push/challenges/ch_1/answer";
        assert!(sent_answers.answer_to("ch_1").is_none());
        let refused = sent_answers.went_out(url.to_owned());
        assert_eq!(sent_answers.answer_to("ch_1").expect("on its way").status, None);
        sent_answers.replied(refused, 401);
        assert!(sent_answers.answer_to("ch_1").is_none(), "a refused one is no answer");
        let taken = sent_answers.went_out(url.to_owned());
        let again = sent_answers.went_out(url.to_owned());
        sent_answers.replied(taken, 200);
        assert_eq!(sent_answers.answer_to("ch_1").expect("taken").status, Some(200));
        assert!(sent_answers.answer_to("ch_2").is_none());
        assert_eq!(again, 2);
    }
}
