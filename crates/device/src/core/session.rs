//! Calls to the provider: credentials, DPoP proofs and nonces (RFC 9449), silent retries, and the account's status by
//! the replies.

use std::collections::BTreeMap;

use countersign_jose::base64url;
use countersign_jose::random;
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::json;
use countersign_protocol::problem::{Problem, ProblemCode};
use countersign_protocol::revocation::Revocation;
use url::Url;

use super::clock::Moment;
use super::effect::{CallId, Effect, UnsignedCall};
use super::own_calls::OwnCallId;
use super::{Core, HOURLY_MS};
use crate::account::AccountStatus;
use crate::core::Tick;
use crate::device_event::{DeviceEvent, OfflineReason};
use crate::ports::transport::{Call, Method, Reply, TransportError};
use crate::ports::vault::OutboxId;

/// How long to wait where a call could not be signed, in milliseconds.
const UNSENDABLE_MS: u64 = 60_000;

/// After so many refused proofs in a row, each after its silent retry, the provider counts as not knowing the transport
/// key.
const PROOFS_REFUSED: u32 = 8;

/// The difference to the provider's clock is written again where it has changed by more than this, in milliseconds.
const KEPT_WITHIN_MS: u64 = 5_000;

/// The purpose of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallPurpose {
    /// Fetch what is new. `waiting`: a long poll, held until something is new.
    Fetch { waiting: bool },
    /// Open the stream of challenges.
    Stream,
    /// Send an entry of the outbox.
    Post(OutboxId),
    /// Fetch the key manifests.
    Manifest,
    /// Renew the device credential.
    Renew,
    /// Fetch another provider's list of gateways.
    GatewayList,
    /// A call about this device itself.
    Own(OwnCallId),
    /// Confirm what a stream brought, so that it is not pushed as well.
    Received,
}

impl CallPurpose {
    /// Whether the call carries no credential.
    const fn is_public(self) -> bool {
        matches!(self, CallPurpose::Manifest | CallPurpose::GatewayList)
    }
}

/// Pending calls, and the nonce for the next.
#[derive(Default)]
pub(super) struct Session {
    nonce: Option<String>,
    last_call: u64,
    calls: BTreeMap<CallId, PendingCall>,
    /// How many credentials there were since the start.
    credential: u64,
    /// When a provider that does not recognise this device is asked again.
    next_probe: Option<Tick>,
    /// How many proofs were refused since the last accepted one.
    proofs_refused: u32,
}

/// A call without a reply yet.
struct PendingCall {
    purpose: CallPurpose,
    retries: Retries,
    /// The number of the credential it carries, by [`Session::credential`].
    credential: u64,
}

/// Silent retries that one purpose has used; each may happen once.
#[derive(Clone, Copy, Default)]
struct Retries {
    nonce: bool,
    time: bool,
    credential: bool,
}

/// A call without credential and proof.
pub(super) struct CallDraft {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<(&'static str, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) timeout_ms: u64,
}

impl Core {
    /// Whether a call for such a purpose is pending.
    pub(super) fn has_pending_call(&self, wanted: impl Fn(CallPurpose) -> bool) -> bool {
        self.session.calls.values().any(|call| wanted(call.purpose))
    }

    /// Sends the call for a purpose.
    pub(super) fn send(&mut self, at: Moment, purpose: CallPurpose) {
        self.send_again(at, purpose, Retries::default());
    }

    fn send_again(&mut self, at: Moment, purpose: CallPurpose, retries: Retries) {
        let call = self.draft_call(purpose).and_then(|request| self.prove(at, request, purpose.is_public()));
        // The wait keeps this from being tried in a loop.
        let Some(call) = call else { return self.call_failed(at, purpose, UNSENDABLE_MS) };
        self.session.last_call += 1;
        let id = CallId(self.session.last_call);
        let credential = self.session.credential;
        self.session.calls.insert(id, PendingCall { purpose, retries, credential });
        self.step.effects.push(match purpose {
            CallPurpose::Stream => Effect::OpenStream { id, call },
            _ => Effect::Call { id, call },
        });
    }

    /// Adds credential and proof, which is still to be signed, unless what is fetched is public. A revoked account has no key
    /// to sign with.
    fn prove(&mut self, at: Moment, request: CallDraft, public: bool) -> Option<UnsignedCall> {
        if self.has_left() {
            return None;
        }
        let mut headers = request.headers;
        let mut proof = None;
        if !public {
            proof = Some(DpopProof::unsigned(
                &self.account.transport_key,
                request.method.as_str(),
                &request.url,
                self.credential.expose(),
                self.session.nonce.as_deref(),
                base64url::encode(&random::bytes::<16>(&*self.random)),
                self.clock.or_own(at),
            ));
            headers.push(("authorization", format!("DPoP {}", self.credential.expose())));
        }
        let call = Call {
            method: request.method,
            url: request.url.to_string(),
            headers,
            body: request.body,
            timeout_ms: request.timeout_ms,
        };
        Some(UnsignedCall { call, proof })
    }

    /// Handles a call whose proof could not be signed.
    pub(super) fn not_sent(&mut self, at: Moment, id: CallId) {
        if let Some(call) = self.session.calls.remove(&id) {
            self.call_failed(at, call.purpose, UNSENDABLE_MS);
        }
    }

    /// Handles the reply to a pending call.
    pub(super) fn replied(&mut self, at: Moment, id: CallId, reply: Reply) {
        let Some(call) = self.session.calls.remove(&id) else { return };
        if call.purpose == CallPurpose::GatewayList {
            // Another host's: it says nothing about the account, the nonce or the time.
            return self.gateway_list_fetched(at, &reply);
        }
        let time_was_off = self.learn_from(at, &reply);
        match reply.status {
            401 => self.unauthorized(at, call, &reply, time_was_off),
            403 if problem(&reply).is_some_and(|problem| problem.title == ProblemCode::DeviceSuspended) => {
                self.suspended(at, call.purpose);
            }
            _ => self.call_replied(at, call.purpose, &reply),
        }
    }

    /// Handles a call without a reply, or the end of a stream.
    pub(super) fn failed(&mut self, at: Moment, id: CallId, why: Option<TransportError>) {
        let Some(call) = self.session.calls.remove(&id) else { return };
        if call.purpose == CallPurpose::GatewayList {
            return self.gateway_list_not_fetched(at);
        }
        if let Some(why) = why {
            self.gone_offline(at, OfflineReason::from(why));
        }
        match call.purpose {
            CallPurpose::Stream => self.stream_ended(at, id, why),
            CallPurpose::Own(id) => self.own_failed(id, why.map(OfflineReason::from)),
            purpose => self.call_failed(at, purpose, 0),
        }
    }

    /// Handles the opening of a stream.
    pub(super) fn opened(&mut self, at: Moment, id: CallId, head: &Reply) {
        if self.session.calls.get(&id).is_some_and(|call| call.purpose == CallPurpose::Stream) {
            self.learn_from(at, head);
            self.recognised(at);
            self.stream_opened(at, id);
        }
    }

    /// Whether this call is the open stream.
    pub(super) fn is_open_stream(&self, id: CallId) -> bool {
        self.session.calls.get(&id).is_some_and(|call| call.purpose == CallPurpose::Stream)
    }

    /// Cancels the calls for these purposes.
    pub(super) fn cancel_calls(&mut self, unwanted: impl Fn(CallPurpose) -> bool) {
        let dropped: Vec<CallId> =
            self.session.calls.iter().filter(|(_, call)| unwanted(call.purpose)).map(|(id, _)| *id).collect();
        for id in dropped {
            self.session.calls.remove(&id);
            self.step.effects.push(Effect::Cancel(id));
        }
    }

    /// Counts a new credential: a refusal of a call with an older one means nothing.
    pub(super) fn count_credential(&mut self) {
        self.session.credential += 1;
    }

    pub(super) fn take_nonce(&mut self, nonce: String) {
        self.session.nonce = Some(nonce);
    }

    /// Learns nonce and time from any reply. Returns whether the time was so far off that proofs were invalid.
    fn learn_from(&mut self, at: Moment, reply: &Reply) -> bool {
        if let Some(nonce) = &reply.dpop_nonce {
            self.session.nonce = Some(nonce.clone());
        }
        let was_off = reply.date.is_some_and(|date| self.clock.learn(date, at));
        self.keep_difference();
        was_off
    }

    /// Keeps the difference to the provider's clock for the next start, where it has changed by more than a reply is imprecise.
    fn keep_difference(&mut self) {
        let Some(ahead_ms) = self.clock.ahead_ms() else { return };
        if self.account.clock_ahead_ms.is_none_or(|kept| kept.abs_diff(ahead_ms) > KEPT_WITHIN_MS) {
            self.account.clock_ahead_ms = Some(ahead_ms);
            self.change_account();
        }
    }

    /// Handles a 401. It destroys nothing, unless its body holds a revocation that the issuer signed.
    fn unauthorized(&mut self, at: Moment, call: PendingCall, reply: &Reply, time_was_off: bool) {
        let problem = problem(reply);
        let code = problem.as_ref().map(|problem| problem.title);
        let PendingCall { purpose, retries, credential } = call;
        if code == Some(ProblemCode::UseDpopNonce) && reply.dpop_nonce.is_some() && !retries.nonce {
            return self.send_again(at, purpose, Retries { nonce: true, ..retries });
        }
        if code == Some(ProblemCode::InvalidDpopProof) && time_was_off && !retries.time {
            return self.send_again(at, purpose, Retries { time: true, ..retries });
        }
        let renewed_since = credential != self.session.credential;
        if code == Some(ProblemCode::InvalidDeviceCredential) && renewed_since && !retries.credential {
            return self.send_again(at, purpose, Retries { credential: true, ..retries });
        }
        if let Some(revocation) = problem.and_then(|problem| problem.revocation) {
            let keys = &self.trusted;
            let verified = Revocation::verify(&revocation, keys, &self.account.device_id, &self.account.subject);
            match verified {
                Ok(revocation) if revocation.device_id == self.account.device_id => return self.revoked(&revocation),
                _ => {
                    // The signing key may be newer than the manifests.
                    self.want_manifest_for(revocation.kid().ok());
                }
            }
        }
        if code == Some(ProblemCode::InvalidDeviceCredential)
            && purpose != CallPurpose::Renew
            && self.may_renew_after_401()
        {
            return self.call_failed(at, purpose, 0);
        }
        if matches!(code, Some(ProblemCode::UseDpopNonce | ProblemCode::InvalidDpopProof)) {
            self.session.proofs_refused += 1;
            if self.session.proofs_refused < PROOFS_REFUSED {
                // A nonce renewed in between, or clocks that differ: it says nothing about the account.
                self.gone_offline(at, OfflineReason::Unwell);
                return self.call_failed(at, purpose, 0);
            }
        }
        self.not_recognised(at, purpose);
    }

    /// The provider does not recognise this device, and signed nothing: keys and records stay, and it is asked again
    /// every hour.
    fn not_recognised(&mut self, at: Moment, purpose: CallPurpose) {
        if !matches!(self.account.status, AccountStatus::NotKnown { .. }) {
            let since = self.clock.or_own(at).seconds();
            self.account.status = AccountStatus::NotKnown { since };
            self.change_account();
            let account = self.account.id.clone();
            self.emit(DeviceEvent::AccountUnknown { account, since });
        }
        self.retry_hourly(at, purpose);
    }

    /// The provider suspended this device, unsigned too: keys and records stay, and it is asked again every hour.
    fn suspended(&mut self, at: Moment, purpose: CallPurpose) {
        if !matches!(self.account.status, AccountStatus::Suspended { .. }) {
            let since = self.clock.or_own(at).seconds();
            self.account.status = AccountStatus::Suspended { since };
            self.change_account();
            let account = self.account.id.clone();
            self.emit(DeviceEvent::AccountSuspended { account, since });
        }
        self.retry_hourly(at, purpose);
    }

    fn retry_hourly(&mut self, at: Moment, purpose: CallPurpose) {
        self.back_online();
        self.session.next_probe = Some(at.tick.plus_millis(HOURLY_MS));
        self.call_failed(at, purpose, HOURLY_MS);
    }

    /// Ends the account by a verified revocation: its keys are destroyed, its history stays.
    pub(super) fn revoked(&mut self, revocation: &Revocation) {
        if self.has_left() {
            return;
        }
        self.account.status = AccountStatus::Revoked { at: revocation.iat };
        let account = self.account.id.clone();
        self.emit(DeviceEvent::AccountRevoked { account, at: revocation.iat, by: revocation.by });
        self.end_account();
    }

    /// The provider accepted this device's credential and proof.
    pub(super) fn recognised(&mut self, at: Moment) {
        self.checked = Some(at.wall.seconds());
        self.back_online();
        self.session.next_probe = None;
        self.session.proofs_refused = 0;
        self.credential_works();
        if matches!(self.account.status, AccountStatus::NotKnown { .. } | AccountStatus::Suspended { .. }) {
            let confirmed = !self.account.statements.is_empty();
            self.account.status = if confirmed { AccountStatus::Active } else { AccountStatus::Unconfirmed };
            self.change_account();
            let account = self.account.id.clone();
            self.emit(DeviceEvent::AccountKnown { account });
            self.hurry();
        }
    }

    /// Whether the provider may be called now: once an hour where it does not recognise the device.
    pub(super) fn may_ask(&self, at: Moment) -> bool {
        !self.has_left() && self.session.next_probe.is_none_or(|then| then <= at.tick)
    }

    /// When a provider that does not recognise this device is asked again.
    pub(super) fn next_probe(&self) -> Option<Tick> {
        self.session.next_probe
    }

    /// Asks at once, without waiting for the hour to pass.
    pub(super) fn probe_now(&mut self) {
        self.session.next_probe = None;
    }

    pub(super) fn gone_offline(&mut self, at: Moment, why: OfflineReason) {
        if self.offline.is_none() {
            let since = at.wall.seconds();
            let account = self.account.id.clone();
            self.emit(DeviceEvent::Offline { account, since, why });
            self.offline = Some((since, why));
        }
    }

    pub(super) fn back_online(&mut self) {
        if self.offline.take().is_some() {
            let account = self.account.id.clone();
            self.emit(DeviceEvent::Online { account });
        }
    }
}

impl From<TransportError> for OfflineReason {
    fn from(why: TransportError) -> OfflineReason {
        match why {
            TransportError::Unreachable(why) => OfflineReason::Unreachable(why),
            TransportError::Untrusted | TransportError::TooLarge => OfflineReason::NotTheProvider,
            TransportError::TimedOut => OfflineReason::NoReply,
            TransportError::Certificate(fault) => OfflineReason::Certificate(fault),
        }
    }
}

/// The problem document of a reply, if it has one.
pub(super) fn problem(reply: &Reply) -> Option<Problem> {
    json::parse(&reply.body).ok()
}
