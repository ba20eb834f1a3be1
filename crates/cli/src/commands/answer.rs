//! `countersign answer`: approves or denies one request.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

use countersign_device::error::AnswerError;
use countersign_device::view::{ChallengeView, InteractionView};
use countersign_device::{AnswerResult, Decision, Device};
use countersign_protocol::answer::{self, DenialReason};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::outcome::Ending;
use countersign_protocol::registration::DeviceClass;
use serde::Serialize;

use crate::arguments::{Answer, Choice, Reason};
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, Paint};
use crate::pin_pad::{self, PinPad};
use crate::{device_failure, idle_accounts, next_command, open_device, request_text};

#[derive(Serialize)]
struct Event<'a> {
    event: &'static str,
    #[serde(flatten)]
    answered: &'a AnswerResult,
}

/// Runs the command.
pub async fn run(answer: Answer, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let mut decision = decision(&answer)?;
    let pad = PinPad::from_options(&answer.pin)?;
    let opened = open_device::open_and_pull(home.clone(), output).await?;
    let (device, _) = opened.ok_or_else(|| device_failure::answer_failed(&AnswerError::Unknown))?;
    let asked = device.pending().await.into_iter().find(|view| view.id == answer.id);
    if let Some(view) = &asked {
        output.message(&request_text::request(view, output.paint()))?;
        device.shown(&answer.id).await;
        if let Decision::Approve { value: value @ None } = &mut decision {
            *value = number_prompt(view).filter(|_| !output.is_json()).and_then(|prompt| ask_number(&prompt));
        }
    }
    let answered = match device.answer(&answer.id, decision, &pad).await {
        Ok(answered) => answered,
        Err(AnswerError::NotVerified) if !pad.is_available() => {
            let accounts = device.accounts().await.map_err(|error| device_failure::open_failed(&error))?;
            let of = asked.and_then(|view| accounts.into_iter().find(|known| known.account == view.account));
            return Err(pin_pad::no_pin(&[of.map_or(DeviceClass::Automated, |account| account.device_class)]));
        }
        Err(AnswerError::Ended | AnswerError::Answered) => return Err(ended_before(&device, &answer).await),
        // A provider sends no requests to an account that takes no part.
        Err(error @ AnswerError::Unknown) => {
            return Err(idle_accounts::failure(&device, home.as_deref())
                .await?
                .unwrap_or_else(|| device_failure::answer_failed(&error)));
        }
        Err(error @ AnswerError::ValueNeeded) => {
            let mut failure = device_failure::answer_failed(&error);
            let next = next_command::of_device(&format!("answer {} approve --value N", answer.id), home.as_deref());
            failure.message += &format!(": {next}");
            return Err(failure);
        }
        Err(error) => return Err(device_failure::answer_failed(&error)),
    };
    let no_part = idle_accounts::no_part(&device, &answered.account).await?.filter(|_| answered.outcome.is_none());
    if let (true, Some(why)) = (output.is_json(), &no_part) {
        output.progress(&format!("The provider did not take the answer: {why}."));
    }
    output.result(&Event { event: "answered", answered: &answered }, |paint| match &no_part {
        Some(why) => format!("Your answer is stored, and the provider did not take it: {why}."),
        None => describe(&answered, paint),
    })?;
    Ok(exit_for(&answered))
}

fn decision(answer: &Answer) -> Result<Decision, Failure> {
    let reason = answer.reason.map(|reason| match reason {
        Reason::NotMe => DenialReason::NotMe,
        Reason::Mistake => DenialReason::Mistake,
        Reason::Other => DenialReason::Other,
    });
    match (answer.decision, reason, &answer.value) {
        (Choice::Approve, None, value) => Ok(Decision::Approve { value: value.clone() }),
        (Choice::Deny, reason, None) => Ok(Decision::Deny { reason }),
        (Choice::Approve, Some(_), _) => {
            Err(Failure::usage(ErrorCode::Usage, "--reason applies to deny only; omit it to approve"))
        }
        (Choice::Deny, _, Some(_)) => {
            Err(Failure::usage(ErrorCode::Usage, "--value applies to approve only; omit it to deny"))
        }
    }
}

/// How to ask for the number on the client's screen, if the request needs it.
fn number_prompt(view: &ChallengeView) -> Option<String> {
    const ASK: &str = "The number on the screen where the request began";
    let InteractionView { kind, choices, length } = &view.interaction;
    match (kind, choices, length) {
        (InteractionType::Boolean, ..) => None,
        (_, Some(choices), _) => Some(format!("{ASK}, one of {}: ", choices.join(", "))),
        (_, None, Some(length)) => Some(format!("{ASK}, {length} digits: ")),
        _ => Some(format!("{ASK}: ")),
    }
}

/// Reads a line from the terminal. `None` if there is none, or nothing was typed.
fn ask_number(prompt: &str) -> Option<String> {
    if !io::stdin().is_terminal() {
        return None;
    }
    // A closed standard error is no reason to stop.
    let _ = write!(io::stderr(), "\n{prompt}");
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed).ok()?;
    let typed: String = typed.chars().filter(|character| !character.is_whitespace()).collect();
    (!typed.is_empty()).then_some(typed)
}

/// The failure for a request that ended before this answer.
async fn ended_before(device: &Device, answer: &Answer) -> Failure {
    let past = device.history().await.ok().and_then(|all| all.into_iter().find(|past| past.id == answer.id));
    let (exit, how) = match past.as_ref().and_then(|past| past.outcome) {
        Some(Ending::Expired) => (Exit::Expired, request_text::ending(Ending::Expired)),
        Some(ending) => (Exit::Denied, request_text::ending(ending)),
        None if past.is_some_and(|past| past.decision.is_some()) => {
            (Exit::Usage, "already answered here; the answer is stored and will be sent")
        }
        None => (Exit::Usage, "ended"),
    };
    Failure { exit, code: ErrorCode::RequestEnded.code(), message: format!("this request is over: {how}") }
}

/// The result of an answer, as text.
pub fn describe(answered: &AnswerResult, paint: Paint) -> String {
    let how = request_text::practice_mark(answered.practice).to_owned() + &result(answered, paint);
    match answered.approval_ref {
        Some(reference) => format!("{how} Reference: {reference}."),
        None => how,
    }
}

fn result(answered: &AnswerResult, paint: Paint) -> String {
    match (answered.decision, answered.outcome) {
        (_, None) => "Your answer is stored and will be sent as soon as the provider can be reached.".to_owned(),
        (answer::Decision::Approved, Some(Ending::Approved)) => paint.green("Approved."),
        (answer::Decision::Denied, Some(Ending::Denied)) => "Denied.".to_owned(),
        (_, Some(ending)) => {
            let by = answered.by.as_deref().map(countersign_protocol::text::escape);
            let by = by.map_or_else(String::new, |by| format!(" ({by})"));
            format!("Your answer did not count: {}{by}.", request_text::ending(ending))
        }
    }
}

fn exit_for(answered: &AnswerResult) -> Exit {
    match (answered.decision, answered.outcome) {
        (answer::Decision::Approved, Some(Ending::Approved)) | (answer::Decision::Denied, Some(Ending::Denied)) => {
            Exit::Ok
        }
        (_, Some(Ending::Expired)) => Exit::Expired,
        (_, Some(_)) => Exit::Denied,
        (_, None) => Exit::Provider,
    }
}
