//! Room for responses that are ready and not taken: in all, of one owner of a key and of one address. It refuses nothing, for what was
//! done can't be undone: whoever takes too much of it loses the connections that have waited longest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of responses that wait to be taken, and how many there may be.
#[derive(Debug)]
pub(super) struct ResponseRoom {
    most: usize,
    waiting: AtomicUsize,
}

impl ResponseRoom {
    pub(super) fn new(most: usize) -> Arc<ResponseRoom> {
        Arc::new(ResponseRoom { most, waiting: AtomicUsize::new(0) })
    }

    /// Whether more wait than may.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > self.most
    }
}

/// What the responses of one connection occupy, in each of its rooms.
pub(super) struct WaitingResponses {
    rooms: Vec<Arc<ResponseRoom>>,
    bytes: usize,
    has_ended: bool,
}

impl WaitingResponses {
    pub(super) fn new(rooms: Vec<Arc<ResponseRoom>>) -> WaitingResponses {
        WaitingResponses { rooms, bytes: 0, has_ended: false }
    }

    /// Whether nothing waits.
    pub(super) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// A response of so many bytes is ready. Returns whether one of the rooms has more than it may.
    pub(super) fn add(&mut self, bytes: usize) -> bool {
        if self.has_ended {
            return false;
        }
        self.bytes += bytes;
        self.rooms.iter().for_each(|room| {
            room.waiting.fetch_add(bytes, Ordering::Relaxed);
        });
        self.rooms.iter().any(|room| room.is_over())
    }

    /// A response of so many bytes was taken or given up.
    pub(super) fn remove(&mut self, bytes: usize) {
        if !self.has_ended {
            self.bytes -= bytes;
            self.give_back(bytes);
        }
    }

    /// From now on they count in these rooms.
    pub(super) fn move_to(&mut self, rooms: Vec<Arc<ResponseRoom>>) {
        let bytes = self.bytes;
        self.remove(bytes);
        self.rooms = rooms;
        self.add(bytes);
    }

    /// The connection ends, and all its responses with it.
    pub(super) fn end(&mut self) {
        self.remove(self.bytes);
        self.has_ended = true;
    }

    fn give_back(&self, bytes: usize) {
        self.rooms.iter().for_each(|room| {
            room.waiting.fetch_sub(bytes, Ordering::Relaxed);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_count_where_their_connection_does_and_once() {
        let (one, other) = (ResponseRoom::new(10), ResponseRoom::new(100));
        let waiting = |room: &ResponseRoom| room.waiting.load(Ordering::Relaxed);
        let mut responses = WaitingResponses::new(vec![one.clone()]);
        assert!(!responses.add(10) && responses.add(1));
        responses.remove(4);
        responses.move_to(vec![other.clone()]);
        assert_eq!((waiting(&one), waiting(&other)), (0, 7));
        responses.end();
        responses.remove(7);
        assert!(!responses.add(1_000));
        assert_eq!((responses.is_empty(), waiting(&other)), (true, 0));
    }
}
