//! Log of the requests that the pages made, and the state of each.

use countersign_jose::clock::{Clock as _, Timestamp};
use countersign_op::Provider;
use countersign_protocol::kind::Kind;
use countersign_protocol::text;
use serde::Serialize;
use serde_json::Value;

use super::customer_records::CustomerRecord;
use super::page_steps::{self, Step};
use super::recorded_approval::{self, RecordedApproval};
use crate::demo::DemoState;
use crate::demo::client_processes::{ClientHandle, ClientProcesses};
use crate::demo::scenarios::{Place, Scenario};
use countersign_device::edge::system::SystemClock;

/// Largest number of requests in one run.
const KEPT: usize = 50;

/// How long a device that is woken may take until its client says that it was not reached, in milliseconds.
const REACHED_WITHIN: u64 = 5_000;

/// All requests of one run, by id.
pub struct RequestLog {
    clients: ClientProcesses,
    entries: Vec<LogEntry>,
}

/// A line of a client, and when it arrived.
type Line = (Timestamp, Value);

/// One request.
pub struct LogEntry {
    /// What is asked for.
    pub scenario: Scenario,
    began: Timestamp,
    acknowledged: Option<Line>,
    /// Whether a device has it, as its client last heard.
    delivery: Option<String>,
    result: Option<Line>,
    ended: bool,
    /// The customer record that its access token opened, for the call centre.
    record: Option<CustomerRecord>,
    _client: ClientHandle,
}

/// A request as its page shows it.
#[derive(Serialize, Clone, PartialEq)]
pub struct RequestView {
    id: usize,
    item: &'static str,
    place: Place,
    title: &'static str,
    client: &'static str,
    amount: Option<&'static str>,
    message: &'static str,
    state: &'static str,
    /// While it waits: whether it reached Alice's device, as far as its client may know.
    reached: Option<&'static str>,
    /// When it expires, in milliseconds since the epoch.
    ends_at: Option<u64>,
    /// The client's message about how it ended.
    said: Option<String>,
    /// The number for the person to type on the device.
    number: Option<String>,
    /// Whether it is held: no notification on the device.
    held: bool,
    /// Its kind, once the device is asked.
    kind: Option<Kind>,
    /// The authorization details in the challenge: JSON.
    details: Option<String>,
    /// The lines on the device's screen, once it is asked.
    device: Option<Vec<recorded_approval::ScreenLine>>,
    /// Name of the device that answered.
    by: Option<String>,
    /// Milliseconds from the answer's arrival at the provider until the client had its tokens.
    receipt_ms: Option<u64>,
    /// The customer record that the tokens opened.
    record: Option<CustomerRecord>,
    steps: Vec<Step>,
    can_cheat: bool,
    evidence: bool,
}

impl RequestLog {
    /// An empty log.
    pub fn new() -> RequestLog {
        RequestLog { clients: ClientProcesses::new(), entries: Vec::new() }
    }

    /// Starts the client of this scenario; returns the request's id.
    pub fn ask(&mut self, state: &DemoState, item: &str) -> Result<usize, String> {
        let scenario = Scenario::by_item(item).ok_or("there is no such scenario")?;
        if self.entries.len() >= KEPT {
            return Err("the demo holds no more requests: restart it".to_owned());
        }
        let id = self.entries.len();
        let client = self.clients.ask(state, scenario, id).map_err(|failure| failure.message)?;
        self.entries.push(LogEntry {
            scenario: *scenario,
            began: SystemClock.now(),
            acknowledged: None,
            delivery: None,
            result: None,
            ended: false,
            record: None,
            _client: client,
        });
        Ok(id)
    }

    /// Processes the clients' new lines. Returns whether there were any.
    pub fn drain(&mut self) -> bool {
        let mut any = false;
        while let Ok(message) = self.clients.messages.try_recv() {
            any = true;
            let Some(entry) = self.entries.get_mut(message.number) else { continue };
            match message.line {
                Some(line) if line["event"] == "acknowledged" => entry.acknowledged = Some((message.clock, line)),
                Some(line) if line["event"] == "pending" => {
                    entry.delivery = line["delivery"].as_str().map(str::to_owned);
                }
                Some(line) => entry.result = Some((message.clock, line)),
                None => entry.ended = true,
            }
        }
        any
    }

    /// The provider's record of a request.
    pub fn recorded_approval(&self, provider: &Provider, id: usize) -> Option<RecordedApproval> {
        let (_, acknowledged) = self.entries.get(id)?.acknowledged.as_ref()?;
        let approval = provider.approval_of(acknowledged["auth_req_id"].as_str()?).ok()??;
        RecordedApproval::from_record(provider.gateway().challenge_records(&approval).ok()?)
    }

    /// Access tokens of the call centre that have not been used yet, with their request's id.
    pub fn untried_tokens(&self) -> Vec<(usize, String)> {
        let entries = self.entries.iter().enumerate().filter(|(_, entry)| entry.scenario.place == Place::Support);
        let tokens = entries.filter(|(_, entry)| entry.record.is_none()).filter_map(|(id, entry)| {
            let (_, result) = entry.result.as_ref()?;
            Some((id, result["access_token"].as_str()?.to_owned()))
        });
        tokens.collect()
    }

    /// Stores the record that a token opened.
    pub fn opened(&mut self, id: usize, record: CustomerRecord) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.record = Some(record);
        }
    }

    /// All requests as the pages show them, newest first.
    pub fn views(&self, provider: &Provider, issuer: &str) -> Vec<RequestView> {
        let shown = |id: usize| self.entry(provider, issuer, id);
        (0..self.entries.len()).rev().map(shown).collect()
    }

    fn entry(&self, provider: &Provider, issuer: &str, id: usize) -> RequestView {
        let entry = &self.entries[id];
        let approval = self.recorded_approval(provider, id);
        let (state, said) = entry.state(approval.as_ref());
        let answered = approval.as_ref().and_then(RecordedApproval::answered_at);
        let approved = state == "approved";
        let number = entry.acknowledged.as_ref().and_then(|(_, line)| line["interaction_value"].as_str());
        RequestView {
            id,
            item: entry.scenario.item,
            place: entry.scenario.place,
            title: entry.scenario.title,
            client: entry.scenario.client,
            amount: entry.scenario.amount,
            message: entry.scenario.message,
            state,
            reached: entry.reached(SystemClock.now()).filter(|_| state == "waiting"),
            ends_at: entry.ends_at(),
            said,
            kind: approval.as_ref().map(RecordedApproval::kind),
            details: approval.as_ref().and_then(RecordedApproval::details).map(str::to_owned),
            number: number.map(str::to_owned),
            held: approval.as_ref().is_some_and(RecordedApproval::held),
            device: approval.as_ref().map(RecordedApproval::lines),
            by: approval.as_ref().and_then(RecordedApproval::by),
            receipt_ms: match (&entry.result, answered) {
                (Some((at, _)), Some(answered)) if approved => Some(at.millis_since(answered)),
                _ => None,
            },
            record: entry.record.clone().filter(|record| record.is_open(SystemClock.now())),
            steps: page_steps::build(entry, approval.as_ref(), issuer),
            can_cheat: approval.as_ref().is_some_and(RecordedApproval::has_amount),
            evidence: approval.as_ref().is_some_and(RecordedApproval::is_complete),
        }
    }
}

impl LogEntry {
    /// When the request began, and the acknowledgement and result that its client printed.
    pub fn timeline(&self) -> (Timestamp, Option<&Line>, Option<&Line>) {
        (self.began, self.acknowledged.as_ref(), self.result.as_ref())
    }

    fn ends_at(&self) -> Option<u64> {
        let (at, line) = self.acknowledged.as_ref()?;
        Some(at.millis() + line["expires_in"].as_u64()? * 1000)
    }

    fn reached(&self, now: Timestamp) -> Option<&'static str> {
        let (at, line) = self.acknowledged.as_ref()?;
        reached(self.delivery.as_deref()?, line["wake"].as_str(), now.millis_since(*at))
    }

    fn state(&self, approval: Option<&RecordedApproval>) -> (&'static str, Option<String>) {
        let Some((_, line)) = &self.result else {
            return match &self.acknowledged {
                _ if self.ended => ("failed", Some("The client’s process ended without a result.".to_owned())),
                None => ("asking", None),
                Some(_) => ("waiting", None),
            };
        };
        if line["event"] == "tokens" {
            return ("approved", None);
        }
        let said = |name: &str| line.get(name).and_then(Value::as_str).map(text::escape);
        let why = said("error_description").or_else(|| said("message"));
        let error = said("error").unwrap_or_default();
        match (error.as_str(), said("denial_reason").as_deref()) {
            ("access_denied", Some("not_me")) => ("not_me", Some("Alice says: this wasn’t me.".to_owned())),
            ("access_denied", _) if approval.is_some_and(RecordedApproval::was_mismatch) => {
                ("mismatch", Some("The number was wrong, and the request is dead.".to_owned()))
            }
            ("access_denied", _) => ("denied", Some("Alice said no.".to_owned())),
            ("expired_token", _) => ("expired", Some("Nobody answered in time.".to_owned())),
            ("unknown_user_id", _) => {
                ("no_device", Some("Alice has no device yet. Make one on this page, then try again.".to_owned()))
            }
            _ => ("failed", Some(format!("{} ({error})", why.unwrap_or_default()))),
        }
    }
}

/// Whether a request reached a device, by the provider's `delivery` and `wake` and the milliseconds since it was acknowledged:
/// `on_the_phone`; `open_the_page`, where no device is woken; `not_reached`, where one should have come by now.
fn reached(delivery: &str, wake: Option<&str>, waited: u64) -> Option<&'static str> {
    match (delivery, wake) {
        ("delivered", _) => Some("on_the_phone"),
        ("waiting", Some("open_app")) => Some("open_the_page"),
        ("waiting", _) if waited >= REACHED_WITHIN => Some("not_reached"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_till_says_whether_its_request_reached_the_phone() {
        for (delivery, wake, waited, said) in [
            ("delivered", Some("push"), 0, Some("on_the_phone")),
            ("delivered", Some("open_app"), 60_000, Some("on_the_phone")),
            ("waiting", Some("open_app"), 0, Some("open_the_page")),
            ("waiting", Some("push"), 4_999, None),
            ("waiting", Some("push"), 5_000, Some("not_reached")),
            ("waiting", Some("stream"), 5_000, Some("not_reached")),
            ("under_way", Some("push"), 60_000, None),
        ] {
            assert_eq!(reached(delivery, wake, waited), said, "{delivery}, {wake:?}, {waited} ms");
        }
    }
}
