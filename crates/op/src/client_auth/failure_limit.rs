//! Limit of failed client authentications: for each client and address, and for each address over all clients, unless a client
//! authenticated from there lately. Held in memory; a restart resets it.
//!
//! A failed one may cost a signature's verification, and anybody can send it. Successful ones are never counted, so that a limit
//! bounds what guesses and forgeries cost, and not how much a client may ask. By client and address, for a stranger must not use
//! up what the client itself may get wrong; and not by address alone, for a shop or a proxy is one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;

use crate::http::{ErrorCode, OAuthError};

/// A window, in milliseconds.
const MINUTE: u64 = 60_000;

/// Failures of one client from one address in a minute.
const PER_CLIENT: u32 = 100;

/// The same where the sender's address is not known, as behind a proxy that names none: what a stranger does there must not soon lock
/// the client out.
const PER_CLIENT_OF_MANY: u32 = 3000;

/// Failures from one address in a minute, whatever the client, while none has authenticated from there.
const PER_ADDRESS: u32 = 500;

/// Authentications of one client from one address under way at once: what can fail before its failure is counted.
const UNDER_WAY: u32 = 512;

/// How long an address counts as proven after a client authenticated from it, in milliseconds.
const PROVEN: u64 = 10 * MINUTE;

/// Windows held at most. Beyond it, new ones share one, so that memory stays bounded and nobody gets a fresh window by filling it.
const MAX_WINDOWS: usize = 20_000;

/// Failed authentications by client and address.
#[derive(Default)]
pub(crate) struct FailureLimit {
    windows: Mutex<HashMap<Hash, Window>>,
}

/// An authentication under way. Counted as failed when dropped, unless [`Attempt::end`] had a success.
pub(crate) struct Attempt<'l> {
    limit: &'l FailureLimit,
    of_client: Hash,
    of_address: Option<Hash>,
    now: Timestamp,
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Nobody waits for the result any more, or the failure is this provider's.
    Abandoned,
    Succeeded,
    Failed,
}

struct Window {
    start: Timestamp,
    failures: u32,
    under_way: u32,
    /// When a client last authenticated from this address.
    proven: Option<Timestamp>,
}

impl FailureLimit {
    /// Begins an authentication of this client. `address` is that of the sender where it counts of itself: not a trusted proxy's.
    ///
    /// # Errors
    /// `rate_limited` with the seconds until the next window.
    pub(crate) fn begin(
        &self,
        client_id: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Attempt<'_>, OAuthError> {
        let network = address.map(network);
        let by_network = network.map_or_else(Vec::new, |network| network.to_string().into_bytes());
        let of_client = Hash::of_parts(&[b"client", &[0], client_id.as_bytes(), &[0], &by_network]);
        let of_address = network.map(|_| Hash::of_parts(&[b"address", &[0], &by_network]));
        let mut windows = self.windows();
        let of_client = place(&mut windows, of_client, now);
        let of_address = of_address.map(|key| place(&mut windows, key, now));
        if let Some(window) = of_address.and_then(|key| windows.get(&key))
            && window.failures >= PER_ADDRESS
            && window.proven.is_none_or(|proven| now.millis_since(proven) >= PROVEN)
        {
            return Err(refused(window.left(now), "too many failed client authentications from this address"));
        }
        let Some(window) = windows.get_mut(&of_client) else { unreachable!("the window was just placed") };
        let most = if network.is_some() { PER_CLIENT } else { PER_CLIENT_OF_MANY };
        if window.failures >= most {
            return Err(refused(window.left(now), "too many failed authentications as this client"));
        }
        if window.under_way >= UNDER_WAY {
            return Err(refused(1, "too many authentications of this client at once"));
        }
        window.under_way += 1;
        Ok(Attempt { limit: self, of_client, of_address, now, outcome: Outcome::Abandoned })
    }

    fn windows(&self) -> MutexGuard<'_, HashMap<Hash, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// Ends the authentication: of a success the address is remembered, a failure by the sender is counted, one of this provider
    /// is neither.
    pub(crate) fn end<T>(mut self, result: &Result<T, OAuthError>) {
        self.outcome = match result {
            Ok(_) => Outcome::Succeeded,
            Err(error) if error.code == ErrorCode::InvalidClient => Outcome::Failed,
            Err(_) => Outcome::Abandoned,
        };
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut windows = self.limit.windows();
        if let Some(window) = windows.get_mut(&self.of_client) {
            window.under_way = window.under_way.saturating_sub(1);
            window.failures += u32::from(self.outcome == Outcome::Failed);
        }
        let Some(window) = self.of_address.and_then(|key| windows.get_mut(&key)) else { return };
        match self.outcome {
            Outcome::Succeeded => window.proven = Some(self.now),
            Outcome::Failed => window.failures += 1,
            Outcome::Abandoned => {}
        }
    }
}

impl Window {
    /// Seconds until the next window.
    fn left(&self, now: Timestamp) -> u64 {
        MINUTE.saturating_sub(now.millis_since(self.start)).div_ceil(1000).max(1)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.millis_since(self.start) >= MINUTE
    }

    /// Whether nothing would be lost with it.
    fn is_of_no_use(&self, now: Timestamp) -> bool {
        let is_proven = self.proven.is_some_and(|proven| now.millis_since(proven) < PROVEN);
        self.is_over(now) && self.under_way == 0 && !is_proven
    }
}

/// The key of the current window for this one, which is there then; the shared one's if there are too many.
fn place(windows: &mut HashMap<Hash, Window>, key: Hash, now: Timestamp) -> Hash {
    if windows.len() >= MAX_WINDOWS && !windows.contains_key(&key) {
        windows.retain(|_, window| !window.is_of_no_use(now));
    }
    let is_full = windows.len() >= MAX_WINDOWS && !windows.contains_key(&key);
    let key = if is_full { Hash::of("shared") } else { key };
    let window = windows.entry(key).or_insert(Window { start: now, failures: 0, under_way: 0, proven: None });
    if window.is_over(now) {
        (window.start, window.failures) = (now, 0);
    }
    key
}

/// An IPv6 address stands for its /64, which one sender has whole.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

fn refused(seconds: u64, why: &str) -> OAuthError {
    OAuthError::new(ErrorCode::RateLimited, format!("{why}; try again in {seconds} seconds")).with_retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9)));

    fn fail(limit: &FailureLimit, client: &str, address: Option<IpAddr>, now: Timestamp) -> bool {
        let failed: Result<(), _> = Err(OAuthError::new(ErrorCode::InvalidClient, "wrong"));
        limit.begin(client, address, now).map(|attempt| attempt.end(&failed)).is_ok()
    }

    fn succeed(limit: &FailureLimit, client: &str, address: Option<IpAddr>, now: Timestamp) -> bool {
        limit.begin(client, address, now).map(|attempt| attempt.end(&Ok(()))).is_ok()
    }

    #[test]
    fn failures_are_limited_for_the_client_and_address_that_had_them_until_the_minute_is_over() {
        let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
        let elsewhere = Some("198.51.100.1".parse().expect("an address"));
        assert!((0..100).all(|_| fail(&limit, "till", HERE, now)));
        assert!(!fail(&limit, "till", HERE, now) && !succeed(&limit, "till", HERE, now));
        assert!(succeed(&limit, "till", elsewhere, now), "a stranger's failures are not the client's");
        assert!(succeed(&limit, "kiosk", HERE, now), "another client at the same address");
        assert!(succeed(&limit, "till", HERE, now.plus_seconds(60)));
    }

    #[test]
    fn successes_are_never_counted() {
        let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
        assert!((0..5000).all(|_| succeed(&limit, "till", HERE, now)));
        assert!((0..100).all(|_| fail(&limit, "till", HERE, now)));
    }

    #[test]
    fn an_address_that_nobody_proved_is_limited_over_all_clients() {
        let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
        assert!((0..500).all(|n| fail(&limit, &format!("client-{n}"), HERE, now)));
        assert!(!succeed(&limit, "till", HERE, now));
        let shop = Some("198.51.100.1".parse().expect("an address"));
        assert!(succeed(&limit, "till", shop, now));
        assert!((0..600).all(|n| fail(&limit, &format!("client-{n}"), shop, now)), "a shop is one address");
        let later = now.plus_seconds(601);
        assert!((0..500).all(|n| fail(&limit, &format!("client-{n}"), shop, later)));
        assert!(!fail(&limit, "till", shop, later), "it was proven too long ago");
    }

    #[test]
    fn what_is_under_way_at_once_is_bounded_and_given_back() {
        let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
        let under_way: Vec<_> = (0..512).map(|_| limit.begin("till", HERE, now).expect("room")).collect();
        assert!(limit.begin("till", HERE, now).is_err());
        drop(under_way);
        assert!(succeed(&limit, "till", HERE, now), "a request that broke off is no failure");
    }

    #[test]
    fn a_client_behind_a_proxy_that_names_nobody_is_not_soon_locked_out_by_strangers() {
        let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
        assert!((0..3000).all(|_| fail(&limit, "till", None, now)));
        assert!(!fail(&limit, "till", None, now), "and still it is bounded");
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_one_sender() {
        let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
        let address = |text: &str| Some(text.parse().expect("an address"));
        assert!((0..100).all(|n| fail(&limit, "till", address(&format!("2001:db8::{n:x}")), now)));
        assert!(!fail(&limit, "till", address("2001:db8::ffff:1"), now));
        assert!(fail(&limit, "till", address("2001:db8:0:1::1"), now));
    }

    #[test]
    fn memory_is_bounded_whatever_names_are_tried() {
        let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
        for n in 0..30_000 {
            fail(&limit, &format!("client-{n}"), None, now);
        }
        assert!(limit.windows().len() <= MAX_WINDOWS + 1);
        assert!(fail(&limit, "new", None, now.plus_seconds(60)), "windows that are over make room");
        assert!(limit.windows().len() < 10);
    }
}
