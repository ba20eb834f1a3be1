//! A request of a connection: how far it is.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Closed, Connection, Progress, limits};

/// A request, from its complete headers until its response was taken; dropping it ends it.
pub(in super::super) struct OpenRequest {
    pub(super) connection: Arc<Connection>,
    pub(super) number: u64,
}

impl OpenRequest {
    /// Its body has come whole: its response is being made.
    pub(in super::super) fn is_whole(&self) {
        self.progressed(Progress::Answering);
    }

    /// Its response is ready, of so many bytes.
    pub(in super::super) fn is_answered(&self, bytes: usize) {
        self.more_is_ready();
        let mut activity = self.connection.activity();
        let Some(open) = activity.open.iter_mut().find(|open| open.number == self.number) else { return };
        open.bytes = bytes;
        let is_over = activity.waiting.add(bytes);
        drop(activity);
        if is_over {
            self.connection.admission.too_much_waits(&self.connection);
        }
    }

    /// More of its response is ready.
    pub(in super::super) fn more_is_ready(&self) {
        self.progressed(Progress::Answered(Instant::now()));
    }

    /// Everything that its response had was taken.
    pub(in super::super) fn is_taken(&self) {
        self.progressed(Progress::Streaming);
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
        let ended = place.map(|place| activity.open.remove(place));
        activity.waiting.remove(ended.as_ref().map_or(0, |ended| ended.bytes));
        let ended = ended.map(|ended| ended.progress);
        activity.given_up +=
            usize::from(activity.http2 && !matches!(ended, Some(Progress::Answered(_) | Progress::Streaming)));
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
