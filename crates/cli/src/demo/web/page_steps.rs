//! The seven steps of the CIBA flow with the messages that were sent, for the pages.

use countersign_jose::clock::Timestamp;
use countersign_protocol::text;
use serde::Serialize;
use serde_json::Value;

use super::recorded_approval::RecordedApproval;
use super::request_log::LogEntry;
use crate::demo::client_processes::claims_of;

/// One step.
#[derive(Serialize, Clone, PartialEq, Eq)]
pub struct Step {
    number: u8,
    title: &'static str,
    /// The purpose of the step, in a sentence.
    why: &'static str,
    /// Milliseconds since the request began, where known.
    after_ms: Option<u64>,
    /// The message, by line.
    lines: Vec<String>,
}

/// The steps that have happened.
pub fn build(entry: &LogEntry, approval: Option<&RecordedApproval>, issuer: &str) -> Vec<Step> {
    let (began, acknowledged, result) = entry.timeline();
    let scenario = &entry.scenario;
    let after = |at: Timestamp| Some(at.millis_since(began));
    let said = format!("{}: “{}”", scenario.client, scenario.message);
    let mut steps = vec![Step {
        number: 1,
        title: "The client asks for Alice’s approval",
        why: "A till, a call centre, a kiosk or an AI agent wants something that only Alice may allow.",
        after_ms: Some(0),
        lines: vec![match scenario.amount {
            Some(amount) => format!("{said}, {amount}"),
            None => said,
        }],
    }];
    let Some((at, reply)) = acknowledged else { return steps };
    let mut lines = vec![format!("POST {issuer}/bc-authorize  (as {}, with its secret)", scenario.client_id)];
    let signed = approval.and_then(RecordedApproval::details);
    lines.extend(scenario.form(signed).into_iter().map(|(name, value)| format!("{name} = {value}")));
    lines.push("→ 200".to_owned());
    lines.extend(members(reply, &["auth_req_id", "expires_in", "interval", "interaction_type", "interaction_value"]));
    steps.push(Step {
        number: 2,
        title: "Its backend posts to /bc-authorize",
        why: "The request names Alice and says what for. The client gets a handle to ask with later.",
        after_ms: after(*at),
        lines,
    });
    let Some(approval) = approval else { return steps };
    let challenge = approval.record().challenge.as_str();
    let mut lines = vec!["event: update  (on the stream that the device holds open)".to_owned()];
    lines.extend(members(
        &claims_of(challenge),
        &["iss", "aud", "jti", "kind", "client", "binding_message", "authorization_details_json", "interaction", "exp"],
    ));
    lines.push(format!("signature: …{}", tail(challenge)));
    steps.push(Step {
        number: 3,
        title: "The provider accepts it and tells Alice’s device",
        why: "One signed challenge for this device alone. It carries no handle that the client knows.",
        after_ms: None,
        lines,
    });
    let shown = approval.lines();
    steps.push(Step {
        number: 4,
        title: "The device verifies the challenge and shows it",
        why: "What does not verify is never shown. These are the lines on its screen.",
        after_ms: None,
        lines: shown.iter().map(super::recorded_approval::ScreenLine::sentence).collect(),
    });
    let (Some((answer, arrived)), Some(decided)) = (&approval.record().answer, approval.by()) else { return steps };
    let claims = claims_of(answer.as_str());
    let approved = claims["decision"] == "approved";
    steps.push(Step {
        number: 5,
        title: "Alice reviews it",
        why: if approved {
            "She read it and approved. Her PIN released the approval key."
        } else {
            "She read it and said no. That never asks for a PIN."
        },
        after_ms: None,
        lines: vec![format!("on “{decided}”")],
    });
    let names = ["decision", "reason", "interaction_value", "challenge_hash", "display_hash", "amr", "seq", "prev"];
    let mut lines = vec![format!("POST {issuer}/push/challenges/{}/answer", approval.challenge().claims().jti)];
    lines.extend(members(&claims, &names));
    lines.push(format!("signature: …{}", tail(answer.as_str())));
    steps.push(Step {
        number: 6,
        title: "The device signs her answer and sends it",
        why: "The signature covers what was asked (challenge_hash) and what was on the screen (display_hash).",
        after_ms: after(*arrived),
        lines,
    });
    let Some((at, result)) = result else { return steps };
    let mut lines = vec![format!("POST {issuer}/token  grant_type=urn:openid:params:grant-type:ciba")];
    if result["event"] == "tokens" {
        lines.push("→ 200".to_owned());
        lines.extend(members(result, &["token_type", "expires_in", "scope"]));
        lines.push("the ID token says:".to_owned());
        lines.extend(members(&result["id_token_claims"], &["iss", "aud", "sub", "acr", "amr", "approval"]));
        let rests = result["id_token_claims"]["approval"]["answer_hash"] == Value::String(answer.hash().to_string());
        if rests {
            lines.push(
                "answer_hash is the SHA-256 of the answer in step 6: the tokens rest on that signature.".to_owned(),
            );
        }
    } else {
        lines.push("→ 400".to_owned());
        lines.extend(members(result, &["error", "message", "error_description", "denial_reason"]));
    }
    steps.push(Step {
        number: 7,
        title: "The client polls /token",
        why: if result["event"] == "tokens" {
            "The provider acts on the signature, and on nothing else."
        } else {
            "The client learns that there is nothing for it."
        },
        after_ms: after(*at),
        lines,
    });
    steps
}

/// The named members of an object that are present, one per line.
fn members(object: &Value, names: &[&str]) -> Vec<String> {
    let there = names.iter().filter_map(|name| Some((name, object.get(name).filter(|value| !value.is_null())?)));
    let shown = there.map(|(name, value)| match value {
        Value::String(value) => format!("{name} = {}", text::escape(value)),
        other => format!("{name} = {}", text::escape(&other.to_string())),
    });
    shown.collect()
}

fn tail(compact: &str) -> &str {
    let signature = compact.rsplit('.').next().unwrap_or_default();
    signature.get(signature.len().saturating_sub(12)..).unwrap_or_default()
}
