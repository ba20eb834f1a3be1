//! Timestamps as column values.

use countersign_jose::clock::Timestamp;

/// A timestamp as stored: signed milliseconds since the epoch.
pub(super) fn column(time: Timestamp) -> i64 {
    i64::try_from(time.millis()).unwrap_or(i64::MAX)
}

/// The timestamp in a column.
pub(super) fn time(column: i64) -> Timestamp {
    Timestamp::from_millis(column.try_into().unwrap_or(0))
}
