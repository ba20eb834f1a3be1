//! Scheduling: after every event, which calls to send now and when to look again.

use super::clock::Moment;
use super::session::{CallDraft, CallPurpose};
use super::{Core, earlier};
use crate::core::Tick;
use crate::ports::transport::Reply;

impl Core {
    /// When [`Event::Tick`](super::Event::Tick) is due, if nothing else happens before.
    pub fn deadline(&self) -> Option<Tick> {
        if self.has_left() {
            return None;
        }
        let signing = earlier(self.drafts_deadline(), self.outbox.signing_deadline());
        earlier(signing, self.calls_deadline())
    }

    fn calls_deadline(&self) -> Option<Tick> {
        let idle = |wanted: fn(CallPurpose) -> bool| !self.has_pending_call(wanted);
        let mut next = earlier(self.manifest_due(), self.gateway_lists_due());
        if let Some(probe) = self.next_probe() {
            return earlier(next, Some(probe));
        }
        if self.awaits_renewal() {
            return earlier(next, self.renewal_deadline());
        }
        if idle(|purpose| matches!(purpose, CallPurpose::Post(_))) {
            next = earlier(next, self.outbox.deadline());
        }
        let fetching = &self.fetching;
        let may_pull = fetching.wanted && !self.is_sending();
        if self.awaits_manifest() {
            return next;
        }
        if idle(|purpose| matches!(purpose, CallPurpose::Fetch { .. })) && (may_pull || self.is_long_polling()) {
            next = earlier(next, Some(fetching.backoff.next()));
        }
        let pulling = fetching.wanted || self.is_pulling();
        if fetching.watching && !pulling && idle(|purpose| purpose == CallPurpose::Stream) {
            next = earlier(next, Some(fetching.blocked_until.unwrap_or_else(|| fetching.stream.next())));
        }
        next
    }

    /// Whether something is under way that ends by itself: a pull, a message, a renewal. Streams, long polls and other
    /// providers' lists don't count, nor does an answer that is being signed: a person may be asked for it.
    pub fn is_busy(&self) -> bool {
        use CallPurpose::{Fetch, GatewayList, Stream};
        let by_itself = self.outbox.is_signing() || self.is_sealing();
        let counts = |purpose| !matches!(purpose, Stream | GatewayList | Fetch { waiting: true });
        by_itself || self.has_pending_call(counts)
    }

    /// Sends the calls that are due.
    pub(super) fn plan(&mut self, at: Moment) {
        if self.has_left() {
            return;
        }
        self.sign_messages(at);
        if self.manifest_due().is_some_and(|due| due <= at.tick) {
            self.send(at, CallPurpose::Manifest);
        }
        self.plan_gateway_lists(at);
        if !self.may_ask(at) {
            return;
        }
        self.probe_now();
        if self.renewal_due(at) {
            self.send(at, CallPurpose::Renew);
        }
        if self.awaits_renewal() {
            return;
        }
        for id in self.outbox.due(at.tick) {
            if !self.has_pending_call(|purpose| purpose == CallPurpose::Post(id)) {
                self.send(at, CallPurpose::Post(id));
            }
        }
        if !self.awaits_manifest() {
            self.plan_fetch(at);
            self.plan_watch(at);
        }
        if self.must_confirm() && !self.has_pending_call(|purpose| purpose == CallPurpose::Received) {
            self.send(at, CallPurpose::Received);
        }
    }

    /// A pull waits for messages being sent, so that outcomes of earlier requests come before new requests.
    fn plan_fetch(&mut self, at: Moment) {
        if self.fetching.wanted && !self.is_sending() && !self.is_pulling() && self.fetching.backoff.is_due(at.tick) {
            self.cancel_calls(|purpose| purpose == CallPurpose::Fetch { waiting: true });
            self.pull_begins();
            self.send(at, CallPurpose::Fetch { waiting: false });
        }
    }

    fn plan_watch(&mut self, at: Moment) {
        let pulling = self.fetching.wanted || self.is_pulling();
        if !self.fetching.watching || pulling || self.has_pending_call(|purpose| purpose == CallPurpose::Stream) {
            return;
        }
        if self.fetching.blocked_until.is_some_and(|until| until <= at.tick) {
            self.fetching.blocked_until = None;
        }
        let polling = self.has_pending_call(|purpose| purpose == CallPurpose::Fetch { waiting: true });
        if !self.is_long_polling() && self.fetching.stream.is_due(at.tick) {
            self.cancel_calls(|purpose| purpose == CallPurpose::Fetch { waiting: true });
            self.send(at, CallPurpose::Stream);
        } else if self.is_long_polling() && !polling && self.fetching.backoff.is_due(at.tick) {
            self.fetching.polled_at = at.tick;
            self.send(at, CallPurpose::Fetch { waiting: true });
        }
    }

    fn is_sending(&self) -> bool {
        self.has_pending_call(|purpose| matches!(purpose, CallPurpose::Post(_)))
    }

    fn is_pulling(&self) -> bool {
        self.has_pending_call(|purpose| purpose == CallPurpose::Fetch { waiting: false })
    }

    fn is_long_polling(&self) -> bool {
        self.fetching.watching && self.fetching.blocked_until.is_some()
    }

    /// The call for a purpose; `None` where it has become pointless.
    pub(super) fn draft_call(&mut self, purpose: CallPurpose) -> Option<CallDraft> {
        match purpose {
            CallPurpose::Fetch { .. } | CallPurpose::Stream => self.fetch_request(purpose),
            CallPurpose::Post(id) => self.post_request(id),
            CallPurpose::Manifest => self.manifest_request(),
            CallPurpose::Renew => self.renewal_request(),
            CallPurpose::GatewayList => self.gateway_list_request(),
            CallPurpose::Own(id) => self.own_request(id),
            CallPurpose::Received => self.received_request(),
        }
    }

    /// Passes a reply on by the call's purpose.
    pub(super) fn call_replied(&mut self, at: Moment, purpose: CallPurpose, reply: &Reply) {
        match purpose {
            CallPurpose::Fetch { .. } => self.fetched(at, reply),
            CallPurpose::Stream => self.stream_refused(at, reply),
            CallPurpose::Post(id) => self.posted(at, id, reply),
            CallPurpose::Manifest => self.manifest_fetched(at, reply),
            CallPurpose::Renew => self.renewed(at, reply),
            CallPurpose::GatewayList => self.gateway_list_fetched(at, reply),
            CallPurpose::Own(id) => self.own_replied(at, id, reply),
            CallPurpose::Received => self.received_replied(at, reply),
        }
    }

    /// Passes a failure on by the call's purpose. `at_least_ms`: the shortest wait before the next try.
    pub(super) fn call_failed(&mut self, at: Moment, purpose: CallPurpose, at_least_ms: u64) {
        match purpose {
            CallPurpose::Fetch { .. } => self.not_fetched(at, at_least_ms),
            CallPurpose::Stream => self.stream_not_opened(at, at_least_ms),
            CallPurpose::Post(id) => self.not_posted(at, id, at_least_ms),
            CallPurpose::Manifest => self.manifest_not_fetched(at, at_least_ms),
            CallPurpose::Renew => self.not_renewed(at, at_least_ms),
            CallPurpose::GatewayList => self.gateway_list_not_fetched(at),
            CallPurpose::Own(id) => self.own_failed(id, None),
            // It is pushed, then: one look too many.
            CallPurpose::Received => {}
        }
    }
}
