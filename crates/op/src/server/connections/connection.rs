//! One connection: what it is doing, since when, and when it must end.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use countersign_gateway::{KeyOwner, PeerConnection};
use futures_util::task::AtomicWaker;
use tokio::time::{Instant, sleep_until};

use super::admission::{Admission, Rooms};
use super::body_room::BodyRooms;
use super::closed::Closed;
use super::limits;
use super::response_room::WaitingResponses;
use super::standing::Standing;

mod open_request;

pub(super) use open_request::OpenRequest;

/// What a connection's task, its requests and the admission share.
pub(super) struct Connection {
    pub(super) id: u64,
    /// The address that limits per address count it by; `None` where they don't apply.
    pub(super) counted_by: Option<IpAddr>,
    admitted_at: Instant,
    admission: Arc<Admission>,
    activity: Mutex<Activity>,
    /// The connection's task, which looks at [`Connection::next`] whenever it runs.
    task: AtomicWaker,
}

struct Activity {
    standing: Standing,
    /// Whose key was proven on it first. A guest's gives way to a known owner's.
    owner: Option<KeyOwner>,
    rooms: BodyRooms,
    waiting: WaitingResponses,
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
    /// Bytes of its response, from when it is ready.
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Its body has not come whole.
    Receiving,
    /// Its response is being made.
    Answering,
    /// Something of its response is ready since then, and not taken.
    Answered(Instant),
    /// What its response had was taken; there will be more.
    Streaming,
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
    pub(super) fn new(
        id: u64,
        counted_by: Option<IpAddr>,
        standing: Standing,
        rooms: Rooms,
        admission: Arc<Admission>,
    ) -> Connection {
        let admitted_at = Instant::now();
        let awaited = (admitted_at + limits::HEADER, Closed::Headers);
        let activity = Activity {
            standing,
            owner: None,
            rooms: rooms.bodies,
            waiting: WaitingResponses::new(rooms.responses),
            http2: false,
            open: Vec::new(),
            next_request: 0,
            awaited,
            given_up: 0,
            blocked_since: None,
            displaced: false,
            farewell: Farewell::None,
        };
        let (activity, task) = (Mutex::new(activity), AtomicWaker::new());
        Connection { id, counted_by, admitted_at, admission, activity, task }
    }

    pub(super) fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a key was proven on it.
    pub(super) fn is_proven(&self) -> bool {
        self.activity().standing != Standing::Stranger
    }

    /// Whether it counts among those for whom room is kept.
    pub(super) fn is_known(&self) -> bool {
        self.activity().standing == Standing::Known
    }

    /// Whose key was proven on it.
    pub(super) fn owner(&self) -> Option<KeyOwner> {
        self.activity().owner.clone()
    }

    /// Counts it for this owner from now on.
    pub(super) fn belongs_to(&self, owner: KeyOwner, rooms: Rooms) {
        let mut activity = self.activity();
        activity.owner = Some(owner);
        activity.rooms = rooms.bodies;
        activity.waiting.move_to(rooms.responses);
    }

    /// Whether it was ended to make room.
    pub(super) fn is_displaced(&self) -> bool {
        self.activity().displaced
    }

    /// The rooms that its bodies take their bytes from.
    pub(super) fn rooms(&self) -> BodyRooms {
        self.activity().rooms.clone()
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
        activity.open.push(Open { number, began: Instant::now(), progress: Progress::Receiving, bytes: 0 });
        OpenRequest { connection: self.clone(), number }
    }

    /// Whether it may be ended to make room for another: no room is kept for it, and of its requests none is being answered, or was
    /// answered so lately that its response may still be taken. A guest's requests may be held, so that a second is all they have.
    /// One response that nobody takes is enough, however many others are fresh.
    pub(super) fn may_be_displaced(&self, now: Instant) -> bool {
        let activity = self.activity();
        if activity.standing == Standing::Known {
            return false;
        }
        if activity.untaken_since().is_some_and(|since| now.duration_since(since) > limits::RESPONSE_UNTAKEN) {
            return true;
        }
        let is_served = |open: &Open| match open.progress {
            Progress::Receiving => false,
            Progress::Answering | Progress::Streaming if activity.standing == Standing::Guest => {
                now.duration_since(open.began) <= limits::RESPONSE_UNTAKEN
            }
            Progress::Answering | Progress::Streaming => true,
            Progress::Answered(_) => true,
        };
        !activity.open.iter().any(is_served)
    }

    /// Whether no room is kept for it and it had as long as one request of a stranger may take: it makes room where no other can,
    /// whatever is being answered on it.
    pub(super) fn had_its_time(&self, now: Instant) -> bool {
        !self.is_known() && now.duration_since(self.admitted_at) > limits::UNPROVEN_REQUEST
    }

    /// Whether it has no open request.
    pub(super) fn is_idle(&self) -> bool {
        self.activity().open.is_empty()
    }

    /// Since when the response waits that has waited longest; `None`: nothing that takes room waits.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        let activity = self.activity();
        activity.untaken_since().filter(|_| !activity.waiting.is_empty())
    }

    /// Ends it at once.
    pub(super) fn displace(&self) {
        let mut activity = self.activity();
        activity.displaced = true;
        activity.waiting.end();
        drop(activity);
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
        if activity.standing == Standing::Stranger && activity.given_up > limits::WASTED_STREAMS {
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
            Some(oldest) if self.standing == Standing::Stranger => {
                Some((oldest.began + limits::UNPROVEN_REQUEST, Closed::Stalled))
            }
            // Over HTTP/2 a peer may go on to read and yet leave no window for a response.
            Some(_) => self.untaken_since().map(|since| (since + limits::STALLED, Closed::Stalled)),
        };
        let of_writing = self.blocked_since.map(|since| (since + limits::STALLED, Closed::Stalled));
        let of_closing = match self.farewell {
            Farewell::Begun(end) => end,
            Farewell::None | Farewell::Wanted(_) => None,
        };
        [of_requests, of_writing, of_closing].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Since when the response that waits longest is not taken.
    fn untaken_since(&self) -> Option<Instant> {
        let since = self.open.iter().filter_map(|open| match open.progress {
            Progress::Answered(since) => Some(since),
            Progress::Receiving | Progress::Answering | Progress::Streaming => None,
        });
        since.min()
    }
}

impl PeerConnection for Connection {
    fn key_proven(&self, owner: &KeyOwner, is_vouched_for: bool) {
        let standing = if is_vouched_for { Standing::Known } else { Standing::Guest };
        let mut activity = self.activity();
        let has_risen = standing > activity.standing;
        activity.standing = standing.max(activity.standing);
        drop(activity);
        if has_risen {
            self.admission.key_proven(self, owner, standing);
        }
    }
}
