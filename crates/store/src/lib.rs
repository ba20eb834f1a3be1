#![doc = include_str!("../README.md")]

mod backup;
mod checkpoint;
mod commit_latency;
mod connection;
pub mod copy_mark;
mod error;
mod notifier;
mod reader;
mod schema;
mod store;
mod transaction;
mod work_counter;
mod writer;

pub use backup::{Backup, BackupError, back_up};
pub use error::{Error, SqlError};
pub use notifier::{Listener, Notifier, Topic};
pub use schema::{HistoryId, Schema};
pub use store::Store;
pub use transaction::{Snapshot, Transaction};
pub use work_counter::{CountedWork, WorkCounter};
