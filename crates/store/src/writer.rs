//! The one thread that writes: takes what has queued, answers the reads in it, runs each write, commits once, then answers these.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::checkpoint::Checkpointer;
use crate::commit_latency::CommitLatency;
use crate::error::Error;
use crate::notifier::{Notifier, Topic};
use crate::reader::{self, GROUP, Read};
use crate::transaction::{AfterCommit, Transaction};
use crate::work_counter::WorkCounter;

/// A piece of a caller's work. It may be run again, after everything of the first run was undone.
pub(crate) trait Work: Send {
    /// Does the work, and returns whether its changes are to stay.
    fn run(&mut self, transaction: &Transaction<'_>) -> bool;
    /// Hands the last run's result to its caller.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

pub(crate) enum Job {
    Write(Box<dyn Work>),
    Read(Read),
    DetectExternalWrites(oneshot::Sender<Result<bool, Error>>),
    CountWork(oneshot::Sender<Result<WorkCounter, Error>>),
}

/// Starts the writer; it ends when the last sender is gone.
pub(crate) fn start(
    mut connection: Connection,
    checkpointer: Checkpointer,
    queue: usize,
    notifier: Notifier,
    latency: CommitLatency,
) -> std::io::Result<mpsc::Sender<Job>> {
    let (jobs, queued) = mpsc::channel(queue);
    let thread = std::thread::Builder::new().name("store-writer".into());
    thread.spawn(move || run(&mut connection, &checkpointer, queued, &notifier, &latency))?;
    Ok(jobs)
}

fn run(
    connection: &mut Connection,
    checkpointer: &Checkpointer,
    mut jobs: mpsc::Receiver<Job>,
    notifier: &Notifier,
    latency: &CommitLatency,
) {
    let mut seen = data_version(connection).unwrap_or_default();
    let mut group = Vec::with_capacity(GROUP);
    while jobs.blocking_recv_many(&mut group, GROUP) > 0 {
        let (mut writes, mut reads) = (Vec::with_capacity(group.len()), Vec::new());
        for job in group.drain(..) {
            match job {
                Job::Write(work) => writes.push(work),
                Job::Read(read) => reads.push(read),
                Job::DetectExternalWrites(reply) => {
                    let _ = reply.send(detect_external_writes(connection, &mut seen, notifier));
                }
                Job::CountWork(reply) => {
                    let counter = WorkCounter::default();
                    let installed = counter.install(connection).map_err(Error::from);
                    let _ = reply.send(installed.map(|()| counter));
                }
            }
        }
        // First: they see what was committed when they were queued, and don't wait for a commit of others.
        if !reads.is_empty() {
            reader::answer(connection, reads);
        }
        if !writes.is_empty() {
            write_group(connection, writes, notifier, latency);
            checkpointer.finish(connection);
        }
    }
}

fn detect_external_writes(connection: &Connection, seen: &mut i64, notifier: &Notifier) -> Result<bool, Error> {
    let now = data_version(connection)?;
    let changed = now != *seen;
    if changed {
        *seen = now;
        notifier.notify_all();
    }
    Ok(changed)
}

/// A number that changes when another connection commits, and stays when this one does.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0))
}

fn write_group(connection: &Connection, mut writes: Vec<Box<dyn Work>>, notifier: &Notifier, latency: &CommitLatency) {
    let mut group = Group { connection, topics: Vec::new(), after_commit: Vec::new(), ran: 0, waited: Duration::ZERO };
    let committed = group.run(&mut writes);
    latency.record(group.waited);
    if let Err(error) = &committed {
        tracing::error!(%error, "the database did not take a group of writes");
        group.undo();
    }
    group.topics.sort_unstable();
    group.topics.dedup();
    // Before the replies: who has one finds its write counted.
    for work in std::mem::take(&mut group.after_commit) {
        work();
    }
    // Whatever did not run is dropped with its reply channel: its caller hears that nothing was kept.
    for work in writes.into_iter().take(group.ran) {
        work.answer(committed.as_ref().copied().map_err(Error::not_committed));
    }
    for topic in &group.topics {
        notifier.notify(topic);
    }
}

/// Work that is committed together.
struct Group<'c> {
    connection: &'c Connection,
    topics: Vec<Topic>,
    after_commit: Vec<AfterCommit>,
    /// How many pieces of work have run.
    ran: usize,
    /// For the disk, or for another process that holds the file.
    waited: Duration,
}

impl Group<'_> {
    /// Runs everything in one transaction. Hardly any work fails after it changed something, so there are no savepoints at
    /// first: they copy every page that is changed. When it happens, all is undone and run again with one for each.
    fn run(&mut self, writes: &mut [Box<dyn Work>]) -> rusqlite::Result<()> {
        self.wait("BEGIN IMMEDIATE")?;
        if self.run_plainly(writes) {
            return self.wait("COMMIT");
        }
        self.undo();
        self.ran = 0;
        self.wait("BEGIN IMMEDIATE")?;
        for work in writes {
            self.run_in_savepoint(&mut **work)?;
        }
        self.wait("COMMIT")
    }

    /// Runs a statement that may have to wait.
    fn wait(&mut self, sql: &str) -> rusqlite::Result<()> {
        let begun = Instant::now();
        let done = self.statement(sql);
        self.waited += begun.elapsed();
        done
    }

    /// Returns false as soon as some work is to be undone although it changed something.
    fn run_plainly(&mut self, writes: &mut [Box<dyn Work>]) -> bool {
        writes.iter_mut().all(|work| {
            let before = self.connection.total_changes();
            self.run_one(&mut **work) || self.connection.total_changes() == before
        })
    }

    /// Runs one piece of work whose changes can be undone alone. An error here is the store's, and ends the group.
    fn run_in_savepoint(&mut self, work: &mut dyn Work) -> rusqlite::Result<()> {
        self.statement("SAVEPOINT one")?;
        if !self.run_one(work) {
            self.statement("ROLLBACK TO one")?;
        }
        self.statement("RELEASE one")
    }

    /// Runs one piece of work, and returns whether its changes are to stay. Its topics wait for the commit.
    fn run_one(&mut self, work: &mut dyn Work) -> bool {
        self.ran += 1;
        let transaction = Transaction::new(self.connection);
        let keep = catch_unwind(AssertUnwindSafe(|| work.run(&transaction))).unwrap_or_else(|_| {
            tracing::error!("a write panicked and was undone");
            false
        });
        if keep {
            let (mut topics, mut after_commit) = transaction.into_due();
            self.topics.append(&mut topics);
            self.after_commit.append(&mut after_commit);
        }
        keep
    }

    fn undo(&mut self) {
        self.topics.clear();
        self.after_commit.clear();
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    fn statement(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}
