//! One request as the seven steps of the CIBA flow, with the messages that were sent.

use std::time::Instant;

use countersign_device::view::ChallengeView;
use countersign_device::{AnswerResult, Device};
use countersign_protocol::answer::Decision;
use countersign_protocol::evidence::Evidence;
use countersign_protocol::text;
use serde_json::Value;

use super::scenarios::Scenario;
use super::sent_answers::{SentAnswer, SentAnswers};
use crate::output::Paint;
use crate::request_text;

/// The number of steps.
pub const STEPS: usize = 7;

/// One request and how far it has come.
pub struct FlowRecord {
    /// What is asked for.
    pub scenario: Scenario,
    /// The provider's issuer.
    pub issuer: String,
    /// When the client process was started.
    pub began: Instant,
    /// The provider's acknowledgement.
    pub acknowledged: Option<(Instant, Value)>,
    /// The challenge on Alice's device.
    pub challenge: Option<(Instant, ChallengeView)>,
    /// When Alice, or the rule in her place, decided.
    pub decided: Option<Instant>,
    /// The result of her answer.
    pub answered: Option<AnswerResult>,
    /// The client's last line: `tokens` or `error`.
    pub result: Option<(Instant, Value)>,
    /// Whether a rule answers in Alice's place.
    pub automated: bool,
}

impl FlowRecord {
    /// A request that begins now.
    pub fn begin(scenario: Scenario, issuer: &str, automated: bool) -> FlowRecord {
        FlowRecord {
            scenario,
            issuer: issuer.to_owned(),
            began: Instant::now(),
            acknowledged: None,
            challenge: None,
            decided: None,
            answered: None,
            result: None,
            automated,
        }
    }

    /// Milliseconds from sending the answer until the client had its tokens.
    pub fn receipt_after(&self, sent_answers: &SentAnswers) -> Option<u128> {
        let (at, _) = self.result.as_ref()?;
        let (_, challenge) = self.challenge.as_ref()?;
        Some(at.saturating_duration_since(sent_answers.answer_to(challenge.id.as_str())?.at).as_millis())
    }

    /// A step as text; `None` until it has happened.
    pub async fn step(
        &self,
        number: usize,
        device: &Device,
        sent_answers: &SentAnswers,
        paint: Paint,
    ) -> Option<String> {
        let (at, title, body) = match number {
            1 => (self.began, "The client asks for Alice's approval", self.request_lines()),
            2 => {
                let (at, reply) = self.acknowledged.as_ref()?;
                (*at, "Its backend posts to /bc-authorize", self.authentication_request_lines(reply))
            }
            3 => {
                let (at, view) = self.challenge.as_ref()?;
                (*at, "The provider accepts it and tells Alice's device", self.challenge_lines(view))
            }
            4 => {
                let (at, view) = self.challenge.as_ref()?;
                (*at, "The device verifies the challenge and shows it", screen_lines(view, paint))
            }
            5 => (self.decided?, "Alice reviews it", self.decision_lines()?),
            6 => {
                let answered = self.answered.as_ref()?;
                let sent = sent_answers.answer_to(answered.id.as_str())?;
                (sent.at, "The device signs her answer and sends it", answer_lines(answered, &sent, device).await)
            }
            7 => {
                let (at, result) = self.result.as_ref()?;
                (*at, "The client polls /token", self.token_response_lines(result, device).await)
            }
            _ => return None,
        };
        let after = at.saturating_duration_since(self.began).as_millis();
        let mut out = format!(
            "{}  {}  {}",
            paint.bold(&number.to_string()),
            paint.bold(title),
            paint.dim(&format!("+{after} ms"))
        );
        for line in body {
            out += &format!("\n     {line}");
        }
        Some(out)
    }

    fn request_lines(&self) -> Vec<String> {
        let amount = self.scenario.amount.map(|amount| format!(", {amount}")).unwrap_or_default();
        vec![format!("{}: \"{}\"{amount}", self.scenario.client, self.scenario.message)]
    }

    fn authentication_request_lines(&self, reply: &Value) -> Vec<String> {
        let mut lines =
            vec![format!("POST {}/bc-authorize   as {}, with its secret", self.issuer, self.scenario.client_id)];
        let signed = self.challenge.as_ref().and_then(|(_, view)| view.authorization_details.as_deref());
        let form = self.scenario.form(signed.map(serde_json::value::RawValue::get));
        lines.extend(form.into_iter().map(|(name, value)| format!("  {name} = {value}")));
        lines.push("200".to_owned());
        lines.extend(members(
            reply,
            &["auth_req_id", "expires_in", "interval", "interaction_type", "interaction_value"],
        ));
        lines
    }

    fn challenge_lines(&self, view: &ChallengeView) -> Vec<String> {
        vec![
            format!("GET {}/push/stream   held open by the device", self.issuer),
            "event: update".to_owned(),
            format!("  {}", view.id),
            "  signed by the provider for this device alone; it carries no auth_req_id".to_owned(),
        ]
    }

    fn decision_lines(&self) -> Option<Vec<String>> {
        let answered = self.answered.as_ref()?;
        let how = match answered.decision {
            _ if self.automated => "Unattended: a rule approves in her place, and the tokens say so (acr, amr).",
            Decision::Approved => "She read it and approved; her PIN released the approval key.",
            Decision::Denied => "She read it and denied; for that no PIN is asked.",
        };
        Some(vec![how.to_owned()])
    }

    async fn token_response_lines(&self, result: &Value, device: &Device) -> Vec<String> {
        let mut lines = vec![format!("POST {}/token   grant_type=urn:openid:params:grant-type:ciba", self.issuer)];
        if result["event"] != "tokens" {
            lines.push("400".to_owned());
            lines.extend(members(result, &["error", "message", "error_description", "denial_reason"]));
            return lines;
        }
        lines.push("200".to_owned());
        lines.extend(members(result, &["token_type", "expires_in", "scope"]));
        lines.push("  id_token, access_token: signed by the provider. The ID token says:".to_owned());
        let claims = &result["id_token_claims"];
        lines.extend(
            members(claims, &["iss", "aud", "sub", "acr", "amr", "approval"])
                .into_iter()
                .map(|line| format!("  {line}")),
        );
        let evidence = self.evidence(device).await;
        let answer = evidence.and_then(|evidence| evidence.answer).map(|answer| answer.hash().to_string());
        if answer.as_deref() == claims["approval"]["answer_hash"].as_str() && answer.is_some() {
            lines.push(
                "answer_hash is the SHA-256 of the answer in step 6: the tokens rest on that signature.".to_owned(),
            );
        }
        lines
    }

    async fn evidence(&self, device: &Device) -> Option<Evidence> {
        let (_, view) = self.challenge.as_ref()?;
        Evidence::from_file(device.evidence(&view.id).await.ok()?.as_bytes()).ok()
    }
}

fn screen_lines(view: &ChallengeView, paint: Paint) -> Vec<String> {
    view.transcript.lines.iter().map(|line| request_text::line(line, paint)).collect()
}

async fn answer_lines(answered: &AnswerResult, sent: &SentAnswer, device: &Device) -> Vec<String> {
    let file = device.evidence(&answered.id).await.ok();
    let evidence = file.and_then(|file| Evidence::from_file(file.as_bytes()).ok());
    let answer = evidence.and_then(|evidence| evidence.answer);
    let mut lines = vec![format!("POST {}", sent.url)];
    if let Some((answer, claims)) = answer.and_then(|answer| Some((answer.clone(), answer.peek().ok()?))) {
        let key = if claims.decision == Decision::Approved { "approval key" } else { "transport key" };
        if let Ok(kid) = answer.kid() {
            lines.push(format!("  signed by the {key} {kid}"));
        }
        let claims = serde_json::to_value(&claims).unwrap_or_default();
        let names = ["decision", "reason", "interaction_value", "challenge_hash", "display_hash", "amr", "seq", "prev"];
        lines.extend(members(&claims, &names));
    }
    lines.extend(sent.status.map(|status| status.to_string()));
    if let Some(ending) = answered.outcome {
        lines.push(format!("  outcome, signed by the provider: {}", request_text::ending(ending)));
    }
    lines
}

/// The named members of an object that are present, one per line.
fn members(object: &Value, names: &[&str]) -> Vec<String> {
    let there =
        names.iter().filter_map(|name| object.get(name).filter(|value| !value.is_null()).map(|value| (name, value)));
    let shown = there.map(|(name, value)| match value {
        Value::String(value) => format!("  {name} = {}", text::escape(value)),
        other => format!("  {name} = {}", text::escape(&other.to_string())),
    });
    shown.collect()
}
