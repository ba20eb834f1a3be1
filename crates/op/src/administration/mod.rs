//! Administration of clients and users while the provider runs: operator commands and dynamic registration.

mod error;

use std::sync::Arc;

use countersign_egress::{CallError, Egress};
use countersign_gateway::{Gateway, Ports};
use countersign_jose::clock::Timestamp;
use countersign_jose::jwt::SigningAlg;
use countersign_protocol::id::Subject;
use countersign_store::{Error as StoreError, Transaction};

pub use error::DirectoryError;

use crate::config::{
    Client, ClientAuth, ClientSecret, Config, HashedSecret, User, called_addresses, client_entry, folded,
    hashed_user_entry, user_entry,
};
use crate::directory::Directory;
use crate::issuance::token_signer::TokenSigner;
use crate::store::{self, Owner, directory_entries as rows};

/// A client as commands list it, without its secret.
#[derive(Debug, Clone)]
pub struct ClientRecord {
    /// Its `client_id`.
    pub client_id: String,
    /// Name that devices display.
    pub name: String,
    /// Whether its entry is in the configuration file.
    pub in_file: bool,
    /// Whether it registered itself (RFC 7591).
    pub registered: bool,
    /// When it was added; `None` for one in the file.
    pub added_at: Option<Timestamp>,
    /// Its entry as added, one `[[clients]]` table; `None` for one in the file.
    pub entry: Option<String>,
    /// `token_endpoint_auth_method`; `None`: a secret, by `client_secret_basic` or `client_secret_post`.
    pub auth_method: Option<&'static str>,
    /// `poll`, `ping` or `push`.
    pub delivery: &'static str,
    /// Whether the operator vouches for its name.
    pub verified: bool,
}

/// A user as commands list it.
#[derive(Debug, Clone)]
pub struct UserRecord {
    /// The entry, with the current `locked`.
    pub user: Arc<User>,
    /// Whether the entry is in the configuration file.
    pub in_file: bool,
    /// When the user was added; `None` for one in the file.
    pub added_at: Option<Timestamp>,
}

/// An added client, or a client's new secret. Has no `Debug`: the secret is in it, and nowhere else.
pub struct AddedClient {
    /// Its `client_id`.
    pub client_id: String,
    /// Its secret, if it authenticates by one.
    pub secret: Option<ClientSecret>,
}

/// Adds, changes and removes clients and users while the provider runs.
pub(crate) struct Administration {
    pub(crate) config: Arc<Config>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) gateway: Gateway,
    pub(crate) tokens: Arc<TokenSigner>,
    pub(crate) egress: Egress,
    pub(crate) ports: Ports,
}

impl Administration {
    /// All clients, those in the file first.
    ///
    /// # Errors
    /// The store's error.
    pub(crate) fn clients(&self) -> Result<Vec<ClientRecord>, DirectoryError> {
        let mut records: Vec<ClientRecord> =
            self.directory.configured_clients().iter().map(|client| record(client, None)).collect();
        records.sort_by(|one, other| one.client_id.cmp(&other.client_id));
        let stored = self.gateway.store().read_blocking(rows::clients)?;
        let in_file = |row: &rows::ClientRow| self.directory.configured_clients().get(&row.client_id).is_some();
        let read = stored.into_iter().filter(|row| !in_file(row)).filter_map(|row| {
            let client = self.directory.stored_client(&row)?;
            Some(record(&client, Some(row)))
        });
        records.extend(read);
        Ok(records)
    }

    /// Replaces a client's secret; the old one is invalid from this call on.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub(crate) async fn rotate_secret(&self, client_id: &str) -> Result<AddedClient, DirectoryError> {
        let client = self.removable_client(client_id)?;
        if let Some(method) = client.auth.method().filter(|_| !matches!(client.auth, ClientAuth::Secret { .. })) {
            return Err(DirectoryError::NoSecret { client_id: client_id.to_owned(), method });
        }
        let (secret, hashed) = self.new_secret();
        let id = client_id.to_owned();
        let changed = self.gateway.store().write(move |tx| rows::replace_secret(tx, &id, &hashed)).await;
        match changed.map_err(DirectoryError::Store)? {
            true => Ok(AddedClient { client_id: client_id.to_owned(), secret: Some(secret) }),
            false => Err(DirectoryError::Unknown { what: format!("client {client_id}") }),
        }
    }

    /// Removes a client and withdraws its pending requests. Returns their number.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub(crate) async fn remove_client(&self, client_id: &str) -> Result<usize, DirectoryError> {
        self.removable_client(client_id)?;
        let (id, now) = (client_id.to_owned(), self.ports.clock.now());
        let removed = self.gateway.store().write(move |tx| -> Result<(), DirectoryError> {
            rows::remove_client(tx, &id)?;
            Ok(store::end_everything_of(tx, Owner::Client(&id), now)?)
        });
        removed.await?;
        let id = client_id.to_owned();
        let pending = self.gateway.store().read_slow(move |snapshot| store::pending_of_client(snapshot, &id, now));
        Ok(self.gateway.withdraw_all(pending.await?).await?)
    }

    /// Adds a user: `entry` is TOML, one `[[users]]` table.
    ///
    /// # Errors
    /// [`DirectoryError::Entry`] with every error, [`DirectoryError::Taken`], or the store's error.
    pub(crate) async fn add_user(&self, entry: &str) -> Result<Arc<User>, DirectoryError> {
        let user = user_entry(entry).map_err(DirectoryError::Entry)?;
        let there =
            self.gateway.store().read_blocking(|snapshot| self.directory.user_in(snapshot, user.sub.as_str()))?;
        if there.is_some() {
            return Err(DirectoryError::Taken { what: format!("user {}", user.sub.as_str()) });
        }
        self.put_user(entry.to_owned(), user).await
    }

    /// Replaces a user's entry, for example to add a hint.
    ///
    /// # Errors
    /// As [`Administration::add_user`]; [`DirectoryError::InFile`] for a user in the configuration file.
    pub(crate) async fn change_user(&self, entry: &str) -> Result<Arc<User>, DirectoryError> {
        let user = user_entry(entry).map_err(DirectoryError::Entry)?;
        self.changeable_user(user.sub.as_str())?;
        self.put_user(entry.to_owned(), user).await
    }

    /// All users, those in the file first.
    ///
    /// # Errors
    /// The store's error.
    pub(crate) fn users(&self) -> Result<Vec<UserRecord>, DirectoryError> {
        let in_file = self.config.users.iter().map(|user| (user.sub.as_str().to_owned(), true, None));
        let stored = self.gateway.store().read_blocking(rows::users)?;
        let stored = stored.into_iter().map(|row| (row.sub, false, Some(row.added_at)));
        let mut records = Vec::new();
        for (sub, in_file, added_at) in in_file.chain(stored) {
            // A user in both is listed once, as in the file.
            let known = records.iter().any(|record: &UserRecord| record.user.sub.as_str() == sub);
            let person = self.gateway.store().read_blocking(|snapshot| self.directory.user_in(snapshot, &sub))?;
            if let Some(user) = person.filter(|_| !known) {
                records.push(UserRecord { user, in_file, added_at });
            }
        }
        Ok(records)
    }

    /// The user with this subject or hint.
    ///
    /// # Errors
    /// [`DirectoryError::Unknown`], or the store's error.
    pub(crate) fn user(&self, name: &str) -> Result<Arc<User>, DirectoryError> {
        let found = self.gateway.store().read_blocking(|snapshot| self.directory.user_named_in(snapshot, name))?;
        found.ok_or_else(|| DirectoryError::Unknown { what: format!("user {name}") })
    }

    /// The TOML entry of a user that was added by a command.
    ///
    /// # Errors
    /// [`DirectoryError::InFile`] or [`DirectoryError::Unknown`], or the store's error.
    pub(crate) fn stored_user_entry(&self, sub: &str) -> Result<String, DirectoryError> {
        self.changeable_user(sub)
    }

    /// Locks a user, in the file or in the store: new requests end as for an unknown user, pending ones are withdrawn,
    /// approvals already given yield no tokens, and tokens issued before are not active any more. All that is final: the end
    /// of the lock gives nothing back. It takes effect in one small write; devices are told afterwards, a few requests in
    /// each write. Returns the number of pending requests.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub(crate) async fn lock_user(&self, sub: &Subject) -> Result<usize, DirectoryError> {
        let (user, now) = (sub.clone(), self.ports.clock.now());
        let locked = self.gateway.store().write(move |tx| -> Result<(), DirectoryError> {
            rows::set_lock(tx, user.as_str(), Some(now))?;
            Ok(store::end_everything_of(tx, Owner::User(user.as_str()), now)?)
        });
        locked.await?;
        let user = sub.clone();
        let pending =
            self.gateway.store().read_slow(move |snapshot| store::pending_of_user(snapshot, user.as_str(), now));
        Ok(self.gateway.withdraw_all(pending.await?).await?)
    }

    /// Tells the devices of users in the configuration file the names that they have there now. Blocks the thread.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub(crate) fn relabel_configured_users(&self) -> Result<(), DirectoryError> {
        let renamed = self.gateway.store().read_blocking(|snapshot| {
            let mut renamed = Vec::new();
            for user in self.config.users.iter() {
                if !self.gateway.is_labelled(snapshot, &user.sub, &user.name)? {
                    renamed.push(user.clone());
                }
            }
            Ok(renamed)
        });
        for user in renamed? {
            let gateway = self.gateway.clone();
            self.gateway
                .store()
                .write_blocking(move |tx: &Transaction<'_>| gateway.relabel(tx, &user.sub, &user.name).map(drop))?;
        }
        Ok(())
    }

    /// Removes a lock that a command set. Returns whether there was one.
    ///
    /// # Errors
    /// The store's error.
    pub(crate) async fn unlock_user(&self, sub: &Subject) -> Result<bool, DirectoryError> {
        let sub = sub.clone();
        let changed = self.gateway.store().write(move |tx| rows::set_lock(tx, sub.as_str(), None));
        changed.await.map_err(DirectoryError::Store)
    }

    /// Removes a user, revokes their devices and withdraws pending requests. Returns the number of devices.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub(crate) async fn remove_user(&self, sub: &Subject) -> Result<usize, DirectoryError> {
        self.changeable_user(sub.as_str())?;
        self.lock_user(sub).await?;
        let mut revoked = 0;
        for device in self.gateway.devices(sub)? {
            let by = countersign_protocol::revocation::RevokedBy::Operator;
            if self.gateway.revoke_device(&device.id, by).await.map_err(|error| match error {
                countersign_gateway::RevokeError::Store(error) => DirectoryError::Store(error),
                other => DirectoryError::Unknown { what: format!("device {}: {other}", device.id.as_str()) },
            })? {
                revoked += 1;
            }
        }
        let sub = sub.clone();
        let removed = self.gateway.store().write(move |tx| -> Result<(), StoreError> {
            rows::remove_user(tx, sub.as_str())?;
            rows::set_lock(tx, sub.as_str(), None).map(drop)
        });
        removed.await.map_err(DirectoryError::Store)?;
        Ok(revoked)
    }
}

impl Administration {
    /// Adds a client; `registered` if it registered itself.
    pub(crate) async fn add_client(&self, entry: String, registered: bool) -> Result<AddedClient, DirectoryError> {
        let (secret, hashed) = self.new_secret();
        let client = client_entry(&entry, Some(&hashed), &self.config).map_err(DirectoryError::Entry)?;
        self.check_addresses(&client)?;
        let client_id = client.client_id.clone();
        let taken = || DirectoryError::Taken { what: format!("client {client_id}") };
        if self.directory.configured_clients().get(&client_id).is_some() {
            return Err(taken());
        }
        if client.id_token_alg != SigningAlg::Es256 {
            let (tokens, random, alg) = (self.tokens.clone(), self.ports.random.clone(), client.id_token_alg);
            let made = tokio::task::spawn_blocking(move || tokens.prepare(alg, &*random));
            made.await.map_err(|_| DirectoryError::KeyNotMade)??;
        }
        let has_secret = matches!(client.auth, ClientAuth::Secret { .. });
        let row = rows::ClientRow {
            client_id: client_id.clone(),
            entry,
            secret: has_secret.then_some(hashed),
            registered,
            added_at: self.ports.clock.now(),
        };
        match self.gateway.store().write(move |tx| rows::add_client(tx, &row)).await.map_err(DirectoryError::Store)? {
            true => Ok(AddedClient { client_id, secret: has_secret.then_some(secret) }),
            false => Err(taken()),
        }
    }

    /// Checks the addresses in a client's entry against the egress policy. Host names are resolved and checked at each call.
    fn check_addresses(&self, client: &Client) -> Result<(), DirectoryError> {
        for (member, url) in called_addresses(client) {
            let refused = |error: CallError| DirectoryError::OutOfReach { member, why: error.to_string() };
            self.egress.check(url).map_err(refused)?;
        }
        Ok(())
    }

    async fn put_user(&self, entry: String, user: Arc<User>) -> Result<Arc<User>, DirectoryError> {
        let sub = user.sub.as_str();
        let mut names: Vec<String> = user.hints.iter().map(|hint| folded(hint)).chain([folded(sub)]).collect();
        names.sort_unstable();
        names.dedup();
        if let Some(name) = names.iter().find(|name| self.config.users.by_login_hint(name).is_some()) {
            return Err(DirectoryError::Taken { what: format!("the name {name}") });
        }
        let entry = hashed_user_entry(entry, &user, &*self.ports.random);
        let row = rows::UserRow { sub: sub.to_owned(), entry, added_at: self.ports.clock.now() };
        let (gateway, named) = (self.gateway.clone(), user.clone());
        let put = self.gateway.store().write(move |tx| -> Result<(), DirectoryError> {
            gateway.relabel(tx, &named.sub, &named.name)?;
            rows::put_user(tx, &row, &names).map_err(|error| match error {
                rows::PutUserError::NameInUse(name) => DirectoryError::Taken { what: format!("the name {name}") },
                rows::PutUserError::Store(error) => DirectoryError::Store(error),
            })
        });
        put.await?;
        Ok(user)
    }

    /// A client that commands may change: one outside the configuration file.
    fn removable_client(&self, client_id: &str) -> Result<Arc<Client>, DirectoryError> {
        let what = format!("client {client_id}");
        if self.directory.configured_clients().get(client_id).is_some() {
            return Err(DirectoryError::InFile { what });
        }
        let found = self.gateway.store().read_blocking(|snapshot| self.directory.client_in(snapshot, client_id))?;
        found.ok_or(DirectoryError::Unknown { what })
    }

    /// The entry of a user that commands may change: one outside the configuration file.
    fn changeable_user(&self, sub: &str) -> Result<String, DirectoryError> {
        let what = format!("user {sub}");
        if self.config.users.by_sub(sub).is_some() {
            return Err(DirectoryError::InFile { what });
        }
        let row = self.gateway.store().read_blocking(|snapshot| rows::user(snapshot, sub))?;
        row.map(|row| row.entry).ok_or(DirectoryError::Unknown { what })
    }

    fn new_secret(&self) -> (ClientSecret, HashedSecret) {
        let secret = ClientSecret::random(&*self.ports.random);
        let hashed = secret.hashed(&*self.ports.random);
        (secret, hashed)
    }
}

fn record(client: &Client, row: Option<rows::ClientRow>) -> ClientRecord {
    ClientRecord {
        client_id: client.client_id.clone(),
        name: client.name.clone(),
        in_file: row.is_none(),
        registered: row.as_ref().is_some_and(|row| row.registered),
        added_at: row.as_ref().map(|row| row.added_at),
        entry: row.map(|row| row.entry),
        auth_method: client.auth.method(),
        delivery: client.delivery.as_str(),
        verified: client.verified,
    }
}
