//! Answering and disputing on behalf of a page, checked as if the page were hostile.

use std::future::ready;

use countersign_device as device;
use countersign_device::ports::transport::BoxFuture;
use countersign_device::ports::user_verifier::{PinPrompt, UserVerifier, Verified};
use countersign_device::view::ChallengeView;
use countersign_protocol::answer::{self, DenialReason};
use countersign_protocol::id::ChallengeId;
use countersign_protocol::outcome::Ending;
use countersign_protocol::text::escape;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::failure::Failure;
use crate::secrets::PinText;
use crate::snapshot::Support;

/// The person's choice, as a page sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Approve; needs user verification.
    Approve,
    /// Deny, without a reason.
    Deny,
    /// Deny, because the person did not start the request.
    NotMe,
}

/// An answer, as a page sends it.
pub struct AnswerRequest {
    /// The challenge's id.
    pub challenge_id: String,
    /// The hash of the transcript that the page showed.
    pub display_hash: String,
    /// The person's choice.
    pub decision: Decision,
    /// The PIN, where approving needs one. Ignored when denying.
    pub pin: Option<PinText>,
    /// The number, where the request asks for one. Ignored when denying.
    pub number: Option<String>,
}

/// The result of an answer.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AnswerResult {
    /// The challenge's id.
    pub id: String,
    /// The decision that this device signed.
    #[cfg_attr(test, ts(type = "\"approved\" | \"denied\""))]
    pub decision: answer::Decision,
    /// How the request ended; `null`: the answer is in the outbox and will be sent.
    #[cfg_attr(test, ts(type = "Ending | null"))]
    pub outcome: Option<Ending>,
    /// The device that answered first, where another did.
    pub by: Option<String>,
    /// After "this wasn't me": until when the provider holds this client back, seconds since the epoch.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub held_until: Option<u64>,
    /// The provider's support contact.
    pub support: Option<Support>,
}

impl App {
    /// Records that a page shows a request: [`ChallengeView::inert_ms`] must pass before it can be approved.
    ///
    /// # Errors
    /// [`Failure`] `bad_argument` or `not_open`.
    pub async fn shown(&self, challenge_id: &str) -> Result<(), Failure> {
        let device = self.device()?;
        let id = parse(challenge_id)?;
        // Only waiting requests are recorded, so that a page can't fill the memory with ids.
        if !self.waiting(&id).await?.is_empty() {
            self.note_shown(&id);
            device.shown(&id).await;
            self.changed();
        }
        Ok(())
    }

    /// Answers a request. An approval counts only [`ChallengeView::inert_ms`] after [`App::shown`].
    ///
    /// # Errors
    /// [`Failure`]; then nothing was signed.
    pub async fn answer(&self, request: AnswerRequest) -> Result<AnswerResult, Failure> {
        let device = self.device()?;
        let id = parse(&request.challenge_id)?;
        let waiting = self.waiting(&id).await?;
        if waiting.is_empty() {
            return Err(Failure::new("request_ended", "this request does not wait for an answer any more"));
        }
        // Of two providers' requests with one id, the one that was shown.
        let is_shown = |view: &ChallengeView| view.transcript.freeze().hash().to_string() == request.display_hash;
        let Some(view) = waiting.into_iter().find(is_shown) else {
            return Err(Failure::new("display_changed", "what was shown is not what would be signed"));
        };
        let decision = match request.decision {
            Decision::Deny => device::Decision::Deny { reason: None },
            Decision::NotMe => device::Decision::Deny { reason: Some(DenialReason::NotMe) },
            Decision::Approve => {
                if !self.was_shown_for(&id, view.inert_ms()) {
                    return Err(Failure::new(
                        "too_soon",
                        "this request has not been on the screen long enough to be read",
                    ));
                }
                device::Decision::Approve { value: request.number }
            }
        };
        let pin = match (&decision, &request.pin) {
            (device::Decision::Approve { .. }, Some(pin)) => Some(pin.entry()?),
            _ => None,
        };
        let answered = device.answer_for(&view.account, &id, decision, &TypedPin(pin)).await;
        self.changed();
        let answered = answered?;
        self.note_answered(&id, answered.decision);
        let accounts = device.accounts().await?;
        let support =
            accounts.iter().find(|known| known.account == view.account).and_then(|known| known.support.as_ref());
        Ok(AnswerResult {
            id: id.to_string(),
            decision: answered.decision,
            outcome: answered.outcome,
            by: answered.by.as_deref().map(escape),
            held_until: answered.held_until,
            support: support.map(Support::from),
        })
    }

    /// Disputes a request that has ended: "that wasn't me".
    ///
    /// # Errors
    /// [`Failure`]; then nothing was signed.
    pub async fn dispute(&self, challenge_id: &str) -> Result<(), Failure> {
        self.device()?.dispute(&parse(challenge_id)?).await?;
        self.changed();
        Ok(())
    }

    async fn waiting(&self, id: &ChallengeId) -> Result<Vec<ChallengeView>, Failure> {
        Ok(self.device()?.pending().await.into_iter().filter(|view| view.id == *id).collect())
    }
}

pub(crate) fn parse(challenge_id: &str) -> Result<ChallengeId, Failure> {
    challenge_id.parse().map_err(|_| Failure::bad_argument("the request's id"))
}

/// The PIN that came with the answer; `None`: there is nobody to ask.
struct TypedPin(Option<Verified>);

impl UserVerifier for TypedPin {
    fn verify(&self, _: PinPrompt) -> BoxFuture<'_, Option<Verified>> {
        Box::pin(ready(self.0.clone()))
    }
}
