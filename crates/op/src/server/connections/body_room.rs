//! Room for bodies in memory: in all, of one owner of a key or one address, and of one connection.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The rooms that a connection's bodies take their bytes from, each byte from every one. Cheap to clone.
#[derive(Clone)]
pub(super) struct BodyRooms(Arc<[Arc<Semaphore>]>);

/// What a body takes of these rooms; dropping it gives it back.
#[derive(Default)]
pub(super) struct BodyRoom(Vec<OwnedSemaphorePermit>);

impl BodyRooms {
    pub(super) fn new(rooms: impl IntoIterator<Item = Arc<Semaphore>>) -> BodyRooms {
        BodyRooms(rooms.into_iter().collect())
    }

    /// Takes so many bytes more for a body. `None`: one of the rooms is full, and nothing was taken.
    pub(super) fn take(&self, bytes: usize, held: &mut BodyRoom) -> Option<()> {
        let bytes = u32::try_from(bytes).ok()?;
        let more = self.0.iter().map(|room| room.clone().try_acquire_many_owned(bytes).ok());
        let more: Vec<_> = more.collect::<Option<_>>()?;
        for permit in more {
            match held.0.iter_mut().find(|one| Arc::ptr_eq(one.semaphore(), permit.semaphore())) {
                Some(one) => one.merge(permit),
                // The first, or from another room since its connection proved a key.
                None => held.0.push(permit),
            }
        }
        Some(())
    }
}
