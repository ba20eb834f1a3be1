//! Web Push (RFC 8030, 8291, 8292): wakes devices that hold no connection. A push says "look" and nothing else; what waits is always
//! fetched (docs/protocol.md section 20).
//!
//! The queue is a transactional outbox: a row per device, written in the challenge's own transaction (`queue.rs`), sent by one task
//! (`sender.rs`, `attempt.rs`), and deleted once the push service accepted the push or the device confirmed what it is about.

mod address;
mod attempt;
mod looked;
mod message;
mod queue;
mod sender;
mod test;

pub(crate) use address::CheckedAddress;
pub use address::PushRecord;
pub use test::{PushTestError, PushTestReport};
