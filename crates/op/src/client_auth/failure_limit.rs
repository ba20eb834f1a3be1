//! Limit of failed client authentications: for each client at an address, and for each address over all clients. Held in memory;
//! a restart resets it.
//!
//! A failed one may cost a signature's verification, and anybody can send it. Successful ones are never counted, so that a limit
//! bounds what guesses and forgeries cost, and not how much a client may ask. By client and address, for a stranger must not use
//! up what the client itself may get wrong; and not by address alone, for a shop or a proxy is one address. A client that does not
//! exist has no window of its own: nothing is verified for it, and invented ids must not push out the windows of clients that do.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;

use crate::config::Client;
use crate::http::{ErrorCode, OAuthError};

/// A window, in milliseconds.
const MINUTE: u64 = 60_000;

/// Failures of one client from one address in a minute.
const PER_CLIENT: u32 = 100;

/// The same where the sender's address is not known, as behind a proxy that names none: what a stranger does there must not soon
/// lock the client out.
const PER_CLIENT_OF_MANY: u32 = 3000;

/// Failures from one address in a minute, whatever the client, while it is not proven.
const PER_ADDRESS: u32 = 500;

/// Authentications of one client from one address under way at once: what can fail before its failure is counted.
const UNDER_WAY: usize = 512;

/// How long a successful authentication exempts from [`PER_ADDRESS`], in milliseconds.
const PROVEN: u64 = 10 * MINUTE;

/// Windows held at most of each kind. Beyond it the oldest makes room: whoever has that many addresses has that many windows anyway.
const MAX_WINDOWS: usize = 20_000;

/// Windows of no more use that each new one may clear away.
const CLEARED_AT_ONCE: usize = 8;

/// Failed authentications by client and address.
#[derive(Default)]
pub(crate) struct FailureLimit {
    windows: Mutex<AllWindows>,
}

#[derive(Default)]
struct AllWindows {
    /// By client and network, and only of clients that exist.
    clients: Windows<Hash>,
    addresses: Windows<IpAddr>,
}

/// A client that exists.
#[derive(Clone, Copy)]
pub(crate) struct KnownClient<'c> {
    client_id: &'c str,
    /// Anybody can register a client and authenticate as it: that proves nothing about other senders at its address.
    is_self_registered: bool,
}

impl<'c> From<&'c Client> for KnownClient<'c> {
    fn from(client: &'c Client) -> KnownClient<'c> {
        KnownClient { client_id: &client.client_id, is_self_registered: client.is_self_registered }
    }
}

/// An authentication under way. Whoever began it ends it, whether or not the request still waits for it.
pub(crate) struct Attempt<'l> {
    limit: &'l FailureLimit,
    client: Option<ClientAttempt>,
    network: Option<IpAddr>,
    now: Timestamp,
}

struct ClientAttempt {
    window: Hash,
    is_self_registered: bool,
    /// Counts it as under way.
    _under_way: Arc<()>,
}

impl FailureLimit {
    /// Whether an authentication as this client is within the limits, before anything is looked up for it; remembers nothing of
    /// it. `network` is the sender's where it counts of itself (`TrustedProxies::counted_network`).
    ///
    /// # Errors
    /// `rate_limited` with the seconds until the next window.
    pub(crate) fn check(&self, client_id: &str, network: Option<IpAddr>, now: Timestamp) -> Result<(), OAuthError> {
        self.windows().check(&client_window(client_id, network), network, now)
    }

    /// Begins an authentication as this client, or as one that does not exist.
    ///
    /// # Errors
    /// As [`FailureLimit::check`].
    pub(crate) fn begin(
        &self,
        client: Option<KnownClient<'_>>,
        network: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Attempt<'_>, OAuthError> {
        let Some(client) = client else { return Ok(Attempt { limit: self, client: None, network, now }) };
        let KnownClient { client_id, is_self_registered } = client;
        let key = client_window(client_id, network);
        let mut windows = self.windows();
        windows.check(&key, network, now)?;
        let under_way = windows.clients.enter(key, now).under_way.clone();
        let client = ClientAttempt { window: key, is_self_registered, _under_way: under_way };
        Ok(Attempt { limit: self, client: Some(client), network, now })
    }

    fn windows(&self) -> MutexGuard<'_, AllWindows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// Ends the authentication: a success is remembered, a failure by the sender is counted, one of this provider is neither.
    pub(crate) fn end<T>(self, result: &Result<T, OAuthError>) {
        let mut windows = self.limit.windows();
        match result {
            Ok(_) => {
                let Some(client) = &self.client else { return };
                windows.clients.enter(client.window, self.now).proven = Some(self.now);
                if let Some(network) = self.network.filter(|_| !client.is_self_registered) {
                    windows.addresses.enter(network, self.now).proven = Some(self.now);
                }
            }
            Err(error) if error.code == ErrorCode::InvalidClient => {
                if let Some(client) = &self.client {
                    windows.clients.enter(client.window, self.now).failures += 1;
                }
                if let Some(network) = self.network {
                    windows.addresses.enter(network, self.now).failures += 1;
                }
            }
            Err(_) => {}
        }
    }
}

impl AllWindows {
    fn check(&self, client: &Hash, network: Option<IpAddr>, now: Timestamp) -> Result<(), OAuthError> {
        let of_client = self.clients.by_key.get(client);
        let of_address = network.and_then(|network| self.addresses.by_key.get(&network));
        if let Some(address) = of_address.filter(|address| address.failures_by(now) >= PER_ADDRESS)
            && !address.is_proven(now)
            && !of_client.is_some_and(|client| client.is_proven(now))
        {
            return Err(refused(address.left(now), "too many failed client authentications from this address"));
        }
        let Some(client) = of_client else { return Ok(()) };
        let most = if network.is_some() { PER_CLIENT } else { PER_CLIENT_OF_MANY };
        if client.failures_by(now) >= most {
            return Err(refused(client.left(now), "too many failed authentications as this client"));
        }
        if client.count_under_way() >= UNDER_WAY {
            return Err(refused(1, "too many authentications of this client at once"));
        }
        Ok(())
    }
}

/// Windows of one kind by their key.
struct Windows<K> {
    by_key: HashMap<K, Window>,
    /// Keys in the order in which their current windows began.
    by_age: BTreeMap<u64, K>,
    next_age: u64,
}

struct Window {
    age: u64,
    start: Timestamp,
    failures: u32,
    /// When a client last authenticated.
    proven: Option<Timestamp>,
    /// One clone for each authentication under way.
    under_way: Arc<()>,
}

impl<K> Default for Windows<K> {
    fn default() -> Windows<K> {
        Windows { by_key: HashMap::new(), by_age: BTreeMap::new(), next_age: 0 }
    }
}

impl<K: Copy + Eq + std::hash::Hash> Windows<K> {
    /// The current window of this key.
    fn enter(&mut self, key: K, now: Timestamp) -> &mut Window {
        if self.by_key.get(&key).is_none_or(|window| window.is_over(now)) {
            self.begin(key, now);
        }
        self.by_key.get_mut(&key).expect("a window of this key is there or was just begun")
    }

    /// Begins a window. What was proven in the former one, and is under way, goes on.
    fn begin(&mut self, key: K, now: Timestamp) {
        let (proven, under_way) = match self.by_key.remove(&key) {
            Some(former) => {
                self.by_age.remove(&former.age);
                (former.proven, former.under_way)
            }
            None => {
                self.make_room(now);
                Default::default()
            }
        };
        let age = self.next_age;
        self.next_age += 1;
        self.by_age.insert(age, key);
        self.by_key.insert(key, Window { age, start: now, failures: 0, proven, under_way });
    }

    fn make_room(&mut self, now: Timestamp) {
        for _ in 0..CLEARED_AT_ONCE {
            let Some((age, key)) = self.by_age.first_key_value().map(|(age, key)| (*age, *key)) else { return };
            let is_of_use = self.by_key.get(&key).is_some_and(|window| window.is_of_use(now));
            if is_of_use && self.by_key.len() < MAX_WINDOWS {
                return;
            }
            self.by_age.remove(&age);
            self.by_key.remove(&key);
        }
    }
}

impl Window {
    fn failures_by(&self, now: Timestamp) -> u32 {
        if self.is_over(now) { 0 } else { self.failures }
    }

    fn is_proven(&self, now: Timestamp) -> bool {
        self.proven.is_some_and(|proven| now.millis_since(proven) < PROVEN)
    }

    fn count_under_way(&self) -> usize {
        Arc::strong_count(&self.under_way) - 1
    }

    /// Seconds until the next window.
    fn left(&self, now: Timestamp) -> u64 {
        MINUTE.saturating_sub(now.millis_since(self.start)).div_ceil(1000).max(1)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.millis_since(self.start) >= MINUTE
    }

    /// Whether something would be lost with it.
    fn is_of_use(&self, now: Timestamp) -> bool {
        !self.is_over(now) || self.count_under_way() > 0 || self.is_proven(now)
    }
}

/// The key of a client's window at a network.
fn client_window(client_id: &str, network: Option<IpAddr>) -> Hash {
    let network = network.map_or_else(String::new, |network| network.to_string());
    Hash::of_parts(&[client_id.as_bytes(), &[0], network.as_bytes()])
}

fn refused(seconds: u64, why: &str) -> OAuthError {
    OAuthError::new(ErrorCode::RateLimited, format!("{why}; try again in {seconds} seconds")).with_retry_after(seconds)
}

#[cfg(test)]
mod tests;
