//! What closures get: a snapshot to read from, or a transaction to write in.

use std::cell::RefCell;
use std::ops::Deref;

use rusqlite::Connection;

use crate::notifier::Topic;

/// The database as a read sees it: everything committed before the call.
pub struct Snapshot<'c> {
    connection: &'c Connection,
}

impl<'c> Snapshot<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Snapshot<'c> {
        Snapshot { connection }
    }

    /// Lends SQLite's connection. For modules called `store`, where SQL stands; a read that writes through it is undone and fails.
    pub fn connection(&self) -> &'c Connection {
        self.connection
    }
}

/// A write in progress. It reads as a [`Snapshot`] does, its own changes included.
pub struct Transaction<'c> {
    snapshot: Snapshot<'c>,
    topics: RefCell<Vec<Topic>>,
    after_commit: RefCell<Vec<AfterCommit>>,
}

/// What is done once a write is on disk.
pub(crate) type AfterCommit = Box<dyn FnOnce() + Send>;

impl<'c> Transaction<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Transaction<'c> {
        Transaction {
            snapshot: Snapshot::new(connection),
            topics: RefCell::default(),
            after_commit: RefCell::default(),
        }
    }

    /// Wakes the listeners of this topic, after the commit and not at all without one.
    pub fn notify_after_commit(&self, topic: impl Into<Topic>) {
        self.topics.borrow_mut().push(topic.into());
    }

    /// Runs this after the commit and not at all without one: once, however often the closure runs, and before the
    /// write's caller has its result. For counting; it keeps the writer's thread from everything else.
    pub fn after_commit(&self, work: impl FnOnce() + Send + 'static) {
        self.after_commit.borrow_mut().push(Box::new(work));
    }

    /// What is due once the transaction is committed.
    pub(crate) fn into_due(self) -> (Vec<Topic>, Vec<AfterCommit>) {
        (self.topics.into_inner(), self.after_commit.into_inner())
    }
}

impl<'c> Deref for Transaction<'c> {
    type Target = Snapshot<'c>;

    fn deref(&self) -> &Snapshot<'c> {
        &self.snapshot
    }
}
