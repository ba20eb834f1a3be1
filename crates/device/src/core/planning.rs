//! After every event: what to send now, and when to look again.

use super::clock::Moment;
use super::session::{Errand, Request};
use super::{Core, earlier};
use crate::core::Tick;
use crate::ports::provider::Reply;

impl Core {
    /// When [`Event::Tick`](super::Event::Tick) is due, if nothing else happens before.
    pub fn deadline(&self) -> Option<Tick> {
        if self.is_revoked() {
            return None;
        }
        let idle = |wanted: fn(Errand) -> bool| !self.is_under_way(wanted);
        let mut next = self.manifest_due();
        if let Some(probe) = self.next_probe() {
            return earlier(next, Some(probe));
        }
        if self.awaits_renewal() {
            return earlier(next, self.renewal_deadline());
        }
        if idle(|errand| matches!(errand, Errand::Post(_))) {
            next = earlier(next, self.outbox.deadline());
        }
        let fetching = &self.fetching;
        let may_pull = fetching.wanted && !self.is_sending();
        if self.awaits_manifest() {
            return next;
        }
        if idle(|errand| matches!(errand, Errand::Fetch { .. })) && (may_pull || self.is_long_polling()) {
            next = earlier(next, Some(fetching.backoff.next()));
        }
        let pulling = fetching.wanted || self.is_pulling();
        if fetching.watching && !pulling && idle(|errand| errand == Errand::Stream) {
            next = earlier(next, Some(fetching.blocked_until.unwrap_or_else(|| fetching.stream.next())));
        }
        next
    }

    /// Whether something is under way that ends by itself: a pull, a posting, a renewal. Streams and long polls don't count.
    pub fn is_busy(&self) -> bool {
        self.is_under_way(|errand| !matches!(errand, Errand::Stream | Errand::Fetch { waiting: true }))
    }

    /// Sends what is due.
    pub(super) fn plan(&mut self, at: Moment) {
        if self.is_revoked() {
            return;
        }
        if self.manifest_due().is_some_and(|due| due <= at.tick) {
            self.send(at, Errand::Manifest);
        }
        if !self.may_ask(at) {
            return;
        }
        self.probe_now();
        if self.renewal_due(at) {
            self.send(at, Errand::Renew);
        }
        if self.awaits_renewal() {
            return;
        }
        for id in self.outbox.due(at.tick) {
            if !self.is_under_way(|errand| errand == Errand::Post(id)) {
                self.send(at, Errand::Post(id));
            }
        }
        if !self.awaits_manifest() {
            self.plan_fetch(at);
            self.plan_watch(at);
        }
    }

    /// A pull waits for what is being sent: how earlier requests ended is told before new ones show.
    fn plan_fetch(&mut self, at: Moment) {
        if self.fetching.wanted && !self.is_sending() && !self.is_pulling() && self.fetching.backoff.is_due(at.tick) {
            self.hang_up(|errand| errand == Errand::Fetch { waiting: true });
            self.pull_begins();
            self.send(at, Errand::Fetch { waiting: false });
        }
    }

    fn plan_watch(&mut self, at: Moment) {
        let pulling = self.fetching.wanted || self.is_pulling();
        if !self.fetching.watching || pulling || self.is_under_way(|errand| errand == Errand::Stream) {
            return;
        }
        if self.fetching.blocked_until.is_some_and(|until| until <= at.tick) {
            self.fetching.blocked_until = None;
        }
        let polling = self.is_under_way(|errand| errand == Errand::Fetch { waiting: true });
        if !self.is_long_polling() && self.fetching.stream.is_due(at.tick) {
            self.hang_up(|errand| errand == Errand::Fetch { waiting: true });
            self.send(at, Errand::Stream);
        } else if self.is_long_polling() && !polling && self.fetching.backoff.is_due(at.tick) {
            self.fetching.polled_at = at.tick;
            self.send(at, Errand::Fetch { waiting: true });
        }
    }

    fn is_sending(&self) -> bool {
        self.is_under_way(|errand| matches!(errand, Errand::Post(_)))
    }

    fn is_pulling(&self) -> bool {
        self.is_under_way(|errand| errand == Errand::Fetch { waiting: false })
    }

    fn is_long_polling(&self) -> bool {
        self.fetching.watching && self.fetching.blocked_until.is_some()
    }

    /// What to send for an errand; `None` where it has become pointless.
    pub(super) fn request(&self, errand: Errand) -> Option<Request> {
        match errand {
            Errand::Fetch { .. } | Errand::Stream => self.fetch_request(errand),
            Errand::Post(id) => self.post_request(id),
            Errand::Manifest => self.manifest_request(),
            Errand::Renew => self.renewal_request(),
        }
    }

    /// Hands a reply to whoever sent the errand.
    pub(super) fn done(&mut self, at: Moment, errand: Errand, reply: &Reply) {
        match errand {
            Errand::Fetch { .. } => self.fetched(at, reply),
            Errand::Stream => {
                self.count_blocked_stream(at);
                self.stream_ended(at, reply.retry_after.unwrap_or(0) * 1000);
            }
            Errand::Post(id) => self.posted(at, id, reply),
            Errand::Manifest => self.manifest_fetched(at, reply),
            Errand::Renew => self.renewed(at, reply),
        }
    }

    /// Tells whoever sent the errand that it was in vain, and how long to wait at least.
    pub(super) fn not_done(&mut self, at: Moment, errand: Errand, at_least_ms: u64) {
        match errand {
            Errand::Fetch { .. } => self.not_fetched(at, at_least_ms),
            Errand::Stream => self.stream_ended(at, at_least_ms),
            Errand::Post(id) => self.not_posted(at, id, at_least_ms),
            Errand::Manifest => self.manifest_not_fetched(at, at_least_ms),
            Errand::Renew => self.not_renewed(at, at_least_ms),
        }
    }
}
