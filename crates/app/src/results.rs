//! Results: how requests ended since the start, and answers that wait for their outcome.

use std::collections::{BTreeMap, VecDeque};

use countersign_device::transcript::Role;
use countersign_device::view::ChallengeView;
use countersign_device::{DeviceEvent, HistoryItem};
use countersign_protocol::answer::Decision;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::kind::Kind;
use countersign_protocol::outcome::Ending;
use countersign_protocol::text::escape;
use countersign_protocol::transcript::{LineValue, Money};
use serde::Serialize;

use crate::snapshot::amount_of;

/// How many ended requests are kept.
const KEPT: usize = 20;

/// A request that has ended, or was answered and waits for its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RequestResult {
    /// The challenge's id.
    pub id: String,
    /// The account's id on this device.
    pub account: String,
    /// What people call it once it has ended; `null` before, and where the challenge could not be read.
    #[serde(rename = "ref")]
    pub approval_ref: Option<String>,
    /// What was asked for; `null` where the challenge could not be read.
    #[cfg_attr(test, ts(type = "\"login\" | \"payment\" | \"consent\" | \"device\" | \"other\" | null"))]
    pub kind: Option<Kind>,
    /// The client's name.
    pub client_name: String,
    /// The amount of a payment.
    #[cfg_attr(test, ts(type = "Money | null"))]
    pub amount: Option<Money>,
    /// The payee of a payment.
    pub payee: Option<String>,
    /// This device's decision, if it answered.
    #[cfg_attr(test, ts(type = "\"approved\" | \"denied\" | null"))]
    pub decision: Option<Decision>,
    /// How it ended, by a verified outcome.
    #[cfg_attr(test, ts(type = "Ending | null"))]
    pub outcome: Option<Ending>,
    /// The device that answered, where another did.
    pub by: Option<String>,
    /// When it ended, or was answered; seconds since the epoch.
    #[cfg_attr(test, ts(type = "number"))]
    pub at: u64,
}

/// Open requests, tracked until they end, and the last ones that ended.
#[derive(Default)]
pub(crate) struct RequestResults {
    tracked: BTreeMap<ChallengeId, RequestResult>,
    ended: VecDeque<RequestResult>,
}

impl RequestResults {
    /// Tracks an open request.
    pub(crate) fn track(&mut self, view: &ChallengeView) {
        let mut lines = view.transcript.lines.iter();
        let payee = lines.find(|line| line.role == Role::Payee).and_then(|line| match &line.value {
            LineValue::Text(text) => Some(text.clone()),
            _ => None,
        });
        let result = RequestResult {
            id: view.id.to_string(),
            account: view.account.to_string(),
            approval_ref: None,
            kind: Some(view.kind),
            client_name: escape(&view.client.name),
            amount: amount_of(&view.transcript.lines),
            payee,
            decision: None,
            outcome: None,
            by: None,
            at: 0,
        };
        self.tracked.insert(view.id.clone(), result);
    }

    /// Tracks a request that was answered before the start and has no outcome yet.
    pub(crate) fn track_answered(&mut self, item: &HistoryItem) {
        let lines = item.transcript.as_ref().map(|transcript| &transcript.lines[..]).unwrap_or_default();
        let result = RequestResult {
            id: item.id.to_string(),
            account: item.account.to_string(),
            approval_ref: None,
            kind: item.kind,
            client_name: item.client.as_ref().map(|client| escape(&client.name)).unwrap_or_default(),
            amount: amount_of(lines),
            payee: None,
            decision: item.decision,
            outcome: None,
            by: None,
            at: item.answered_at.unwrap_or(item.issued_at),
        };
        self.tracked.insert(item.id.clone(), result);
    }

    /// Records that a request was answered here.
    pub(crate) fn answered(&mut self, id: &ChallengeId, decision: Decision, at: u64) {
        if let Some(tracked) = self.tracked.get_mut(id) {
            tracked.decision = Some(decision);
            tracked.at = at;
        }
    }

    /// Handles an event of the device.
    pub(crate) fn handle_event(&mut self, event: &DeviceEvent, at: u64) {
        match event {
            DeviceEvent::Challenge(view) => self.track(view),
            DeviceEvent::Ended { id, approval_ref, outcome, by, .. } => {
                self.end(id, *approval_ref, None, *outcome, by.as_deref(), at);
            }
            DeviceEvent::Answered { id, approval_ref, decision, outcome, by, .. } => {
                self.end(id, *approval_ref, Some(*decision), *outcome, by.as_deref(), at);
            }
            _ => {}
        }
    }

    fn end(
        &mut self,
        id: &ChallengeId,
        approval_ref: Option<ApprovalRef>,
        decision: Option<Decision>,
        outcome: Option<Ending>,
        by: Option<&str>,
        at: u64,
    ) {
        // A second outcome, after a dispute, shows in the activity.
        let Some(tracked) = self.tracked.remove(id) else { return };
        let decision = decision.or(tracked.decision);
        let approval_ref = approval_ref.map(|name| name.to_string());
        let by = by.map(escape);
        self.ended.push_front(RequestResult { approval_ref, decision, outcome, by, at, ..tracked });
        self.ended.truncate(KEPT);
    }

    /// Answered requests without an outcome yet.
    pub(crate) fn kept(&self) -> Vec<RequestResult> {
        self.tracked.values().filter(|tracked| tracked.decision.is_some()).cloned().collect()
    }

    /// Ended requests, newest first.
    pub(crate) fn ended(&self) -> Vec<RequestResult> {
        self.ended.iter().cloned().collect()
    }
}
