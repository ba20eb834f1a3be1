//! How many devices there are, for statistics and decoys.

use countersign_store::{Error, Snapshot};

/// How many users and devices are active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnrollmentCount {
    /// Users with an active device.
    pub people: u64,
    /// Active devices.
    pub devices: u64,
}

/// Counts active devices and their users.
pub(crate) fn count_active(snapshot: &Snapshot<'_>) -> Result<EnrollmentCount, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT count(DISTINCT subject), count(*) FROM device WHERE status = 'active'")?
        .query_row([], |row| {
            let count = |at: usize| row.get::<_, i64>(at).map(i64::unsigned_abs);
            Ok(EnrollmentCount { people: count(0)?, devices: count(1)? })
        })?)
}

/// How many users have how many active devices: `(devices, users)`, by the first. Reads the index of all devices.
pub(crate) fn count_by_number(snapshot: &Snapshot<'_>) -> Result<Vec<(u32, u64)>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT devices, count(*) FROM (SELECT count(*) AS devices FROM device WHERE status = 'active' GROUP BY subject)
             GROUP BY devices ORDER BY devices",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?
        .collect::<Result<_, _>>()?)
}
