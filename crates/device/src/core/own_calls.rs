//! Calls of a device about itself (docs/protocol.md sections 13 and 20): its push address, a test push, a practice request, its own
//! revocation. Each is made once, for a caller that waits for its reply.

use std::collections::BTreeMap;

use countersign_protocol::json;
use countersign_protocol::push::{DevicePatch, DeviceResponse, PushAddress, PushState, PushStatus, ReceivedCursor};
use countersign_protocol::text;
use url::Url;

use super::clock::Moment;
use super::effect::Effect;
use super::session::{CallDraft, CallPurpose, problem};
use super::{Core, REPLY_TIMEOUT_MS};
use crate::device_event::OfflineReason;
use crate::error::OwnCallError;
use crate::ports::transport::{Method, Reply};

/// How long a test push may take: the gateway waits for the push service, in milliseconds.
const TEST_TIMEOUT_MS: u64 = REPLY_TIMEOUT_MS + 20_000;

/// Replies that nobody has taken are dropped beyond so many.
const MOST: usize = 16;

/// What a device asks about itself.
#[derive(Clone, Debug)]
pub enum OwnCall {
    /// Changes the address where it can be woken; `None` removes it.
    PushAddress(Option<Box<PushAddress>>),
    /// Sends a push now.
    PushTest,
    /// Asks for a practice request.
    Practice,
    /// Revokes this device.
    Revocation,
}

/// A call's id until its reply was taken. A core never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnCallId(u64);

/// Calls without a reply, and replies that were not taken.
#[derive(Default)]
pub(super) struct OwnCalls {
    last: u64,
    calls: BTreeMap<OwnCallId, Pending>,
    /// What the latest fetch said of the address.
    push: Option<PushStatus>,
    /// A stream brought something that is not confirmed.
    unconfirmed: bool,
}

struct Pending {
    call: OwnCall,
    reply: Option<Result<Vec<u8>, OwnCallError>>,
}

impl Core {
    /// Makes a call.
    ///
    /// # Errors
    /// [`OwnCallError::Unsupported`] where the gateway has no such endpoint, [`OwnCallError::NoPart`], [`OwnCallError::Unusable`];
    /// then nothing is sent.
    pub fn call_about_itself(&mut self, at: Moment, call: OwnCall) -> Result<(OwnCallId, Vec<Effect>), OwnCallError> {
        let leaves = matches!(call, OwnCall::Revocation);
        if self.account.status.no_part().is_some() {
            return Err(OwnCallError::NoPart { status: self.account.status.clone() });
        }
        if self.account.endpoints.device.is_none() && !leaves {
            return Err(OwnCallError::Unsupported);
        }
        if let Some(why) = self.unusable().filter(|_| !leaves) {
            return Err(OwnCallError::Unusable { why });
        }
        while self.own_calls.calls.len() >= MOST {
            self.own_calls.calls.pop_first();
        }
        self.own_calls.last += 1;
        let id = OwnCallId(self.own_calls.last);
        self.own_calls.calls.insert(id, Pending { call, reply: None });
        self.send(at, CallPurpose::Own(id));
        Ok((id, self.finish(at)))
    }

    /// Whether the call's reply is there, or none will come.
    pub fn has_own_reply(&self, id: OwnCallId) -> bool {
        self.has_left() || self.own_calls.calls.get(&id).is_none_or(|pending| pending.reply.is_some())
    }

    /// Takes the body of the call's reply.
    ///
    /// # Errors
    /// [`OwnCallError`]: the provider refused, could not be reached, or ended the account.
    pub fn take_own_reply(&mut self, id: OwnCallId) -> Result<Vec<u8>, OwnCallError> {
        let reply = self.own_calls.calls.remove(&id).and_then(|pending| pending.reply);
        reply.unwrap_or_else(|| Err(self.no_own_reply(None)))
    }

    /// What the provider last said of this device's push address; `None` before the first fetch since the start.
    pub fn push_status(&self) -> Option<&PushStatus> {
        self.own_calls.push.as_ref()
    }

    pub(super) fn learn_push_status(&mut self, status: Option<PushStatus>) {
        self.own_calls.push = status.or_else(|| self.own_calls.push.take());
    }

    /// What came was stored. Of a stream that is confirmed, where the device could be pushed as well; a fetch confirms by the next.
    pub(super) fn confirm_stream(&mut self, by_stream: bool) {
        let can_be_pushed = self.push_status().is_some_and(|status| status.state == PushState::Ok);
        self.own_calls.unconfirmed = by_stream && can_be_pushed;
    }

    pub(super) fn must_confirm(&self) -> bool {
        self.own_calls.unconfirmed
    }

    pub(super) fn received_request(&mut self) -> Option<CallDraft> {
        self.own_calls.unconfirmed = false;
        let cursor = self.account.cursor.clone()?;
        let body = serde_json::to_string(&ReceivedCursor { cursor }).expect("a cursor is a string");
        let base = self.account.endpoints.challenges.trim_end_matches('/');
        Some(CallDraft {
            method: Method::Post,
            url: Url::parse(&format!("{base}/received")).ok()?,
            body: Some(("application/json", body)),
            headers: vec![("accept", "application/json".to_owned())],
            timeout_ms: REPLY_TIMEOUT_MS,
        })
    }

    pub(super) fn received_replied(&mut self, at: Moment, reply: &Reply) {
        if reply.status == 204 {
            self.recognised(at);
        }
    }

    pub(super) fn own_request(&self, id: OwnCallId) -> Option<CallDraft> {
        let endpoints = &self.account.endpoints;
        let call = &self.own_calls.calls.get(&id)?.call;
        let (method, below, timeout_ms) = match call {
            OwnCall::PushAddress(_) => (Method::Patch, "", REPLY_TIMEOUT_MS),
            OwnCall::PushTest => (Method::Post, "/push-test", TEST_TIMEOUT_MS),
            OwnCall::Practice => (Method::Post, "/practice", REPLY_TIMEOUT_MS),
            OwnCall::Revocation => (Method::Post, "", REPLY_TIMEOUT_MS),
        };
        let base = match call {
            OwnCall::Revocation => &endpoints.revocation,
            _ => endpoints.device.as_deref()?.trim_end_matches('/'),
        };
        let body = match call {
            OwnCall::PushAddress(address) => {
                let push_address = Some(address.as_deref().cloned());
                let patch = DevicePatch { push_address, device_name: None };
                let patch =
                    serde_json::to_string(&patch).expect("a patch has string keys and no floating-point numbers");
                Some(("application/merge-patch+json", patch))
            }
            OwnCall::Revocation => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.append_pair("device_id", self.account.device_id.as_str());
                form.append_pair("token", self.credential.expose());
                Some(("application/x-www-form-urlencoded", form.finish()))
            }
            OwnCall::PushTest | OwnCall::Practice => None,
        };
        let url = Url::parse(&format!("{base}{below}")).ok()?;
        Some(CallDraft { method, url, body, headers: vec![("accept", "application/json".to_owned())], timeout_ms })
    }

    pub(super) fn own_replied(&mut self, at: Moment, id: OwnCallId, reply: &Reply) {
        let is_ok = matches!(reply.status, 200 | 202 | 204);
        let pending = self.own_calls.calls.get(&id);
        let told = pending.and_then(|pending| match &pending.call {
            OwnCall::PushAddress(address) => Some(address.as_deref().cloned()),
            _ => None,
        });
        let changed = (is_ok && told.is_some()).then(|| json::parse::<DeviceResponse>(&reply.body));
        let said = match (reply.status, problem(reply)) {
            _ if is_ok && !matches!(changed, Some(Err(_))) => Ok(reply.body.clone()),
            (400..600, Some(problem)) => Err(OwnCallError::Refused {
                code: problem.title,
                detail: problem.detail.map(|detail| text::escape(&detail)),
                retry_after: reply.retry_after,
            }),
            _ => {
                let why = self.unexpected_reply(at, reply);
                return self.own_failed(id, Some(why));
            }
        };
        // What failed inside the provider may have failed before it knew who calls.
        if reply.status < 500 {
            self.recognised(at);
        }
        if let Some(Ok(changed)) = changed {
            self.learn_push_status(Some(changed.push));
            self.account.push_told = told.flatten();
            self.change_account();
        }
        self.own_done(id, said);
    }

    pub(super) fn own_failed(&mut self, id: OwnCallId, why: Option<OfflineReason>) {
        let error = self.no_own_reply(why);
        self.own_done(id, Err(error));
    }

    /// There is no reply that counts: the account may have ended by it.
    fn no_own_reply(&self, why: Option<OfflineReason>) -> OwnCallError {
        match self.account.status.no_part() {
            Some(_) => OwnCallError::NoPart { status: self.account.status.clone() },
            None => OwnCallError::NoReply { why: why.or(self.offline.map(|(_, why)| why)) },
        }
    }

    fn own_done(&mut self, id: OwnCallId, reply: Result<Vec<u8>, OwnCallError>) {
        if let Some(pending) = self.own_calls.calls.get_mut(&id) {
            pending.reply = Some(reply);
        }
    }
}
