//! One connection: what it is doing, since when, and when it must end.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use countersign_gateway::PeerConnection;
use futures_util::task::AtomicWaker;
use tokio::time::{Instant, sleep_until};

use super::admission::Admission;
use super::limits;

/// Why a connection was ended by this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// Its TLS handshake took too long.
    Handshake,
    /// A request's headers took too long.
    Headers,
    /// A request's body took too long.
    Body,
    /// No request was open for a while.
    Idle,
    /// The peer took nothing of what was written to it, or, unproven, not the response to a request.
    Stalled,
    /// Its peer wasted too many HTTP/2 streams.
    Flood,
    /// It proved no key, and others needed the room.
    Displaced,
    /// There was no room for it.
    Refused,
}

impl Closed {
    /// The metric's label.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Closed::Handshake => "handshake",
            Closed::Headers => "headers",
            Closed::Body => "body",
            Closed::Idle => "idle",
            Closed::Stalled => "stalled",
            Closed::Flood => "flood",
            Closed::Displaced => "displaced",
            Closed::Refused => "refused",
        }
    }
}

/// What a connection's task, its requests and the admission share.
pub(super) struct Connection {
    pub(super) id: u64,
    /// The address that limits per address count it by; `None` where they don't apply.
    pub(super) counted_by: Option<IpAddr>,
    admission: Arc<Admission>,
    activity: Mutex<Activity>,
    /// The connection's task, which looks at [`Connection::next`] whenever it runs.
    task: AtomicWaker,
}

struct Activity {
    /// Whether a key or secret that is known here was proven on it.
    proven: bool,
    http2: bool,
    /// Oldest first.
    open: Vec<Open>,
    next_request: u64,
    /// While no request is open: when one must be, or the connection ends, and why.
    awaited: (Instant, Closed),
    /// HTTP/2 streams that the peer gave up before their response.
    given_up: usize,
    /// Since when the peer takes nothing of what is written.
    blocked_since: Option<Instant>,
    displaced: bool,
    farewell: Farewell,
}

/// A request from its complete headers on.
struct Open {
    number: u64,
    began: Instant,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Its body has not come whole.
    Receiving,
    /// Its response is being made.
    Answering,
    /// Its response is ready since then, and not taken.
    Answered(Instant),
}

/// Progress of closing a connection in the way of its protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Farewell {
    None,
    /// Asked for by the server's shutdown, or because of a deadline.
    Wanted(Option<Closed>),
    /// Begun; where a deadline was the reason, the time at which the connection ends in any case.
    Begun(Option<(Instant, Closed)>),
}

/// What a connection's task has to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Go on, and look again at this time.
    Continue(Option<Instant>),
    /// Begin to close it in the way of its protocol.
    SayFarewell,
    /// Drop it.
    Close(Closed),
}

impl Connection {
    pub(super) fn new(id: u64, counted_by: Option<IpAddr>, proven: bool, admission: Arc<Admission>) -> Connection {
        let awaited = (Instant::now() + limits::HEADER, Closed::Headers);
        let activity = Activity {
            proven,
            http2: false,
            open: Vec::new(),
            next_request: 0,
            awaited,
            given_up: 0,
            blocked_since: None,
            displaced: false,
            farewell: Farewell::None,
        };
        Connection { id, counted_by, admission, activity: Mutex::new(activity), task: AtomicWaker::new() }
    }

    pub(super) fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a key was proven on it.
    pub(super) fn is_proven(&self) -> bool {
        self.activity().proven
    }

    /// The TLS handshake begins: its deadline is shorter.
    pub(super) fn handshake_begins(&self) {
        self.activity().awaited = (Instant::now() + limits::HANDSHAKE, Closed::Handshake);
    }

    /// The TLS handshake is complete: now the first request's headers are awaited.
    pub(super) fn handshake_ended(&self) {
        self.activity().awaited = (Instant::now() + limits::HEADER, Closed::Headers);
    }

    /// Bytes have come. Between two requests over HTTP/1 these are the next one's headers. Over HTTP/2 they may be anything, and the
    /// idle deadline goes on.
    pub(super) fn heard(&self) {
        let mut activity = self.activity();
        if activity.open.is_empty() && !activity.http2 && activity.awaited.1 == Closed::Idle {
            activity.awaited = (Instant::now() + limits::HEADER, Closed::Headers);
        }
    }

    /// Whether the peer took something of what was written (or there was nothing to take).
    pub(super) fn wrote(&self, progress: bool) {
        let mut activity = self.activity();
        if progress {
            activity.blocked_since = None;
        } else if activity.blocked_since.is_none() {
            activity.blocked_since = Some(Instant::now());
        }
    }

    /// A request's headers are complete.
    pub(super) fn open_request(self: &Arc<Connection>, http2: bool) -> OpenRequest {
        let mut activity = self.activity();
        activity.http2 = http2;
        let number = activity.next_request;
        activity.next_request += 1;
        activity.open.push(Open { number, began: Instant::now(), progress: Progress::Receiving });
        OpenRequest { connection: self.clone(), number }
    }

    /// Whether it may be ended to make room for another: it proved no key, and of its requests none is being answered, or was answered
    /// so lately that its response may still be taken.
    pub(super) fn may_be_displaced(&self, now: Instant) -> bool {
        let activity = self.activity();
        let is_served = |open: &Open| match open.progress {
            Progress::Receiving => false,
            Progress::Answering => true,
            Progress::Answered(since) => now.duration_since(since) <= limits::RESPONSE_UNTAKEN,
        };
        !activity.proven && !activity.open.iter().any(is_served)
    }

    /// Whether it has no open request.
    pub(super) fn is_idle(&self) -> bool {
        self.activity().open.is_empty()
    }

    /// Ends it at once.
    pub(super) fn displace(&self) {
        self.activity().displaced = true;
        self.task.wake();
    }

    /// Closes it in the way of its protocol: for the reason at most [`limits::FAREWELL`] later, without one when its requests have
    /// their responses.
    pub(super) fn close(&self, reason: Option<Closed>) {
        let mut activity = self.activity();
        if activity.farewell == Farewell::None {
            activity.farewell = Farewell::Wanted(reason);
        }
        drop(activity);
        self.task.wake();
    }

    /// The deadline for which it is being closed, if one is the reason.
    pub(super) fn closing_for(&self) -> Option<Closed> {
        match self.activity().farewell {
            Farewell::Begun(end) => end.map(|(_, reason)| reason),
            Farewell::None | Farewell::Wanted(_) => None,
        }
    }

    /// What the connection's task has to do.
    pub(super) fn next(&self, now: Instant) -> Next {
        let mut activity = self.activity();
        if activity.displaced {
            return Next::Close(Closed::Displaced);
        }
        if !activity.proven && activity.given_up > limits::WASTED_STREAMS {
            return Next::Close(Closed::Flood);
        }
        if let Farewell::Wanted(reason) = activity.farewell {
            activity.farewell = Farewell::Begun(reason.map(|reason| (now + limits::FAREWELL, reason)));
            return Next::SayFarewell;
        }
        match activity.deadline() {
            Some((at, reason)) if at <= now => {
                if reason == Closed::Idle && activity.farewell == Farewell::None {
                    activity.farewell = Farewell::Begun(Some((now + limits::FAREWELL, reason)));
                    return Next::SayFarewell;
                }
                Next::Close(reason)
            }
            deadline => Next::Continue(deadline.map(|(at, _)| at)),
        }
    }

    /// Runs a future of this connection until it is done, or the connection has to end. `farewell` begins to close it in the way of
    /// its protocol.
    pub(super) async fn run<F: Future>(&self, future: F, farewell: impl Fn(Pin<&mut F>)) -> Result<F::Output, Closed> {
        let mut future = pin!(future);
        let mut timer = pin!(sleep_until(Instant::now() + limits::HANDSHAKE));
        poll_fn(|context| {
            self.task.register(context.waker());
            loop {
                if let Poll::Ready(output) = future.as_mut().poll(context) {
                    return Poll::Ready(Ok(output));
                }
                match self.next(Instant::now()) {
                    Next::Close(reason) => return Poll::Ready(Err(reason)),
                    Next::SayFarewell => farewell(future.as_mut()),
                    Next::Continue(None) => return Poll::Pending,
                    Next::Continue(Some(at)) => {
                        // A timer that fires too early costs one look more; moving it at each request would cost more.
                        if timer.is_elapsed() || at < timer.deadline() {
                            timer.as_mut().reset(at);
                        }
                        if timer.as_mut().poll(context).is_pending() {
                            return Poll::Pending;
                        }
                    }
                }
            }
        })
        .await
    }
}

impl Activity {
    /// When the connection must end unless something happens before, and why.
    fn deadline(&self) -> Option<(Instant, Closed)> {
        let of_requests = match self.open.first() {
            None => Some(self.awaited),
            Some(oldest) if !self.proven => Some((oldest.began + limits::UNPROVEN_REQUEST, Closed::Stalled)),
            Some(_) => None,
        };
        let of_writing = self.blocked_since.map(|since| (since + limits::STALLED, Closed::Stalled));
        let of_closing = match self.farewell {
            Farewell::Begun(end) => end,
            Farewell::None | Farewell::Wanted(_) => None,
        };
        [of_requests, of_writing, of_closing].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

impl PeerConnection for Connection {
    fn key_proven(&self) {
        let first = !std::mem::replace(&mut self.activity().proven, true);
        if first {
            self.admission.key_proven(self);
        }
    }
}

/// A request, from its complete headers until its response was taken; dropping it ends it.
pub(super) struct OpenRequest {
    connection: Arc<Connection>,
    number: u64,
}

impl OpenRequest {
    /// Its body has come whole: its response is being made.
    pub(super) fn is_whole(&self) {
        self.progressed(Progress::Answering);
    }

    /// Its response is ready.
    pub(super) fn is_answered(&self) {
        self.progressed(Progress::Answered(Instant::now()));
    }

    fn progressed(&self, progress: Progress) {
        let mut activity = self.connection.activity();
        if let Some(open) = activity.open.iter_mut().find(|open| open.number == self.number) {
            open.progress = progress;
        }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let mut activity = self.connection.activity();
        let place = activity.open.iter().position(|open| open.number == self.number);
        let ended = place.map(|place| activity.open.remove(place).progress);
        activity.given_up += usize::from(activity.http2 && !matches!(ended, Some(Progress::Answered(_))));
        let is_idle = activity.open.is_empty();
        if is_idle {
            activity.awaited = (Instant::now() + limits::IDLE, Closed::Idle);
        }
        if is_idle || activity.given_up > limits::WASTED_STREAMS {
            drop(activity);
            // Over HTTP/2 a request ends on a task of its own.
            self.connection.task.wake();
        }
    }
}
