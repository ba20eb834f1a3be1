//! The thread that reads for a server: it takes what has queued, and answers all of it from one snapshot, so that no thread of
//! the runtime waits for the disk and a snapshot's cost is shared.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::gather::Gather;

/// A closure of a caller: looks, and sends off what it saw.
pub(super) type Look = Box<dyn FnOnce(&Connection) + Send>;

/// Starts the reader; it ends when the last sender is gone.
pub(super) fn start(connection: Connection, queue: usize) -> std::io::Result<mpsc::Sender<Look>> {
    let (looks, queued) = mpsc::channel(queue);
    std::thread::Builder::new().name("store-reader".into()).spawn(move || run(&connection, queued))?;
    Ok(looks)
}

fn run(connection: &Connection, looks: mpsc::Receiver<Look>) {
    let mut looks = Gather::new(looks);
    while let Some(group) = looks.next() {
        // The snapshot is taken at the first read, later than everything that was committed when these looks were queued.
        // Without one each look has a snapshot of its own, which is as true.
        let shared = group.len() > 1 && run_statement(connection, "BEGIN");
        for look in group {
            if catch_unwind(AssertUnwindSafe(|| look(connection))).is_err() {
                tracing::error!("a look into the provider's database panicked");
            }
        }
        if shared && !run_statement(connection, "COMMIT") {
            let _ = connection.execute_batch("ROLLBACK");
        }
    }
}

fn run_statement(connection: &Connection, sql: &str) -> bool {
    let done = connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    done.inspect_err(|error| tracing::error!(%error, "the provider's database refused a snapshot")).is_ok()
}
