//! The one thread that writes: takes what has queued, runs each closure in its savepoint, commits once, then answers all.

use std::cell::RefCell;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use crate::wake::{Topic, Wakes};

/// Closures that share one commit at most, so that the first does not wait for hundreds of others.
const GROUP: usize = 128;

/// What is called once it is known whether the group was committed.
pub(super) type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// A closure of a caller: does its work, says whether to keep it, and hands over its answer.
pub(super) type Work = Box<dyn FnOnce(&Transaction<'_>) -> (bool, Answer) + Send>;

pub(super) enum Job {
    Write(Work),
    LookForOthers(oneshot::Sender<Result<bool, StoreError>>),
}

/// A write in progress: the connection, and whom to wake once it is on disk.
pub struct Transaction<'c> {
    connection: &'c Connection,
    wakes: RefCell<Vec<Topic>>,
}

impl Transaction<'_> {
    /// Wakes whoever waits for this topic, after the commit and not at all without one.
    pub fn wake_after_commit(&self, topic: impl Into<Topic>) {
        self.wakes.borrow_mut().push(topic.into());
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// Starts the writer; it ends when the last sender is gone.
pub(super) fn start(connection: Connection, queue: usize, wakes: Wakes) -> std::io::Result<mpsc::Sender<Job>> {
    let (jobs, queued) = mpsc::channel(queue);
    std::thread::Builder::new().name("store-writer".into()).spawn(move || run(&connection, queued, &wakes))?;
    Ok(jobs)
}

fn run(connection: &Connection, mut jobs: mpsc::Receiver<Job>, wakes: &Wakes) {
    let mut seen = data_version(connection).unwrap_or_default();
    let mut group = Vec::with_capacity(GROUP);
    while jobs.blocking_recv_many(&mut group, GROUP) > 0 {
        let mut writes = Vec::with_capacity(group.len());
        for job in group.drain(..) {
            match job {
                Job::Write(work) => writes.push(work),
                Job::LookForOthers(reply) => {
                    let _ = reply.send(look(connection, &mut seen, wakes));
                }
            }
        }
        if !writes.is_empty() {
            write_group(connection, writes, wakes);
        }
    }
}

fn look(connection: &Connection, seen: &mut i64, wakes: &Wakes) -> Result<bool, StoreError> {
    let now = data_version(connection)?;
    let changed = now != *seen;
    if changed {
        *seen = now;
        wakes.wake_all();
    }
    Ok(changed)
}

/// A number that changes when another connection commits, and stays when this one does.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0))
}

fn write_group(connection: &Connection, writes: Vec<Work>, wakes: &Wakes) {
    let begun = connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([]));
    let mut answers = Vec::with_capacity(writes.len());
    let mut topics = Vec::new();
    let committed = match begun {
        Ok(_) => {
            // A piece of work that is alone is undone with its group; one among others needs a savepoint for that.
            let is_alone = writes.len() == 1;
            let mut result = Ok(true);
            for work in writes {
                if result.is_ok() {
                    result = match is_alone {
                        true => Ok(run_one(connection, work, &mut answers, &mut topics)),
                        false => in_savepoint(connection, work, &mut answers, &mut topics),
                    };
                }
                // Whatever did not run is dropped with its reply channel: its caller hears that nothing was kept.
            }
            result.and_then(|keep| statement(connection, if is_alone && !keep { "ROLLBACK" } else { "COMMIT" }))
        }
        Err(error) => Err(error),
    };
    if let Err(error) = &committed {
        tracing::error!(%error, "the provider's database did not take a group of writes");
        if !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        topics.clear();
    }
    topics.sort_unstable();
    topics.dedup();
    for answer in answers {
        answer(match &committed {
            Ok(()) => Ok(()),
            Err(error) => Err(StoreError::NotCommitted(error.to_string())),
        });
    }
    for topic in &topics {
        wakes.wake(topic);
    }
}

fn statement(connection: &Connection, how: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(how)?.execute([]).map(drop)
}

/// Runs one closure among others. Its own error or panic undoes only its own changes; an error here is the store's and ends the
/// group. Returns whether its changes stay.
fn in_savepoint(
    connection: &Connection,
    work: Work,
    answers: &mut Vec<Answer>,
    topics: &mut Vec<Topic>,
) -> rusqlite::Result<bool> {
    statement(connection, "SAVEPOINT one")?;
    let keep = run_one(connection, work, answers, topics);
    if !keep {
        statement(connection, "ROLLBACK TO one")?;
    }
    statement(connection, "RELEASE one")?;
    Ok(keep)
}

/// Runs one closure, and returns whether its changes are to stay. Its answer and whom it wakes wait for the commit.
fn run_one(connection: &Connection, work: Work, answers: &mut Vec<Answer>, topics: &mut Vec<Topic>) -> bool {
    let transaction = Transaction { connection, wakes: RefCell::default() };
    match catch_unwind(AssertUnwindSafe(|| work(&transaction))) {
        Ok((keep, answer)) => {
            answers.push(answer);
            if keep {
                topics.append(&mut transaction.wakes.into_inner());
            }
            keep
        }
        Err(_) => {
            tracing::error!("a write panicked and was undone");
            false
        }
    }
}
