//! Admission: which connections there are, whom a new one displaces, and what strangers occupy together.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_gateway::KeyOwner;
use countersign_protocol::discovery::Mode;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::body_room::BodyRooms;
use super::closed::Closed;
use super::connection::Connection;
use super::limits::{ConnectionLimits, RESPONSE_UNTAKEN};
use super::response_room::ResponseRoom;
use super::standing::Standing;
use crate::config::TrustedProxies;
use crate::metrics::Metrics;

/// Connections looked at for one that may be displaced, oldest first. Bounds what an attempt costs where there is no room.
const LOOKED_AT: usize = 1024;

/// The server's connections.
pub(super) struct Admission {
    limits: ConnectionLimits,
    proxies: TrustedProxies,
    mode: Mode,
    metrics: Arc<Metrics>,
    registry: Mutex<Registry>,
    /// Signalled when the last connection ended.
    none_left: Notify,
    unproven_bodies: Arc<Semaphore>,
    proven_bodies: Arc<Semaphore>,
    unproven_responses: Arc<ResponseRoom>,
    proven_responses: Arc<ResponseRoom>,
}

/// The rooms for what is in memory of a connection's requests.
pub(super) struct Rooms {
    pub(super) bodies: BodyRooms,
    pub(super) responses: Vec<Arc<ResponseRoom>>,
}

#[derive(Default)]
struct Registry {
    next_id: u64,
    all: BTreeMap<u64, Arc<Connection>>,
    /// Those of strangers and guests that were not displaced.
    unproven: BTreeMap<u64, Arc<Connection>>,
    addresses: HashMap<IpAddr, Occupied>,
    owners: HashMap<KeyOwner, OfOwner>,
    awaited_bodies: usize,
    is_closing: bool,
}

/// What unproven connections of one address occupy.
struct Occupied {
    connections: usize,
    awaited_bodies: usize,
    bodies: Arc<Semaphore>,
    responses: Arc<ResponseRoom>,
}

/// What connections of one owner of a key occupy.
struct OfOwner {
    /// Those that were not displaced.
    connections: BTreeMap<u64, Arc<Connection>>,
    bodies: Arc<Semaphore>,
    responses: Arc<ResponseRoom>,
}

impl Admission {
    pub(super) fn new(
        limits: ConnectionLimits,
        proxies: TrustedProxies,
        mode: Mode,
        metrics: Arc<Metrics>,
    ) -> Arc<Admission> {
        let unproven_bodies = Arc::new(Semaphore::new(limits.unproven_body_bytes));
        let proven_bodies = Arc::new(Semaphore::new(limits.proven_body_bytes));
        let unproven_responses = ResponseRoom::new(limits.unproven_response_bytes);
        let proven_responses = ResponseRoom::new(limits.proven_response_bytes);
        Arc::new(Admission {
            limits,
            proxies,
            mode,
            metrics,
            registry: Mutex::default(),
            none_left: Notify::new(),
            unproven_bodies,
            proven_bodies,
            unproven_responses,
            proven_responses,
        })
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a connection from this address; where a bound is reached, the oldest that may be displaced makes room. `None`: there is
    /// no room.
    pub(super) fn admit(self: &Arc<Admission>, from: IpAddr) -> Option<Admitted> {
        let from = from.to_canonical();
        let is_proxy = self.proxies.trusts(from);
        let counted_by = self.proxies.counted_network(from, self.mode);
        let mut registry = self.registry();
        if registry.is_closing || !self.make_room(&mut registry, counted_by, is_proxy) {
            self.metrics.connection_closed(Closed::Refused.name());
            return None;
        }
        let id = registry.next_id;
        registry.next_id += 1;
        // A trusted proxy's connections carry the requests of others, and it defends itself.
        let standing = if is_proxy { Standing::Known } else { Standing::Stranger };
        let rooms = self.rooms(&mut registry, standing, counted_by, None);
        let connection = Arc::new(Connection::new(id, counted_by, standing, rooms, self.clone()));
        registry.all.insert(id, connection.clone());
        if !is_proxy {
            registry.unproven.insert(id, connection.clone());
            if let Some(address) = counted_by {
                self.occupied_by(&mut registry, address).connections += 1;
            }
        }
        self.count(&registry);
        Some(Admitted { connection })
    }

    fn occupied_by<'r>(&self, registry: &'r mut Registry, address: IpAddr) -> &'r mut Occupied {
        registry.addresses.entry(address).or_insert_with(|| {
            let bodies = Arc::new(Semaphore::new(self.limits.body_bytes_of_one(Standing::Stranger)));
            let responses = ResponseRoom::new(self.limits.response_bytes_of_one(Standing::Stranger));
            Occupied { connections: 0, awaited_bodies: 0, bodies, responses }
        })
    }

    /// The rooms of a connection.
    fn rooms(
        &self,
        registry: &mut Registry,
        standing: Standing,
        counted_by: Option<IpAddr>,
        of_owner: Option<(Arc<Semaphore>, Arc<ResponseRoom>)>,
    ) -> Rooms {
        let (bodies, responses) = match standing {
            Standing::Known => (&self.proven_bodies, &self.proven_responses),
            Standing::Stranger | Standing::Guest => (&self.unproven_bodies, &self.unproven_responses),
        };
        let of_address = counted_by.filter(|_| standing != Standing::Known).map(|address| {
            let occupied = self.occupied_by(registry, address);
            (occupied.bodies.clone(), occupied.responses.clone())
        });
        let of_connection = Arc::new(Semaphore::new(self.limits.body_bytes_per_connection));
        let (of_ones, responses_of_ones): (Vec<_>, Vec<_>) = of_address.into_iter().chain(of_owner).unzip();
        Rooms {
            bodies: BodyRooms::new([bodies.clone(), of_connection].into_iter().chain(of_ones)),
            responses: [responses.clone()].into_iter().chain(responses_of_ones).collect(),
        }
    }

    /// More bytes of responses wait to be taken than may, of all or of whom this connection counts for: the connections end that have
    /// waited longest, of whoever has too much. Where it is all together, those that have waited for more than a second.
    pub(super) fn too_much_waits(&self, connection: &Connection) {
        let mut registry = self.registry();
        if let Some(owner) = connection.owner() {
            while let Some(of_owner) = registry.owners.get(&owner).filter(|of_owner| of_owner.responses.is_over()) {
                let Some(found) = longest_waiting(of_owner.connections.values(), None) else { break };
                registry.displace(&found);
            }
        }
        if let Some(address) = connection.counted_by {
            while registry.addresses.get(&address).is_some_and(|occupied| occupied.responses.is_over()) {
                let of_address = registry.unproven.values().filter(|one| one.counted_by == Some(address));
                let Some(found) = longest_waiting(of_address, None) else { break };
                registry.displace(&found);
            }
        }
        while self.unproven_responses.is_over() {
            let Some(found) = longest_waiting(registry.unproven.values(), Some(RESPONSE_UNTAKEN)) else { break };
            registry.displace(&found);
        }
        while self.proven_responses.is_over() {
            let known = registry.all.values().filter(|one| one.is_known());
            let Some(found) = longest_waiting(known, Some(RESPONSE_UNTAKEN)) else { break };
            registry.displace(&found);
        }
    }

    /// Whether there is room for one more, after displacing others where a bound is reached.
    fn make_room(&self, registry: &mut Registry, counted_by: Option<IpAddr>, is_proxy: bool) -> bool {
        let of_address = counted_by.and_then(|address| registry.addresses.get(&address));
        if of_address.is_some_and(|occupied| occupied.connections >= self.limits.unproven_per_address)
            && !self.displace_one(registry, counted_by)
        {
            return false;
        }
        if !is_proxy && registry.unproven.len() >= self.limits.unproven && !self.displace_one(registry, None) {
            return false;
        }
        registry.all.len() < self.limits.connections
            || self.displace_one(registry, None)
            || self.displace_idle(registry)
    }

    /// Ends the oldest unproven connection (of this address, if one is given) that may be displaced; where there is none, the oldest
    /// of those that had their time.
    fn displace_one(&self, registry: &mut Registry, of: Option<IpAddr>) -> bool {
        let now = Instant::now();
        let candidates =
            || registry.unproven.values().filter(|one| of.is_none() || one.counted_by == of).take(LOOKED_AT);
        let found = candidates().find(|one| one.may_be_displaced(now));
        let found = found.or_else(|| candidates().find(|one| one.had_its_time(now))).cloned();
        let Some(found) = found else { return false };
        registry.displace(&found);
        true
    }

    /// Ends the oldest connection without an open request, whatever it proved: its owner comes again when there is one.
    fn displace_idle(&self, registry: &mut Registry) -> bool {
        let found = registry.all.values().take(LOOKED_AT).find(|one| one.is_idle()).cloned();
        let Some(found) = found else { return false };
        registry.displace(&found);
        true
    }

    /// Ends the oldest unproven connection, because the system has no descriptor left.
    pub(super) fn free_a_descriptor(&self) {
        self.displace_one(&mut self.registry(), None);
    }

    /// A key of this owner was proven on the connection. A known owner's no longer counts among strangers. Where the owner has more
    /// connections than their share, their oldest ends, first of those without an open request.
    pub(super) fn key_proven(&self, connection: &Connection, owner: &KeyOwner, standing: Standing) {
        let mut registry = self.registry();
        let connection = registry.all.get(&connection.id).filter(|found| !found.is_displaced()).cloned();
        let Some(connection) = connection else { return };
        registry.forget_owner(&connection);
        if standing == Standing::Known {
            registry.forget_unproven(&connection);
        }
        let of_owner = registry.owners.entry(owner.clone()).or_insert_with(|| OfOwner {
            connections: BTreeMap::new(),
            bodies: Arc::new(Semaphore::new(self.limits.body_bytes_of_one(standing))),
            responses: ResponseRoom::new(self.limits.response_bytes_of_one(standing)),
        });
        let excess =
            (of_owner.connections.len() + 1).saturating_sub(self.limits.connections_of(owner, standing).max(1));
        let oldest = || of_owner.connections.values().take(LOOKED_AT);
        let displaced = (excess > 0).then(|| oldest().find(|one| one.is_idle()).or_else(|| oldest().next()).cloned());
        of_owner.connections.insert(connection.id, connection.clone());
        let of_owner = (of_owner.bodies.clone(), of_owner.responses.clone());
        let rooms = self.rooms(&mut registry, standing, connection.counted_by, Some(of_owner));
        connection.belongs_to(owner.clone(), rooms);
        if let Some(displaced) = displaced.flatten() {
            registry.displace(&displaced);
        }
        self.count(&registry);
    }

    /// A place for a request whose body has not come whole. `None`: too many are awaited already.
    pub(super) fn await_body(self: &Arc<Admission>, connection: &Arc<Connection>) -> Option<AwaitedBody> {
        if connection.is_known() {
            return Some(AwaitedBody { admission: self.clone(), counted: None });
        }
        let mut registry = self.registry();
        let address = connection.counted_by;
        let of_address = address.and_then(|address| registry.addresses.get(&address));
        let is_full = registry.awaited_bodies >= self.limits.awaited_bodies
            || of_address.is_some_and(|occupied| occupied.awaited_bodies >= self.limits.awaited_bodies_per_address);
        if is_full {
            return None;
        }
        registry.awaited_bodies += 1;
        if let Some(address) = address {
            self.occupied_by(&mut registry, address).awaited_bodies += 1;
        }
        Some(AwaitedBody { admission: self.clone(), counted: Some(address) })
    }

    /// Admits no more, and asks every connection to end when its requests have their responses.
    pub(super) fn close(&self) {
        let mut registry = self.registry();
        registry.is_closing = true;
        registry.all.values().for_each(|connection| connection.close(None));
    }

    /// Waits until the last connection ended.
    pub(super) async fn drained(&self) {
        loop {
            let ended = self.none_left.notified();
            if self.registry().all.is_empty() {
                return;
            }
            ended.await;
        }
    }

    /// Counts a connection that this side ended.
    pub(super) fn closed(&self, reason: Closed) {
        self.metrics.connection_closed(reason.name());
    }

    fn count(&self, registry: &Registry) {
        self.metrics.connections(registry.all.len(), registry.unproven.len());
    }

    /// Connections in all and unproven ones, bodies awaited of strangers, and bytes left for their bodies.
    #[cfg(test)]
    pub(super) fn occupied(&self) -> (usize, usize, usize, usize) {
        let registry = self.registry();
        let left = self.unproven_bodies.available_permits();
        (registry.all.len(), registry.unproven.len(), registry.awaited_bodies, left)
    }
}

/// Of the first of these connections, the one whose response has waited longest, and longer than this.
fn longest_waiting<'c>(
    connections: impl Iterator<Item = &'c Arc<Connection>>,
    longer_than: Option<Duration>,
) -> Option<Arc<Connection>> {
    let now = Instant::now();
    let waiting = connections.take(LOOKED_AT).filter_map(|one| Some((one.waits_since()?, one)));
    let long = waiting.filter(|(since, _)| longer_than.is_none_or(|least| now.duration_since(*since) > least));
    long.min_by_key(|(since, _)| *since).map(|(_, one)| one.clone())
}

impl Registry {
    /// Ends a connection for others, or for what its owner has too much.
    fn displace(&mut self, connection: &Connection) {
        self.forget(connection);
        connection.displace();
    }

    /// It takes no room any more.
    fn forget(&mut self, connection: &Connection) {
        self.forget_unproven(connection);
        self.forget_owner(connection);
    }

    fn forget_owner(&mut self, connection: &Connection) {
        let Some(owner) = connection.owner() else { return };
        let Some(of_owner) = self.owners.get_mut(&owner) else { return };
        of_owner.connections.remove(&connection.id);
        if of_owner.connections.is_empty() {
            self.owners.remove(&owner);
        }
    }

    fn forget_unproven(&mut self, connection: &Connection) {
        if self.unproven.remove(&connection.id).is_some() {
            self.release(connection.counted_by, |occupied| occupied.connections -= 1);
        }
    }

    fn release(&mut self, address: Option<IpAddr>, change: impl FnOnce(&mut Occupied)) {
        let Some(address) = address else { return };
        let Some(occupied) = self.addresses.get_mut(&address) else { return };
        change(occupied);
        if occupied.connections == 0 && occupied.awaited_bodies == 0 {
            self.addresses.remove(&address);
        }
    }
}

/// A connection that was admitted; dropping it gives its place back.
pub(super) struct Admitted {
    pub(super) connection: Arc<Connection>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let admission = self.connection.admission();
        let mut registry = admission.registry();
        registry.forget(&self.connection);
        registry.all.remove(&self.connection.id);
        admission.count(&registry);
        if registry.all.is_empty() {
            admission.none_left.notify_waiters();
        }
    }
}

/// A request whose body is awaited; dropping it gives its place back.
pub(super) struct AwaitedBody {
    admission: Arc<Admission>,
    /// The address it is counted by, if it is counted.
    counted: Option<Option<IpAddr>>,
}

impl Drop for AwaitedBody {
    fn drop(&mut self) {
        if let Some(address) = self.counted {
            let mut registry = self.admission.registry();
            registry.awaited_bodies -= 1;
            registry.release(address, |occupied| occupied.awaited_bodies -= 1);
        }
    }
}
