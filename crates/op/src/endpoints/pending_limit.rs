//! Limit of a client's pending requests over all users, checked before any user is looked up. The store is counted only when
//! a client may have reached its limit: in between, each accepted request takes one of those that were left at the count.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use countersign_jose::clock::Timestamp;

use crate::store::PendingRequests;

/// How long a count that left nothing is believed, in milliseconds.
const FULL_FOR: u64 = 1_000;

/// Longest `Retry-After`, in seconds: what is pending may be redeemed long before its end.
const LONGEST_RETRY: u64 = 60;

/// What each client may still ask.
#[derive(Default)]
pub(crate) struct PendingLimit {
    budgets: Mutex<HashMap<String, Budget>>,
}

enum Budget {
    Left(u32),
    Full { until: Timestamp, retry_after: u64 },
}

/// Whether a request is within the limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PendingCheck {
    Accepted,
    /// The client's pending requests have to be counted.
    Count,
    /// With the seconds after which one of them ends at the latest.
    Refused {
        retry_after: u64,
    },
}

impl PendingLimit {
    /// Takes one of those that are left.
    pub(crate) fn admit(&self, client_id: &str, now: Timestamp) -> PendingCheck {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        match budgets.get_mut(client_id) {
            Some(Budget::Left(left)) if *left > 0 => {
                *left -= 1;
                PendingCheck::Accepted
            }
            Some(Budget::Full { until, retry_after }) if now < *until => {
                PendingCheck::Refused { retry_after: *retry_after }
            }
            _ => PendingCheck::Count,
        }
    }

    /// Sets what is left after a count, and takes one.
    pub(crate) fn counted(&self, client_id: &str, found: PendingRequests, most: u32, now: Timestamp) -> PendingCheck {
        let (budget, checked) = match most.saturating_sub(found.count) {
            0 => {
                let left = found.first_end.map_or(0, |end| end.millis_since(now).div_ceil(1000));
                let retry_after = left.clamp(1, LONGEST_RETRY);
                let until = now.plus_millis(FULL_FOR);
                (Budget::Full { until, retry_after }, PendingCheck::Refused { retry_after })
            }
            left => (Budget::Left(left - 1), PendingCheck::Accepted),
        };
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner).insert(client_id.to_owned(), budget);
        checked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_is_counted_only_when_the_limit_may_be_reached() {
        let (limit, now) = (PendingLimit::default(), Timestamp::from_seconds(1_000));
        let found = |count, end| PendingRequests { count, first_end: Some(Timestamp::from_seconds(end)) };
        assert_eq!(limit.admit("till", now), PendingCheck::Count);
        assert_eq!(limit.counted("till", found(7, 1_100), 10, now), PendingCheck::Accepted);
        assert_eq!(limit.admit("till", now), PendingCheck::Accepted);
        assert_eq!(limit.admit("kiosk", now), PendingCheck::Count, "clients have separate limits");
        assert_eq!(limit.admit("till", now), PendingCheck::Accepted);
        assert_eq!(limit.admit("till", now), PendingCheck::Count);
        assert_eq!(limit.counted("till", found(10, 1_030), 10, now), PendingCheck::Refused { retry_after: 30 });
        assert_eq!(limit.admit("till", now.plus_millis(999)), PendingCheck::Refused { retry_after: 30 });
        assert_eq!(limit.admit("till", now.plus_millis(1_000)), PendingCheck::Count);
        assert_eq!(limit.counted("till", found(9, 1_030), 10, now), PendingCheck::Accepted);
    }
}
