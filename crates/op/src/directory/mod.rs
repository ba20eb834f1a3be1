//! Lookup of clients and users: the configuration file first, then the store, to which commands and registration add. Rows are
//! read for each request, so that a change takes effect with the next one, in every process.

mod configured_clients;
mod user_identifier;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_jose::clock::Timestamp;
use countersign_store::{Error as StoreError, Snapshot, Store};

pub(crate) use configured_clients::ConfiguredClients;
pub(crate) use user_identifier::UserIdentifier;

use crate::config::{Client, ClientKeys, Config, User, client_entry, folded, user_entry};
use crate::store::directory_entries::{self as rows, ClientRow, UserRow};

/// Clients whose entries are kept as they were read, at most; beyond that all are read anew.
const CACHED_CLIENTS: usize = 10_000;

/// Parsed entries of clients in the store.
#[derive(Default)]
struct ClientCache {
    by_id: Mutex<HashMap<String, CachedClient>>,
}

/// A parsed client, valid as long as its row is unchanged.
struct CachedClient {
    entry: String,
    secret: Option<[u8; 32]>,
    client: Arc<Client>,
}

impl ClientCache {
    fn read(&self, row: &ClientRow, config: &Config) -> Option<Arc<Client>> {
        let secret = row.secret.as_ref().map(|secret| *secret.parts().1);
        let mut kept = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.get(&row.client_id)
            && found.entry == row.entry
            && found.secret == secret
        {
            return Some(found.client.clone());
        }
        let client = match client_entry(&row.entry, row.secret.as_ref(), config) {
            Ok(client) => Arc::new(Client { is_self_registered: row.registered, ..client }),
            Err(errors) => {
                // It was valid when it was added: the configuration changed since.
                let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
                tracing::warn!(
                    client_id = row.client_id,
                    errors = errors.join("; "),
                    "a stored client is no longer valid under this configuration; its requests are refused"
                );
                return None;
            }
        };
        if let Some(ClientKeys::Set(set)) = &client.keys
            && let Some(unusable) = set.unusable()
        {
            tracing::warn!(client_id = row.client_id, keys = unusable, "keys of a stored client can't be used");
        }
        if kept.len() >= CACHED_CLIENTS {
            kept.clear();
        }
        let found = CachedClient { entry: row.entry.clone(), secret, client: client.clone() };
        kept.insert(row.client_id.clone(), found);
        Some(client)
    }
}

/// Finds clients and users in the configuration file, then in the store.
pub(crate) struct Directory {
    config: Arc<Config>,
    store: Store,
    clients: ConfiguredClients,
    cache: ClientCache,
}

impl Directory {
    pub(crate) fn new(config: Arc<Config>, store: Store, clients: ConfiguredClients) -> Directory {
        Directory { config, store, clients, cache: ClientCache::default() }
    }

    /// The clients in the configuration file.
    pub(crate) fn configured_clients(&self) -> &ConfiguredClients {
        &self.clients
    }

    /// The client with this id, in the file or in the store.
    pub(crate) async fn find_client(self: &Arc<Self>, client_id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        if let Some(client) = self.clients.get(client_id) {
            return Ok(Some(client.clone()));
        }
        let (inner, client_id) = (self.clone(), client_id.to_owned());
        self.store.read(move |snapshot| inner.client_in(snapshot, &client_id)).await
    }

    /// As [`Directory::find_client`], inside a transaction.
    pub(crate) fn client_in(
        &self,
        snapshot: &Snapshot<'_>,
        client_id: &str,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        if let Some(client) = self.clients.get(client_id) {
            return Ok(Some(client.clone()));
        }
        Ok(rows::client(snapshot, client_id)?.and_then(|row| self.stored_client(&row)))
    }

    /// A client from its row; `None` if its entry is no longer valid.
    pub(crate) fn stored_client(&self, row: &ClientRow) -> Option<Arc<Client>> {
        self.cache.read(row, &self.config)
    }

    /// The user with this identifier. One in the configuration file is found without a read of the store, so that a lock set by a
    /// command does not show here: the transaction that creates the request checks it.
    pub(crate) async fn find_user(self: &Arc<Self>, named: &UserIdentifier) -> Result<Option<Arc<User>>, StoreError> {
        let in_file = match named {
            UserIdentifier::Name(name) => self.config.users.by_login_hint(name),
            UserIdentifier::Subject(sub) => self.config.users.by_sub(sub),
        };
        if let Some(user) = in_file {
            return Ok(Some(user.clone()));
        }
        let (inner, named) = (self.clone(), named.clone());
        let found = self.store.read(move |snapshot| match &named {
            UserIdentifier::Name(name) => inner.user_named_in(snapshot, name),
            UserIdentifier::Subject(sub) => inner.user_in(snapshot, sub),
        });
        found.await
    }

    /// As [`Directory::find_user`], at the same cost whether or not there is such a user, and wherever: see
    /// [`Directory::user_evenly_in`].
    pub(crate) async fn find_user_evenly(
        self: &Arc<Self>,
        named: &UserIdentifier,
    ) -> Result<Option<Arc<User>>, StoreError> {
        let (inner, named) = (self.clone(), named.clone());
        self.store.read(move |snapshot| inner.user_evenly_in(snapshot, &named)).await
    }

    /// The user with this identifier, with a lock set by a command, for clients that must not learn who exists: always three
    /// reads and one entry to parse.
    pub(crate) fn user_evenly_in(
        &self,
        snapshot: &Snapshot<'_>,
        named: &UserIdentifier,
    ) -> Result<Option<Arc<User>>, StoreError> {
        let name = named.as_str();
        let by_sub = rows::user(snapshot, name)?;
        let by_hint = rows::user_named(snapshot, &folded(name))?;
        let (in_file, stored) = match named {
            UserIdentifier::Name(_) => (self.config.users.by_login_hint(name), by_sub.or(by_hint)),
            UserIdentifier::Subject(_) => (self.config.users.by_sub(name), by_sub),
        };
        let is_stored = stored.is_some();
        let stored = read_user(&stored.unwrap_or_else(nobodys_row)).filter(|_| is_stored);
        let found = in_file.cloned().or(stored);
        let is_locked = rows::is_locked(snapshot, found.as_ref().map_or(name, |user| user.sub.as_str()))?;
        Ok(found.map(|user| if is_locked { locked(&user) } else { user }))
    }

    /// The user with this subject or hint.
    pub(crate) fn user_named_in(&self, snapshot: &Snapshot<'_>, name: &str) -> Result<Option<Arc<User>>, StoreError> {
        let found = match self.config.users.by_login_hint(name) {
            Some(user) => Some(user.clone()),
            None => match rows::user(snapshot, name)? {
                Some(row) => read_user(&row),
                None => rows::user_named(snapshot, &folded(name))?.and_then(|row| read_user(&row)),
            },
        };
        with_lock(snapshot, found)
    }

    /// The user with this subject, byte for byte.
    pub(crate) fn user_in(&self, snapshot: &Snapshot<'_>, sub: &str) -> Result<Option<Arc<User>>, StoreError> {
        let found = match self.config.users.by_sub(sub) {
            Some(user) => Some(user.clone()),
            None => rows::user(snapshot, sub)?.and_then(|row| read_user(&row)),
        };
        with_lock(snapshot, found)
    }
}

/// An entry like any user's, to be parsed where there is none.
fn nobodys_row() -> UserRow {
    let entry = "[[users]]\nsub = \"nobody\"\nname = \"Nobody\"\nhints = [\"nobody@example.com\"]\n".to_owned();
    UserRow { sub: "nobody".to_owned(), entry, added_at: Timestamp::from_seconds(0) }
}

fn locked(user: &User) -> Arc<User> {
    Arc::new(User { locked: true, ..user.clone() })
}

fn read_user(row: &UserRow) -> Option<Arc<User>> {
    user_entry(&row.entry).inspect_err(|_| tracing::warn!(sub = row.sub, "a stored user's entry can't be read")).ok()
}

/// Applies a lock set by a command, which overrides the entry.
fn with_lock(snapshot: &Snapshot<'_>, found: Option<Arc<User>>) -> Result<Option<Arc<User>>, StoreError> {
    match found {
        Some(user) if !user.locked && rows::is_locked(snapshot, user.sub.as_str())? => Ok(Some(locked(&user))),
        found => Ok(found),
    }
}
