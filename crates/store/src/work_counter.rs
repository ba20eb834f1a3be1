//! Counts what the writer does, so that a test can compare the cost of two requests without a clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::hooks::Action;

/// What the writer did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CountedWork {
    /// Steps of SQLite's virtual machine: what all statements read, compared and wrote.
    pub steps: u64,
    /// Rows inserted, updated and deleted, by statement and table. Tables WITHOUT ROWID are in the steps alone.
    pub rows: BTreeMap<String, u64>,
}

/// Counts the writer's work from when it was asked for; see [`Store::count_work`](crate::Store::count_work).
#[derive(Debug, Clone, Default)]
pub struct WorkCounter {
    work: Arc<Mutex<CountedWork>>,
}

impl WorkCounter {
    /// What was done since the last call.
    pub fn take(&self) -> CountedWork {
        std::mem::take(&mut *self.work.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, count: impl FnOnce(&mut CountedWork)) {
        count(&mut self.work.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn install(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let (steps, rows) = (self.clone(), self.clone());
        connection.progress_handler(
            1,
            Some(move || {
                steps.count(|work| work.steps += 1);
                false
            }),
        )?;
        connection.update_hook(Some(move |action: Action, _: &str, table: &str, _: i64| {
            let done = match action {
                Action::SQLITE_INSERT => "insert",
                Action::SQLITE_UPDATE => "update",
                _ => "delete",
            };
            rows.count(|work| *work.rows.entry(format!("{done} {table}")).or_default() += 1);
        }))
    }
}
