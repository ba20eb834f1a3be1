//! What a client that the operator vouches for hears of its request: how the person's devices are reached, and whether one has it.

use countersign_protocol::id::{ApprovalId, DeviceId, Subject};
use countersign_store::{Error as StoreError, Snapshot};

use crate::Gateway;
use crate::store::{challenges, devices};

/// How the best of a person's devices hears of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It is pushed to, and was seen to come when it was.
    Push,
    /// It holds a stream or a fetch.
    Stream,
    /// The person has to open it.
    OpenApp,
}

impl Reach {
    /// The value of `wake` in an acknowledgement.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reach::Push => "push",
            Reach::Stream => "stream",
            Reach::OpenApp => "open_app",
        }
    }
}

impl Gateway {
    /// How the best of the person's active devices would hear of a request now.
    ///
    /// # Errors
    /// The store's.
    pub fn reach(&self, snapshot: &Snapshot<'_>, subject: &Subject) -> Result<Reach, StoreError> {
        let mut reach = Reach::OpenApp;
        for device in devices::active(snapshot, subject)? {
            if self.is_proven(snapshot, &device.id)? {
                return Ok(Reach::Push);
            }
            if self.held_streams().has(&device.id) || self.held_polls().has(&device.id) {
                reach = Reach::Stream;
            }
        }
        Ok(reach)
    }

    /// Whether a device is known to have a challenge of this approval: it fetched or confirmed it, or refused to show it. Known since
    /// the process started.
    ///
    /// # Errors
    /// The store's.
    pub fn is_delivered(&self, snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<bool, StoreError> {
        let asked = challenges::feed_entries(snapshot, approval)?;
        Ok(asked.iter().any(|asked| asked.refused || self.positions().has(&asked.device, asked.n)))
    }

    /// The device has everything up to this cursor.
    pub(crate) fn note_position(&self, device: &DeviceId, cursor: &str) {
        if let Some(n) = self.position(cursor) {
            self.positions().note(device, n);
        }
    }
}
