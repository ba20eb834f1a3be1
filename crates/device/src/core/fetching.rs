//! Fetching challenges, outcomes and notices: by pull, by stream, or by long poll where streams are blocked.

use std::collections::{BTreeSet, VecDeque};

use countersign_jose::key::Thumbprint;
use countersign_protocol::fetch::FetchResponse;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::json;
use countersign_protocol::limits;
use url::Url;

use super::backoff::Backoff;
use super::clock::Moment;
use super::effect::CallId;
use super::session::{CallDraft, CallPurpose};
use super::{Core, REPLY_TIMEOUT_MS, notices};
use crate::core::Tick;
use crate::device_event::OfflineReason;
use crate::ports::transport::{Method, Reply, StreamEvent, TransportError};

/// Streams count as blocked from so many points; pulls succeed meanwhile. One that lived for [`WORKED_MS`] forgets them.
const BLOCKED_FROM: u32 = 20;
/// Points of a stream that the provider, or something in between, did not open or carried no byte of.
const POINTS_NOT_OPENED: u32 = 10;
/// Points of a stream that was refused as by a provider that is starting, or by the proxy before it (5xx, 408, 429), or
/// that was closed regularly at once and without a byte, as by a provider that stops.
const POINTS_UNWELL: u32 = 4;
/// Points of a stream that ended before [`WORKED_MS`]: restarts in a row, or something that cuts streams.
const POINTS_SHORT: u32 = 1;

/// How long a stream has to be open to have worked, in milliseconds.
const WORKED_MS: u64 = 3_000;

/// How long long polls replace a blocked stream, in milliseconds.
const BLOCKED_MS: u64 = 600_000;

/// The shortest time from the begin of a long poll without news to the next, in milliseconds.
const SHORTEST_POLL_MS: u64 = 1_000;

/// How many fetch replies may wait for newer key manifests; further ones are pulled again afterwards.
const PARKED: usize = 8;

/// The state of fetching.
#[derive(Default)]
pub(super) struct Fetching {
    /// A pull is to be made.
    pub(super) wanted: bool,
    /// Backoff of pulls and long polls.
    pub(super) backoff: Backoff,
    /// When the last long poll began.
    pub(super) polled_at: Tick,
    /// Whether to keep fetching.
    pub(super) watching: bool,
    /// Backoff of the stream.
    pub(super) stream: Backoff,
    /// The open stream, if there is one.
    open_stream: Option<OpenStream>,
    /// How much speaks for something that blocks streams, in points.
    blocked_points: u32,
    /// Until when long polls replace the stream.
    pub(super) blocked_until: Option<Tick>,
    /// Fetch replies that wait for newer key manifests, oldest first.
    parked: VecDeque<(Source, FetchResponse)>,
    /// The reset under way, if any.
    resetting: Option<ResetProgress>,
    /// Challenges that the stream brought since the last pull began: its reply may not list them yet.
    pub(super) from_stream: BTreeSet<ChallengeId>,
}

/// An open stream.
#[derive(Clone, Copy)]
struct OpenStream {
    id: CallId,
    since: Tick,
    /// Whether a byte came: an event or a comment.
    heard: bool,
}

/// The way a fetch reply came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// By pull or long poll.
    Pull,
    /// By stream.
    Stream,
}

/// A reset under way: the challenges listed so far, and the cursor of the next page. The account's cursor advances with
/// the last page, so that a crash in between begins the reset again.
struct ResetProgress {
    listed: BTreeSet<ChallengeId>,
    page: String,
}

impl Core {
    pub(super) fn wake(&mut self) {
        self.fetching.wanted = true;
        self.hurry();
        self.probe_now();
    }

    /// Makes every delayed call due at once.
    pub(super) fn hurry(&mut self) {
        self.fetching.backoff.hurry();
        self.fetching.stream.hurry();
        self.outbox.hurry();
    }

    pub(super) fn set_watching(&mut self, on: bool) {
        self.fetching.watching = on;
        if !on {
            self.cancel_calls(|purpose| matches!(purpose, CallPurpose::Stream | CallPurpose::Fetch { waiting: true }));
        }
    }

    /// After a sleep ticks may have paused and connections may be half-open: fetch again.
    pub(super) fn after_sleep(&mut self) {
        self.cancel_calls(|purpose| matches!(purpose, CallPurpose::Stream | CallPurpose::Fetch { .. }));
        self.wake();
    }

    /// The call for a fetch or the stream, from this account's cursor on.
    pub(super) fn fetch_request(&self, purpose: CallPurpose) -> Option<CallDraft> {
        let (base, wait) = match purpose {
            CallPurpose::Stream => (&self.account.endpoints.stream, 0),
            CallPurpose::Fetch { waiting: true } => (&self.account.endpoints.challenges, limits::FETCH_WAIT_SECONDS),
            _ => (&self.account.endpoints.challenges, 0),
        };
        let mut url = Url::parse(base).ok()?;
        let page = self.fetching.resetting.as_ref().map(|reset| &reset.page);
        if let Some(cursor) = page.or(self.account.cursor.as_ref()) {
            url.query_pairs_mut().append_pair("after", cursor);
        }
        if wait > 0 {
            url.query_pairs_mut().append_pair("wait", &wait.to_string());
        }
        let accept = if purpose == CallPurpose::Stream { "text/event-stream" } else { "application/json" };
        Some(CallDraft {
            method: Method::Get,
            url,
            body: None,
            headers: vec![("accept", accept.to_owned())],
            timeout_ms: REPLY_TIMEOUT_MS + wait * 1000,
        })
    }

    pub(super) fn fetched(&mut self, at: Moment, reply: &Reply) {
        match json::parse::<FetchResponse>(&reply.body) {
            Ok(fetched) if reply.status == 200 => {
                self.recognised(at);
                self.fetching.backoff.succeeded();
                self.fetching.wanted = false;
                if self.account.cursor.as_ref() == Some(&fetched.cursor) {
                    // A provider that does not hold a long poll must not be called in a loop.
                    self.fetching.backoff.pause_until(self.fetching.polled_at.plus_millis(SHORTEST_POLL_MS));
                }
                self.take(at, Source::Pull, fetched);
            }
            _ => {
                self.unexpected_reply(at, reply);
                self.not_fetched(at, reply.retry_after.unwrap_or(0) * 1000);
            }
        }
    }

    pub(super) fn not_fetched(&mut self, at: Moment, at_least_ms: u64) {
        // The provider itself is away: that streams failed, too, says nothing about them.
        self.fetching.blocked_points = 0;
        self.fetching.backoff.failed(at.tick, at_least_ms, &*self.random);
        self.announce(at);
    }

    pub(super) fn stream_opened(&mut self, at: Moment, id: CallId) {
        self.fetching.open_stream = Some(OpenStream { id, since: at.tick, heard: false });
        // A pull closes the gap since the last one, however the provider replays events.
        self.fetching.wanted = true;
    }

    /// Handles the reply to a stream that was not opened.
    pub(super) fn stream_refused(&mut self, at: Moment, reply: &Reply) {
        let points = if is_unwell(reply.status) { POINTS_UNWELL } else { POINTS_NOT_OPENED };
        self.suspect_block(at, points);
        self.fetching.wanted = true;
        self.stream_not_opened(at, reply.retry_after.unwrap_or(0) * 1000);
    }

    /// Handles the end of a stream, or a stream that got no reply.
    ///
    /// One that carried bytes, or was open until its connection broke, has worked: the back-off starts anew, and a
    /// provider that restarts several times is not waited for longer than one that restarts once.
    pub(super) fn stream_ended(&mut self, at: Moment, id: CallId, why: Option<TransportError>) {
        let broken =
            matches!(why, Some(TransportError::Untrusted | TransportError::Certificate(_) | TransportError::TooLarge));
        let open = self.fetching.open_stream.take_if(|open| open.id == id);
        match open {
            // No connection: the provider is away, which says nothing about streams.
            None if matches!(why, Some(TransportError::Unreachable(_) | TransportError::Certificate(_))) => {}
            Some(open) if !broken && (open.heard || matches!(why, Some(TransportError::Unreachable(_)))) => {
                return self.stream_worked(at, open);
            }
            Some(open) if why.is_none() && open.lived_ms(at) >= WORKED_MS => return self.stream_worked(at, open),
            other => {
                let points = if other.is_some() && why.is_none() { POINTS_UNWELL } else { POINTS_NOT_OPENED };
                self.suspect_block(at, points);
                self.fetching.wanted = true;
            }
        }
        self.stream_not_opened(at, 0);
    }

    fn stream_worked(&mut self, at: Moment, open: OpenStream) {
        if open.lived_ms(at) >= WORKED_MS {
            self.fetching.blocked_points = 0;
        } else {
            self.suspect_block(at, POINTS_SHORT);
        }
        self.fetching.stream.worked_until(at.tick, &*self.random);
    }

    pub(super) fn stream_not_opened(&mut self, at: Moment, at_least_ms: u64) {
        self.fetching.stream.failed(at.tick, at_least_ms, &*self.random);
    }

    /// Counts a stream that failed although the provider may be reached: something in between may block streams. Its
    /// callers request a pull, which tells whether it can be reached.
    fn suspect_block(&mut self, at: Moment, points: u32) {
        self.fetching.blocked_points += points;
        if self.fetching.blocked_points >= BLOCKED_FROM {
            self.fetching.blocked_points = 0;
            self.fetching.blocked_until = Some(at.tick.plus_millis(BLOCKED_MS));
        }
    }

    pub(super) fn stream_event(&mut self, at: Moment, id: CallId, event: StreamEvent) {
        if !self.is_open_stream(id) {
            return;
        }
        if let Some(open) = &mut self.fetching.open_stream {
            open.heard = true;
        }
        self.checked = Some(at.wall.seconds());
        // Another call may have failed meanwhile, and what it was for may be over by what the stream brought.
        self.back_online();
        match event {
            StreamEvent::Alive => {}
            StreamEvent::Nonce(nonce) => self.take_nonce(nonce),
            StreamEvent::Update(bytes) => match json::parse::<FetchResponse>(&bytes) {
                // Only pulls can tell which challenges have ended, because their replies follow one another.
                Ok(fetched) if fetched.reset => self.pull_instead(at),
                Ok(fetched) => self.take(at, Source::Stream, fetched),
                Err(_) => self.fetching.wanted = true,
            },
        }
    }

    /// Handles a reply outside the protocol: from something in between, or from an overloaded provider. Returns which.
    pub(super) fn unexpected_reply(&mut self, at: Moment, reply: &Reply) -> OfflineReason {
        let why = match reply.status {
            status if is_unwell(status) => OfflineReason::Unwell,
            _ => OfflineReason::NotTheProvider,
        };
        self.gone_offline(at, why);
        why
    }

    /// Closes the stream until a pull is done: its next event would advance the cursor past what only the pull brings.
    fn pull_instead(&mut self, at: Moment) {
        self.fetching.wanted = true;
        self.cancel_calls(|purpose| purpose == CallPurpose::Stream);
        self.fetching.open_stream = None;
        self.fetching.stream.worked_until(at.tick, &*self.random);
    }

    /// A pull begins: what the stream brings from now on may be missing in its reply.
    pub(super) fn pull_begins(&mut self) {
        if self.fetching.resetting.is_none() {
            self.fetching.from_stream.clear();
        }
    }

    fn take(&mut self, at: Moment, source: Source, fetched: FetchResponse) {
        if self.fetching.parked.len() >= PARKED {
            return self.pull_instead(at);
        }
        self.fetching.parked.push_back((source, fetched));
        self.apply_parked(at);
    }

    /// Whether a fetch reply waits for newer key manifests. Until they have come, nothing else is fetched: it would
    /// wait, too.
    pub(super) fn awaits_manifest(&self) -> bool {
        !self.fetching.parked.is_empty()
    }

    /// Applies waiting fetch replies in order, up to the first with a key that newer manifests may list.
    pub(super) fn apply_parked(&mut self, at: Moment) {
        while let Some((_, next)) = self.fetching.parked.front() {
            let kids = kids_of(next);
            if self.needs_manifest(at, &kids) {
                return;
            }
            if let Some((source, fetched)) = self.fetching.parked.pop_front() {
                self.apply(at, source, fetched);
            }
        }
    }

    /// The `kid`s of all waiting fetch replies, unverified.
    pub(super) fn parked_kids(&self) -> Vec<Thumbprint> {
        self.fetching.parked.iter().flat_map(|(_, fetched)| kids_of(fetched)).collect()
    }

    fn apply(&mut self, at: Moment, source: Source, mut fetched: FetchResponse) {
        self.learn_push_status(fetched.push.take());
        if fetched.reset {
            self.fetching.resetting = Some(ResetProgress { listed: BTreeSet::new(), page: String::new() });
        }
        for notice in &fetched.notices {
            self.notice(notice);
        }
        for compact in &fetched.challenges {
            let id = self.accept(at, compact);
            match (source, &mut self.fetching.resetting, id) {
                (Source::Stream, _, Some(id)) if self.inbox.open.contains_key(&id) => {
                    self.fetching.from_stream.insert(id);
                }
                (Source::Pull, Some(reset), Some(id)) => drop(reset.listed.insert(id)),
                _ => {}
            }
        }
        for withdrawn in &fetched.withdrawn {
            self.withdrawn(at, &withdrawn.id, &withdrawn.outcome);
        }
        if fetched.more {
            self.fetching.wanted = true;
        }
        match &mut self.fetching.resetting {
            // Only the reset's last page ends it.
            Some(_) if source == Source::Stream => self.announce(at),
            Some(reset) if fetched.more => reset.page = fetched.cursor,
            _ => {
                if let Some(mut reset) = self.fetching.resetting.take() {
                    reset.listed.append(&mut self.fetching.from_stream);
                    self.absent_after_reset(at, &reset.listed);
                }
                self.advance_to(fetched.cursor);
                self.confirm_stream(source == Source::Stream);
                self.forget_long_expired(at);
                self.announce(at);
            }
        }
    }

    fn advance_to(&mut self, cursor: String) {
        if self.account.cursor.as_ref() != Some(&cursor) {
            self.account.cursor = Some(cursor);
            self.change_account();
        }
    }
}

impl OpenStream {
    fn lived_ms(&self, at: Moment) -> u64 {
        at.tick.millis_since(self.since)
    }
}

/// Whether a provider, or the proxy before it, says by this status that it can't reply properly now.
fn is_unwell(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

/// The `kid`s of a fetch reply, unverified.
fn kids_of(fetched: &FetchResponse) -> Vec<Thumbprint> {
    let challenges = fetched.challenges.iter().filter_map(|compact| compact.kid().ok());
    let outcomes = fetched.withdrawn.iter().filter_map(|withdrawn| withdrawn.outcome.kid().ok());
    let notices = fetched.notices.iter().filter_map(|notice| notices::kid(notice));
    challenges.chain(outcomes).chain(notices).collect()
}
