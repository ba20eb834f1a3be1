//! Retry policy: classifies a delivery's result, and computes the pause before the next attempt.

use std::time::Duration;

use axum::http::header;
use countersign_egress::{CallError, Response};
use countersign_gateway::outbox;
use countersign_jose::random::Random;

/// Result of a delivery attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// 2xx.
    Delivered,
    /// Final: any other status (CIBA Core §10.2: redirects are not followed, a 401 is not retried).
    Refused,
    /// Retried, not before the response's `Retry-After`, if there is one.
    Retry(Option<Duration>),
}

impl Delivery {
    /// The `outcome` label in metrics and logs.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Delivery::Delivered => "delivered",
            Delivery::Refused => "refused",
            Delivery::Retry(_) => "failed",
        }
    }
}

/// Classifies a response or a call's error.
pub(super) fn classify(result: &Result<Response, CallError>) -> Delivery {
    match result {
        Ok(answer) => match answer.status {
            200..=299 => Delivery::Delivered,
            408 | 429 | 500..=599 => Delivery::Retry(retry_after(answer)),
            _ => Delivery::Refused,
        },
        Err(CallError::NotHttps | CallError::Blocked) => Delivery::Refused,
        Err(_) => Delivery::Retry(None),
    }
}

/// `Retry-After` in seconds; a date is not read.
fn retry_after(answer: &Response) -> Option<Duration> {
    let value = answer.headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// A pause that grows with the attempts ([`outbox::pause`]); at least `asked` (`Retry-After`), as far as that is at most `longest`.
pub(super) fn pause(attempts: u32, longest: Duration, asked: Option<Duration>, random: &dyn Random) -> Duration {
    outbox::pause(attempts, longest, random).max(asked.unwrap_or_default().min(longest))
}

#[cfg(test)]
mod tests {
    use axum::http::header::HeaderMap;

    use super::*;
    use countersign_jose::hash::Hash;

    struct Counting(std::sync::atomic::AtomicU32);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            let count = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            bytes.copy_from_slice(&Hash::of(count.to_be_bytes()).as_bytes()[..bytes.len()]);
        }
    }

    fn answered(status: u16, retry_after: Option<&'static str>) -> Result<Response, CallError> {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static(value));
        }
        Ok(Response { status, headers, body: Vec::new() })
    }

    #[test]
    fn p02_what_was_received_is_done_and_what_is_refused_is_left_alone() {
        for status in [200, 202, 204] {
            assert_eq!(classify(&answered(status, None)), Delivery::Delivered, "{status}");
        }
        for status in [301, 302, 303, 307, 308, 400, 401, 403, 404, 410, 422] {
            assert_eq!(classify(&answered(status, None)), Delivery::Refused, "{status}");
        }
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(classify(&answered(status, None)), Delivery::Retry(None), "{status}");
        }
        assert_eq!(classify(&Err(CallError::Blocked)), Delivery::Refused);
        for error in [CallError::TimedOut, CallError::Unreachable, CallError::NoTls] {
            assert_eq!(classify(&Err(error)), Delivery::Retry(None));
        }
    }

    #[test]
    fn a_wish_to_wait_is_heard_as_far_as_it_is_a_number() {
        let seconds = |n| Delivery::Retry(Some(Duration::from_secs(n)));
        assert_eq!(classify(&answered(503, Some("17"))), seconds(17));
        assert_eq!(classify(&answered(429, Some("Wed, 25 Nov 2026 03:00:00 GMT"))), Delivery::Retry(None));
        let random = Counting(0.into());
        let longest = Duration::from_secs(60);
        assert!(pause(1, longest, Some(Duration::from_secs(17)), &random) >= Duration::from_secs(17));
        assert!(pause(1, longest, Some(Duration::from_secs(9999)), &random) <= longest);
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_spread() {
        let random = Counting(0.into());
        let longest = Duration::from_secs(60);
        for (attempts, usual) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (40, 60), (u32::MAX, 60)] {
            let pauses: Vec<_> = (0..200).map(|_| pause(attempts, longest, None, &random)).collect();
            let usual = Duration::from_secs(usual);
            assert!(pauses.iter().all(|pause| *pause >= usual / 2 && *pause <= usual * 3 / 2), "{attempts}");
            let (least, most) = (pauses.iter().min(), pauses.iter().max());
            assert!(least < Some(&(usual * 6 / 10)) && most > Some(&(usual * 14 / 10)), "{attempts}: not spread");
        }
    }
}
