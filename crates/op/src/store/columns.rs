//! How values stand in columns.

use countersign_jose::clock::Timestamp;

/// A point in time as SQLite keeps it: milliseconds, in a signed integer.
pub(super) fn column(time: Timestamp) -> i64 {
    i64::try_from(time.millis()).unwrap_or(i64::MAX)
}

/// The point in time in a column.
pub(super) fn time(column: i64) -> Timestamp {
    Timestamp::from_millis(column.try_into().unwrap_or(0))
}
