//! How a file that was put back from a copy is noticed: a copy by [`back_up`](crate::back_up) says that it is one, and a
//! mark grows, which whoever opens the file compares with the one that it keeps elsewhere.

use crate::error::Error;
use crate::transaction::{Snapshot, Transaction};

/// Whether this file is a copy that nobody has opened as its own since ([`advance_mark`]).
///
/// # Errors
/// SQLite's.
pub fn is_copy(snapshot: &Snapshot<'_>) -> Result<bool, Error> {
    Ok(snapshot.connection().query_row("SELECT is_copy FROM store_history", [], |row| row.get(0))?)
}

/// The file's mark.
///
/// # Errors
/// SQLite's.
pub fn mark(snapshot: &Snapshot<'_>) -> Result<i64, Error> {
    Ok(snapshot.connection().query_row("SELECT mark FROM store_history", [], |row| row.get(0))?)
}

/// Moves the mark beyond its own value and this one, and returns it. The file is no copy from now on.
///
/// # Errors
/// SQLite's.
pub fn advance_mark(transaction: &Transaction<'_>, beyond: i64) -> Result<i64, Error> {
    let mut statement = transaction
        .connection()
        .prepare_cached("UPDATE store_history SET mark = max(mark, ?1) + 1, is_copy = 0 RETURNING mark")?;
    Ok(statement.query_row([beyond], |row| row.get(0))?)
}
