//! `countersign answer`: approves or denies one request.

use std::path::PathBuf;

use countersign_device::error::AnswerError;
use countersign_device::{AnswerResult, Decision, Device};
use countersign_protocol::answer::{self, DenialReason};
use countersign_protocol::clock::Clock as _;
use countersign_protocol::outcome::Ending;
use serde::Serialize;

use crate::arguments::{Answer, Choice, Reason};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, Paint};
use crate::pin_pad::{self, PinPad};
use crate::{device, request_text};
use countersign_device::edge::system::SystemClock;

#[derive(Serialize)]
struct Event<'a> {
    event: &'static str,
    #[serde(flatten)]
    answered: &'a AnswerResult,
}

/// Runs the command.
pub async fn run(answer: Answer, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let verdict = verdict(&answer)?;
    let pad = PinPad::from_options(&answer.pin)?;
    let (device, _) = device::open_and_pull(home, output).await?;
    if let Some(view) = device.pending().await.into_iter().find(|view| view.id == answer.id) {
        output.message(&request_text::request(&view, SystemClock.now().seconds(), output.paint()))?;
        device.shown(&answer.id).await;
    }
    let answered = match device.answer(&answer.id, verdict, &pad).await {
        Ok(answered) => answered,
        Err(AnswerError::NotVerified) if !pad.is_available() => return Err(pin_pad::no_pin()),
        Err(AnswerError::Ended | AnswerError::Answered) => return Err(over(&device, &answer)),
        Err(error) => return Err(device::answering(&error)),
    };
    output.result(&Event { event: "answered", answered: &answered }, |paint| words(&answered, paint))?;
    Ok(exit(&answered))
}

fn verdict(answer: &Answer) -> Result<Decision, Failure> {
    let reason = answer.reason.map(|reason| match reason {
        Reason::NotMe => DenialReason::NotMe,
        Reason::Mistake => DenialReason::Mistake,
        Reason::Other => DenialReason::Other,
    });
    match (answer.decision, reason, &answer.value) {
        (Choice::Approve, None, value) => Ok(Decision::Approve { value: value.clone() }),
        (Choice::Deny, reason, None) => Ok(Decision::Deny { reason }),
        (Choice::Approve, Some(_), _) => {
            Err(Failure::usage("usage", "--reason says why a request is denied; leave it out to approve"))
        }
        (Choice::Deny, _, Some(_)) => Err(Failure::usage("usage", "--value is for approving; leave it out to deny")),
    }
}

/// A request that was over before this answer.
fn over(device: &Device, answer: &Answer) -> Failure {
    let past = device.history().ok().and_then(|all| all.into_iter().find(|past| past.id == answer.id));
    let (exit, how) = match past.as_ref().and_then(|past| past.outcome) {
        Some(Ending::Expired) => (Exit::Expired, request_text::ending(Ending::Expired)),
        Some(ending) => (Exit::Denied, request_text::ending(ending)),
        None if past.is_some_and(|past| past.decision.is_some()) => {
            (Exit::Usage, "answered here already; the answer is kept and will be sent")
        }
        None => (Exit::Usage, "ended"),
    };
    Failure { exit, code: "request_ended", message: format!("this request is over: {how}") }
}

/// What came of an answer, in words.
pub fn words(answered: &AnswerResult, paint: Paint) -> String {
    match (answered.decision, answered.outcome) {
        (_, None) => "Your answer is kept and will be sent as soon as the provider can be reached.".to_owned(),
        (answer::Decision::Approved, Some(Ending::Approved)) => paint.green("Approved."),
        (answer::Decision::Denied, Some(Ending::Denied)) => "Denied.".to_owned(),
        (_, Some(ending)) => {
            let by = answered.by.as_deref().map(countersign_protocol::text::escape);
            let by = by.map_or_else(String::new, |by| format!(" ({by})"));
            format!("Your answer came to nothing: {}{by}.", request_text::ending(ending))
        }
    }
}

fn exit(answered: &AnswerResult) -> Exit {
    match (answered.decision, answered.outcome) {
        (answer::Decision::Approved, Some(Ending::Approved)) | (answer::Decision::Denied, Some(Ending::Denied)) => {
            Exit::Ok
        }
        (_, Some(Ending::Expired)) => Exit::Expired,
        (_, Some(_)) => Exit::Denied,
        (_, None) => Exit::Provider,
    }
}
