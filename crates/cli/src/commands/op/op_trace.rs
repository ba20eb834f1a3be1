//! `countersign op trace`: the history of one approval, step by step.

use std::path::PathBuf;

use countersign_gateway::ApprovalTrace;
use countersign_jose::clock::Timestamp;
use countersign_op::{RequestTrace, Trace};
use countersign_protocol::approval_ref::ApprovalRef;
use serde_json::{Value, json};

use super::open_provider::open_to_look;
use crate::arguments::ProviderConfig;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::request_text::one_line;
use crate::time_format;

/// A step: when, its name, further members for `--json`, and its text.
struct Step {
    at: Option<Timestamp>,
    name: &'static str,
    more: Value,
    text: String,
}

/// Runs the command.
pub fn run(id: &str, config: &ProviderConfig, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let provider = open_to_look(config, home)?;
    let id = &super::reference::resolve(&provider, id)?;
    let found = provider.trace(id).map_err(|error| Failure::usage(error.code(), error))?;
    let Some(trace) = found else {
        return Err(super::reference::unknown());
    };
    let head = json!({
        "event": "trace",
        "approval": trace.approval.as_ref().map(|approval| approval.id.as_str()),
        "ref": trace.approval.as_ref().map(|approval| ApprovalRef::of(&approval.id)),
        "sub": trace.approval.as_ref().map(|approval| approval.subject.as_str()),
        "client_id": client(&trace),
        "outcome": trace.approval.as_ref().map_or("nobody_asked", |approval| approval.outcome),
    });
    output.result(&head, |paint| match &trace.approval {
        Some(approval) => {
            let (id, outcome) = (paint.bold(approval.id.as_str()), paint.bold(approval.outcome));
            format!(
                "{id} ({})\n{} asks {}: {outcome}",
                ApprovalRef::of(&approval.id),
                approval.client_id,
                approval.subject.as_str()
            )
        }
        None => format!(
            "{} asked for a user who is unknown or locked, or has no device: no device was asked",
            client(&trace)
        ),
    })?;
    let mut steps = Vec::new();
    if let Some(approval) = &trace.approval {
        of_approval(approval, &mut steps);
    }
    if let Some(request) = &trace.request {
        of_request(request, trace.approval.is_some(), &mut steps);
    }
    // Steps without a time come last.
    steps.sort_by_key(|step| step.at.map_or(u64::MAX, Timestamp::millis));
    for step in steps {
        let at = step.at.map(Timestamp::seconds);
        let mut line = json!({ "event": "step", "step": step.name, "at": at });
        if let (Some(line), Value::Object(more)) = (line.as_object_mut(), step.more) {
            line.extend(more);
        }
        output.result(&line, |paint| {
            let time = at.map_or_else(|| " ".repeat(26), time_format::full);
            format!("{}  {}", paint.dim(&time), step.text)
        })?;
    }
    Ok(Exit::Ok)
}

fn client(trace: &Trace) -> &str {
    let asked = trace.approval.as_ref().map(|approval| approval.client_id.as_str());
    asked.or_else(|| trace.request.as_ref().map(|request| request.client_id.as_str())).unwrap_or_default()
}

fn of_approval(approval: &ApprovalTrace, steps: &mut Vec<Step>) {
    let held = match (approval.held, approval.practice) {
        (true, _) => ", held: listed on devices, not pushed",
        (_, true) => ", practice: nothing comes of it",
        _ => "",
    };
    let until = approval.answer_until.seconds();
    steps.push(Step {
        at: Some(approval.requested_at),
        name: "requested",
        more: json!({ "interaction": approval.interaction, "held": approval.held, "practice": approval.practice, "until": until }),
        text: format!(
            "{} asks ({}{held}), until {}",
            approval.client_id,
            approval.interaction,
            time_format::full(until)
        ),
    });
    for asked in &approval.asked {
        let name = one_line(&asked.name);
        let ended = if asked.active { "" } else { "; that device is no longer active" };
        let more = json!({ "challenge": asked.challenge, "device_id": asked.device, "device_name": asked.name });
        steps.push(Step {
            at: Some(approval.requested_at),
            name: "asked",
            more: more.clone(),
            text: format!("\"{name}\" is asked by {}{ended}", asked.challenge.as_str()),
        });
        for (at, step, text) in [
            (asked.pushed_at, "pushed", format!("\"{name}\" is pushed: its push service accepted it")),
            (asked.looked_at, "looked", format!("\"{name}\" calls, the first time after the push")),
        ] {
            if let Some(at) = at {
                steps.push(Step { at: Some(at), name: step, more: more.clone(), text });
            }
        }
        if let Some(code) = &asked.refused {
            steps.push(Step {
                at: None,
                name: "not_shown",
                more: json!({ "challenge": asked.challenge, "code": code }),
                text: format!("\"{name}\" could not display it: {}", one_line(code)),
            });
        }
        if let Some(at) = asked.answered_at {
            let mut more = more;
            more["decided"] = asked.decided.into();
            let decided = if asked.decided { "and decides" } else { "too late or after another answer" };
            steps.push(Step { at: Some(at), name: "answered", more, text: format!("\"{name}\" answers, {decided}") });
        }
    }
    if let Some(at) = approval.ended_at {
        let reason = approval.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        let acr = approval.acr.as_ref().map(|acr| format!(", {acr}")).unwrap_or_default();
        steps.push(Step {
            at: Some(at),
            name: "ended",
            more: json!({ "outcome": approval.outcome, "reason": approval.reason, "acr": approval.acr }),
            text: format!("the verdict: {}{reason}{acr}", approval.outcome),
        });
    }
    if let Some(at) = approval.disputed_at {
        let text = "the person disputes it: its tokens are void".to_owned();
        steps.push(Step { at: Some(at), name: "disputed", more: json!({}), text });
    }
}

fn of_request(request: &RequestTrace, asked: bool, steps: &mut Vec<Step>) {
    let mut step = |at, name, more, text: String| steps.push(Step { at, name, more, text });
    if !asked {
        let until = request.expires_at.seconds();
        let text = format!("{} asks, until {}", request.client_id, time_format::full(until));
        step(Some(request.requested_at), "requested", json!({ "until": until }), text);
    }
    if let Some(at) = request.polled_at {
        let interval = request.interval;
        let text = format!("the client's latest poll; it may poll every {interval} s");
        step(Some(at), "polled", json!({ "interval": interval }), text);
    }
    if let Some(at) = request.cancelled_at {
        step(Some(at), "called_off", json!({}), "the client cancelled it".to_owned());
    }
    if let Some(at) = request.redeemed_at {
        step(Some(at), "tokens", json!({}), "the tokens were issued".to_owned());
    }
    if let Some((kind, attempts)) = &request.undelivered {
        let text = format!("notification of the client is pending ({kind}), attempts: {attempts}");
        step(None, "untold", json!({ "kind": kind, "attempts": attempts }), text);
    }
    if let Some((ends, ended)) = request.refresh {
        let text = match ended {
            Some(_) => "its refresh tokens were revoked".to_owned(),
            None => format!("refresh tokens are valid until {}", time_format::full(ends.seconds())),
        };
        step(ended, "refresh", json!({ "ends_at": ends.seconds(), "ended": ended.is_some() }), text);
    }
}
