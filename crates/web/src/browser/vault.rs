//! Vault port on IndexedDB: each change is one transaction, on the disk when its future returns.

use std::collections::BTreeSet;
use std::rc::Rc;

use countersign_device::account::{Account, AccountId};
use countersign_device::history::{Entry, Head};
use countersign_device::pin::PinGuard;
use countersign_device::ports::maybe_send::BoxFuture;
use countersign_device::ports::vault::{
    AccountSnapshot, ApprovedClient, Change, PendingEnrollment, RECENT_MS, REMEMBERED_SECONDS, RecentApproval, Stage,
    StoredChallenge, Vault, VaultError,
};
use countersign_jose::hash::Hash;
use countersign_protocol::id::ChallengeId;
use js_sys::Array;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{IdbCursorDirection, IdbCursorWithValue, IdbObjectStore};

use super::database::{Database, Transaction, failed, finished, key, of_account, result_of, stores};
use super::device_lock::DeviceLock;
use super::js;

/// Where the last position is kept, in the store of states.
const POSITION: &str = "position";

/// The vault of this origin. It holds the device's lock: nobody else writes while it lives.
pub(super) struct WebVault {
    database: Rc<Database>,
    _lock: Rc<DeviceLock>,
}

impl WebVault {
    pub(super) fn new(database: Rc<Database>, lock: Rc<DeviceLock>) -> WebVault {
        WebVault { database, _lock: lock }
    }

    async fn accounts(&self) -> Result<Vec<Account>, VaultError> {
        let reading = self.database.read(&[stores::ACCOUNTS])?;
        let all = result_of(reading.store(stores::ACCOUNTS)?.get_all()).await?;
        records("account", positioned(&all))
    }

    async fn load(&self, account: &AccountId) -> Result<AccountSnapshot, VaultError> {
        let id = account.as_str();
        let reading = self.database.read(&[
            stores::CHALLENGES,
            stores::OUTBOX,
            stores::HISTORY,
            stores::UNNUMBERED,
            stores::APPROVED_CLIENTS,
        ])?;
        let challenges = reading.store(stores::CHALLENGES)?;
        let open_index = challenges.index(stores::OPEN).map_err(failed)?;
        let open = result_of(open_index.get_all_with_key(&of_account(id)?)).await?;
        let known = known(&challenges, id).await?;
        let outbox = result_of(reading.store(stores::OUTBOX)?.get_all_with_key(&of_account(id)?)).await?;
        let unnumbered = result_of(reading.store(stores::UNNUMBERED)?.get_all_with_key(&of_account(id)?)).await?;
        let approved =
            result_of(reading.store(stores::APPROVED_CLIENTS)?.get_all_keys_with_key(&of_account(id)?)).await?;
        let (head, newest) = newest_entries(&reading.store(stores::HISTORY)?, id).await?;
        let mut recent = Vec::new();
        for entry in newest.iter().rev() {
            let Some(approved) = entry.body().what.approved() else { continue };
            let challenge = challenge(&challenges, id, approved).await?;
            recent.extend(challenge.map(|challenge| RecentApproval { challenge, at: entry.body().at }));
        }
        recent.retain(RecentApproval::counts);
        Ok(AccountSnapshot {
            open: records("challenge", positioned(&open))?,
            known,
            outbox: records("outbox", texts(&outbox))?,
            head,
            unnumbered: records("history", texts(&unnumbered))?,
            approved: approved_clients(&approved)?,
            recent,
        })
    }

    async fn apply(&self, account: &AccountId, changes: &[Change]) -> Result<(), VaultError> {
        let writing = self.database.write(&[
            stores::ACCOUNTS,
            stores::CHALLENGES,
            stores::OUTBOX,
            stores::HISTORY,
            stores::UNNUMBERED,
            stores::ENROLLMENTS,
            stores::APPROVED_CLIENTS,
            stores::STATE,
        ])?;
        for change in changes {
            make(&writing, account.as_str(), change).await?;
        }
        writing.complete().await
    }

    async fn challenges(&self, account: &AccountId) -> Result<Vec<StoredChallenge>, VaultError> {
        let reading = self.database.read(&[stores::CHALLENGES])?;
        let store = reading.store(stores::CHALLENGES)?;
        let all = result_of(store.get_all_with_key(&of_account(account.as_str())?)).await?;
        records("challenge", positioned(&all))
    }

    async fn history(&self, account: &AccountId) -> Result<Vec<Entry>, VaultError> {
        let reading = self.database.read(&[stores::HISTORY])?;
        let (store, range) = (reading.store(stores::HISTORY)?, of_account(account.as_str())?);
        let all = result_of(store.get_all_with_key(&range)).await?;
        let keys = result_of(store.get_all_keys_with_key(&range)).await?;
        let (all, keys) = (Array::from(&all), Array::from(&keys));
        let damaged = || VaultError::Damaged { what: "history" };
        all.iter()
            .zip(keys.iter())
            .map(|(text, key)| {
                let (seq, text) = (second_number(&key).ok_or_else(damaged)?, text.as_string().ok_or_else(damaged)?);
                Entry::read(seq, text).map_err(|_| damaged())
            })
            .collect()
    }

    /// The record of one key, if there is one.
    async fn one<T: DeserializeOwned>(
        &self,
        store: &str,
        key: &str,
        what: &'static str,
    ) -> Result<Option<T>, VaultError> {
        let reading = self.database.read(&[store])?;
        let found = result_of(reading.store(store)?.get(&JsValue::from_str(key))).await?;
        found.as_string().map(|text| record(what, &text)).transpose()
    }

    /// Replaces the record of one key.
    async fn put_one(&self, store: &str, key: &str, record: String) -> Result<(), VaultError> {
        let writing = self.database.write(&[store])?;
        put(&writing.store(store)?, &JsValue::from_str(key), &JsValue::from_str(&record))?;
        writing.complete().await
    }
}

impl Vault for WebVault {
    fn accounts(&self) -> BoxFuture<'_, Result<Vec<Account>, VaultError>> {
        Box::pin(WebVault::accounts(self))
    }

    fn load<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<AccountSnapshot, VaultError>> {
        Box::pin(WebVault::load(self, account))
    }

    fn apply<'a>(&'a self, account: &'a AccountId, changes: Vec<Change>) -> BoxFuture<'a, Result<(), VaultError>> {
        Box::pin(async move { WebVault::apply(self, account, &changes).await })
    }

    fn challenge<'a>(
        &'a self,
        account: &'a AccountId,
        id: &'a ChallengeId,
    ) -> BoxFuture<'a, Result<Option<StoredChallenge>, VaultError>> {
        Box::pin(async move {
            let reading = self.database.read(&[stores::CHALLENGES])?;
            challenge(&reading.store(stores::CHALLENGES)?, account.as_str(), id).await
        })
    }

    fn challenges<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Vec<StoredChallenge>, VaultError>> {
        Box::pin(WebVault::challenges(self, account))
    }

    fn history<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Vec<Entry>, VaultError>> {
        Box::pin(WebVault::history(self, account))
    }

    fn pin_guard<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<PinGuard, VaultError>> {
        let guard = self.one(stores::PIN_GUARDS, account.as_str(), "PIN counter");
        Box::pin(async move { Ok(guard.await?.unwrap_or_default()) })
    }

    fn put_pin_guard<'a>(
        &'a self,
        account: &'a AccountId,
        guard: &'a PinGuard,
    ) -> BoxFuture<'a, Result<(), VaultError>> {
        Box::pin(self.put_one(stores::PIN_GUARDS, account.as_str(), text(guard)))
    }

    fn enrollment<'a>(&'a self, token: &'a Hash) -> BoxFuture<'a, Result<Option<PendingEnrollment>, VaultError>> {
        Box::pin(async move { self.one(stores::ENROLLMENTS, &token.to_string(), "enrollment").await })
    }

    fn put_enrollment<'a>(&'a self, begun: &'a PendingEnrollment) -> BoxFuture<'a, Result<(), VaultError>> {
        Box::pin(async move { self.put_one(stores::ENROLLMENTS, &begun.token.to_string(), text(begun)).await })
    }
}

/// Makes one change. Nothing but requests of this transaction may be awaited here.
async fn make(writing: &Transaction, account: &str, change: &Change) -> Result<(), VaultError> {
    let number = |number: u64| key(account, &number_value(number));
    match change {
        Change::PutAccount(record) => {
            let (store, id) = (writing.store(stores::ACCOUNTS)?, JsValue::from_str(record.id.as_str()));
            let position = position(writing, &store, &id).await?;
            let value = js::object(&[("position", &position), ("record", &JsValue::from_str(&text(record)))]);
            put(&store, &id, &value)
        }
        Change::PutChallenge(kept) => {
            let store = writing.store(stores::CHALLENGES)?;
            let id = key(account, &JsValue::from_str(kept.id.as_str()));
            let position = position(writing, &store, &id).await?;
            let value = js::object(&[
                ("account", &JsValue::from_str(account)),
                ("position", &position),
                ("issued_at", &number_value(kept.issued_at)),
                ("hash", &JsValue::from_str(&kept.hash().to_string())),
                ("record", &JsValue::from_str(&text(kept))),
            ]);
            if kept.stage != Stage::Ended {
                // What has no such member is not in the index.
                js_sys::Reflect::set(&value, &JsValue::from_str("open"), &position).map_err(failed)?;
            }
            put(&store, &id, &value)
        }
        Change::ForgetChallenge(id) => {
            let store = writing.store(stores::CHALLENGES)?;
            delete(&store, &key(account, &JsValue::from_str(id.as_str())))
        }
        Change::Enqueue(entry) => {
            put(&writing.store(stores::OUTBOX)?, &number(entry.id), &JsValue::from_str(&text(entry)))
        }
        Change::Dequeue(id) => delete(&writing.store(stores::OUTBOX)?, &number(*id)),
        Change::Append(entry) => {
            add(&writing.store(stores::HISTORY)?, &number(entry.body().seq), &JsValue::from_str(entry.text()))
        }
        Change::AddUnnumbered(event) => {
            add(&writing.store(stores::UNNUMBERED)?, &number(event.id), &JsValue::from_str(&text(event)))
        }
        Change::DeleteUnnumbered(id) => delete(&writing.store(stores::UNNUMBERED)?, &number(*id)),
        Change::AddApprovedClient(client) => {
            let parts = [account, &client.provider, &client.id];
            let key: Array = parts.iter().map(|part| JsValue::from_str(part)).collect();
            put(&writing.store(stores::APPROVED_CLIENTS)?, &key, &JsValue::TRUE)
        }
        Change::DeleteEnrollment(token) => {
            delete(&writing.store(stores::ENROLLMENTS)?, &JsValue::from_str(&token.to_string()))
        }
    }
}

/// The place of a record among the others: what it has, or the next one.
async fn position(writing: &Transaction, store: &IdbObjectStore, key: &JsValue) -> Result<JsValue, VaultError> {
    let known = js::get(&result_of(store.get(key)).await?, "position");
    if known.as_f64().is_some() {
        return Ok(known);
    }
    let (state, name) = (writing.store(stores::STATE)?, JsValue::from_str(POSITION));
    let last = result_of(state.get(&name)).await?.as_f64().unwrap_or(0.0);
    let next = JsValue::from_f64(last + 1.0);
    put(&state, &name, &next)?;
    Ok(next)
}

// What a request that is not awaited fails with, aborts its transaction.

fn put(store: &IdbObjectStore, key: &JsValue, value: &JsValue) -> Result<(), VaultError> {
    store.put_with_key(value, key).map(drop).map_err(failed)
}

fn add(store: &IdbObjectStore, key: &JsValue, value: &JsValue) -> Result<(), VaultError> {
    store.add_with_key(value, key).map(drop).map_err(failed)
}

fn delete(store: &IdbObjectStore, key: &JsValue) -> Result<(), VaultError> {
    store.delete(key).map(drop).map_err(failed)
}

async fn challenge(
    store: &IdbObjectStore,
    account: &str,
    id: &ChallengeId,
) -> Result<Option<StoredChallenge>, VaultError> {
    let found = result_of(store.get(&key(account, &JsValue::from_str(id.as_str())))).await?;
    let text = js::get(&found, "record").as_string();
    text.map(|text| record("challenge", &text)).transpose()
}

/// Ids and hashes of the challenges that could still be sent again.
async fn known(challenges: &IdbObjectStore, account: &str) -> Result<Vec<(ChallengeId, Hash)>, VaultError> {
    let index = challenges.index(stores::ISSUED).map_err(failed)?;
    let newest = index.open_cursor_with_range_and_direction(&of_account(account)?, IdbCursorDirection::Prev);
    let newest = result_of(newest).await?;
    let Some(newest) = js::get(&js::get(&newest, "value"), "issued_at").as_f64() else { return Ok(Vec::new()) };
    let first = key(account, &JsValue::from_f64((newest - REMEMBERED_SECONDS as f64).max(0.0)));
    let last = key(account, &JsValue::from_f64(newest));
    let range = web_sys::IdbKeyRange::bound(&first, &last).map_err(failed)?;
    let recent = result_of(index.get_all_with_key(&range)).await?;
    let keys = result_of(index.get_all_keys_with_key(&range)).await?;
    let known = |key: &JsValue, value: &JsValue| {
        let id = Array::from(key).get(1).as_string()?;
        Some((id.parse().ok()?, member(value, "hash")?.parse().ok()?))
    };
    let (keys, recent) = (Array::from(&keys), Array::from(&recent));
    let both = keys.iter().zip(recent.iter());
    both.map(|(key, value)| known(&key, &value).ok_or(VaultError::Damaged { what: "challenge" })).collect()
}

/// The end of the history, and its entries within [`RECENT_MS`] before that, the newest first. One that can't be read ends the
/// list; the history says so itself.
async fn newest_entries(history: &IdbObjectStore, account: &str) -> Result<(Option<Head>, Vec<Entry>), VaultError> {
    let range = of_account(account)?;
    let request = history.open_cursor_with_range_and_direction(&range, IdbCursorDirection::Prev).map_err(failed)?;
    let (mut head, mut entries) = (None, Vec::<Entry>::new());
    loop {
        let found = finished(&request).await.map_err(failed)?;
        let Ok(cursor) = found.dyn_into::<IdbCursorWithValue>() else { return Ok((head, entries)) };
        let seq = cursor.key().ok().as_ref().and_then(second_number);
        let text = cursor.value().ok().and_then(|value| value.as_string());
        let (Some(seq), Some(text)) = (seq, text) else { return Err(VaultError::Damaged { what: "history" }) };
        head.get_or_insert_with(|| Head { seq, hash: Hash::of(&text) });
        let Ok(entry) = Entry::read(seq, text) else { return Ok((head, entries)) };
        let newest = entries.first().unwrap_or(&entry).body().at;
        if entry.body().at.saturating_add(RECENT_MS) < newest {
            return Ok((head, entries));
        }
        entries.push(entry);
        cursor.continue_().map_err(failed)?;
    }
}

fn approved_clients(keys: &JsValue) -> Result<BTreeSet<ApprovedClient>, VaultError> {
    let client = |key: JsValue| {
        let key = Array::from(&key);
        Some(ApprovedClient { provider: key.get(1).as_string()?, id: key.get(2).as_string()? })
    };
    let damaged = || VaultError::Damaged { what: "approved client" };
    Array::from(keys).iter().map(|key| client(key).ok_or_else(damaged)).collect()
}

/// Values in the order of their positions.
fn in_order(values: &JsValue) -> Vec<JsValue> {
    let mut all = Array::from(values).to_vec();
    let position = |value: &JsValue| js::get(value, "position").as_f64().unwrap_or(0.0);
    all.sort_by(|one, other| position(one).total_cmp(&position(other)));
    all
}

/// The records of values with positions, in their order.
fn positioned(values: &JsValue) -> Vec<Option<String>> {
    in_order(values).iter().map(|value| member(value, "record")).collect()
}

fn texts(values: &JsValue) -> Vec<Option<String>> {
    Array::from(values).iter().map(|value| value.as_string()).collect()
}

fn member(of: &JsValue, name: &str) -> Option<String> {
    js::get(of, name).as_string()
}

fn second_number(key: &JsValue) -> Option<u64> {
    Array::from(key).get(1).as_f64().map(|number| number as u64)
}

/// A number as JavaScript has it. Nothing counted or timed here comes near 2^53.
fn number_value(number: u64) -> JsValue {
    JsValue::from_f64(number as f64)
}

fn records<T: DeserializeOwned>(what: &'static str, texts: Vec<Option<String>>) -> Result<Vec<T>, VaultError> {
    let read = |text: Option<String>| record(what, &text.ok_or(VaultError::Damaged { what })?);
    texts.into_iter().map(read).collect()
}

fn record<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, VaultError> {
    serde_json::from_str(text).map_err(|_| VaultError::Damaged { what })
}

fn text<T: Serialize>(record: &T) -> String {
    serde_json::to_string(record).expect("vault records have string keys and no floating-point numbers")
}
