//! Times in the local time zone, and remaining time.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// `14:02:31`, with the date if it is not today or nobody knows. Both are in seconds since the epoch.
pub fn short(seconds: u64, now: Option<u64>) -> String {
    match (zoned(seconds), now.and_then(zoned)) {
        (Some(moment), Some(now)) if moment.date() == now.date() => moment.strftime("%H:%M:%S").to_string(),
        (Some(moment), _) => moment.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        (None, _) => seconds.to_string(),
    }
}

/// `2026-11-21 14:02:31 +01:00`; `seconds` since the epoch.
pub fn full(seconds: u64) -> String {
    zoned(seconds).map_or_else(|| seconds.to_string(), |moment| moment.strftime("%Y-%m-%d %H:%M:%S %:z").to_string())
}

/// A duration in seconds as `1:42`, `1 h 30 min` or `2 days`.
pub fn remaining(seconds: u64) -> String {
    match seconds {
        0..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        3600..172_800 => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn zoned(seconds: u64) -> Option<Zoned> {
    let moment = Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    Some(moment.to_zoned(TimeZone::system()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remaining_time_uses_the_unit_that_fits() {
        assert_eq!(remaining(102), "1:42");
        assert_eq!(remaining(5), "0:05");
        assert_eq!(remaining(5400), "1 h 30 min");
        assert_eq!(remaining(3 * 86_400), "3 days");
    }
}
