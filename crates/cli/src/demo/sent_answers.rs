//! Transport of Alice's device that records when each answer was sent and with what status the provider replied.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use countersign_device::ports::transport::{BoxFuture, Call, Reply, StreamReply, Transport, TransportError};

/// One sent answer; holds no secret.
#[derive(Debug, Clone)]
pub struct SentAnswer {
    /// The endpoint.
    pub url: String,
    /// When the call began.
    pub at: Instant,
    /// The status of the reply.
    pub status: Option<u16>,
}

/// A transport that records answers and passes every call on.
pub struct RecordingTransport {
    inner: Arc<dyn Transport>,
    sent: SentAnswers,
}

/// The answers sent so far. Recorded when sent, not when replied to: the outcome may arrive by the stream before the reply.
#[derive(Clone, Default)]
pub struct SentAnswers(Arc<Mutex<Vec<SentAnswer>>>);

impl SentAnswers {
    /// The first accepted answer to this challenge; else the latest one that has no reply yet.
    pub fn answer_to(&self, challenge: &str) -> Option<SentAnswer> {
        let path = format!("/{challenge}/answer");
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut about_it = all.iter().filter(|sent| sent.url.ends_with(&path));
        let taken = about_it.clone().find(|sent| sent.status == Some(200));
        taken.or_else(|| about_it.rfind(|sent| sent.status.is_none())).cloned()
    }

    /// Records an answer as sent; the returned number is for [`SentAnswers::replied`].
    fn sent(&self, url: String) -> usize {
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
    /// Wraps a transport.
    pub fn wrap(inner: Arc<dyn Transport>) -> (RecordingTransport, SentAnswers) {
        let sent = SentAnswers::default();
        (RecordingTransport { inner, sent: sent.clone() }, sent)
    }
}

impl Transport for RecordingTransport {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply, TransportError>> {
        Box::pin(async move {
            let number = call.url.ends_with("/answer").then(|| self.sent.sent(call.url.clone()));
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
    fn an_answer_counts_from_when_it_was_sent_and_an_accepted_one_is_preferred() {
        let sent_answers = SentAnswers::default();
        let url = "http://127.0.0.1/push/challenges/ch_1/answer";
        assert!(sent_answers.answer_to("ch_1").is_none());
        let refused = sent_answers.sent(url.to_owned());
        assert_eq!(sent_answers.answer_to("ch_1").expect("on its way").status, None);
        sent_answers.replied(refused, 401);
        assert!(sent_answers.answer_to("ch_1").is_none(), "a refused answer does not count");
        let taken = sent_answers.sent(url.to_owned());
        let again = sent_answers.sent(url.to_owned());
        sent_answers.replied(taken, 200);
        assert_eq!(sent_answers.answer_to("ch_1").expect("taken").status, Some(200));
        assert!(sent_answers.answer_to("ch_2").is_none());
        assert_eq!(again, 2);
    }
}
