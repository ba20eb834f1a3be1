//! The page's database (IndexedDB): its stores, and transactions that are whole or nothing.
//!
//! A transaction commits by itself once it has no request left. While it is open nothing but its own requests may be awaited:
//! a future that a request wakes runs in the same turn of the event loop, anything else would find the transaction committed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use countersign_device::ports::vault::VaultError;
use futures_util::future::{Either, select};
use js_sys::{Array, Function};
use tokio::sync::oneshot;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{
    Event, IdbDatabase, IdbFactory, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbRequestReadyState,
    IdbTransaction, IdbVersionChangeEvent,
};

use super::js;
use crate::exception::storage_error;

const NAME: &str = "countersign";

/// The version of the stores. A database of another version is refused: nothing is converted.
const SCHEMA: u32 = 1;

/// The stores. Keys are arrays that begin with the account's id, so that a range is what belongs to one account.
pub(super) mod stores {
    /// By account id: `{position, record}`.
    pub(crate) const ACCOUNTS: &str = "accounts";
    /// By account id and challenge id: `{account, position, issued_at, hash, open?, record}`.
    pub(crate) const CHALLENGES: &str = "challenges";
    /// By account id and number: JSON.
    pub(crate) const OUTBOX: &str = "outbox";
    /// By account id and number: an entry's exact text.
    pub(crate) const HISTORY: &str = "history";
    /// By account id and number: JSON.
    pub(crate) const UNNUMBERED: &str = "unnumbered";
    /// By account id: JSON.
    pub(crate) const PIN_GUARDS: &str = "pin_guards";
    /// By the token's hash: JSON, sealed.
    pub(crate) const ENROLLMENTS: &str = "enrollments";
    /// By account id, provider and client id.
    pub(crate) const APPROVED_CLIENTS: &str = "approved_clients";
    /// By account id and purpose: `CryptoKey`s, sealed keys, ids of passkeys; by `["", "home"]` the key that seals credentials.
    pub(crate) const KEYS: &str = "keys";
    /// By name: the app's own state, and the last position.
    pub(crate) const STATE: &str = "state";

    /// Of the challenges that have not ended.
    pub(crate) const OPEN: &str = "open";
    /// Of all challenges, by when they were issued.
    pub(crate) const ISSUED: &str = "issued";

    pub(crate) const ALL: [&str; 10] =
        [ACCOUNTS, CHALLENGES, OUTBOX, HISTORY, UNNUMBERED, PIN_GUARDS, ENROLLMENTS, APPROVED_CLIENTS, KEYS, STATE];
}

/// The open database.
pub(super) struct Database {
    connection: IdbDatabase,
    _on_version_change: Closure<dyn FnMut()>,
}

impl Drop for Database {
    fn drop(&mut self) {
        self.connection.close();
    }
}

impl Database {
    /// Opens the database, or makes it.
    ///
    /// # Errors
    /// [`VaultError::Newer`] and [`VaultError::OtherBuild`] for one of another build, which is left as it is;
    /// [`VaultError::Storage`] where the browser has none for this page, as in some private windows.
    pub(super) async fn open() -> Result<Database, VaultError> {
        let factory: IdbFactory = js::global("indexedDB").unchecked_into();
        if factory.is_undefined() || factory.is_null() {
            return Err(VaultError::Storage("this browser keeps nothing for this page".to_owned()));
        }
        let request = factory.open_with_u32(NAME, SCHEMA).map_err(failed)?;
        let other_build = Rc::new(Cell::new(None));
        let found = Rc::clone(&other_build);
        let upgrade = Closure::<dyn FnMut(IdbVersionChangeEvent)>::new(move |event: IdbVersionChangeEvent| {
            let request: Option<IdbOpenDbRequest> = event.target().and_then(|target| target.dyn_into().ok());
            let Some(request) = request else { return };
            match event.old_version() as u32 {
                0 => drop(create(&request)),
                older => {
                    found.set(Some(older));
                    // The database stays as it is.
                    let upgrading = request.transaction();
                    drop(upgrading.map(|transaction| transaction.abort()));
                }
            }
        });
        request.set_onupgradeneeded(Some(upgrade.as_ref().unchecked_ref()));
        let opened = finished(&request).await;
        let connection: IdbDatabase = match (opened, other_build.get()) {
            (_, Some(found)) => return Err(VaultError::OtherBuild { found }),
            (Ok(connection), None) => connection.unchecked_into(),
            (Err(thrown), None) if js::exception_name(&thrown) == "VersionError" => {
                return Err(VaultError::Newer { found: SCHEMA + 1, known: SCHEMA });
            }
            (Err(thrown), None) => return Err(failed(thrown)),
        };
        // A newer build, or "clear data", waits for this connection to close.
        let closing = connection.clone();
        let on_version_change = Closure::<dyn FnMut()>::new(move || closing.close());
        connection.set_onversionchange(Some(on_version_change.as_ref().unchecked_ref()));
        Ok(Database { connection, _on_version_change: on_version_change })
    }

    /// Begins a transaction that reads.
    pub(super) fn read(&self, stores: &[&str]) -> Result<Transaction, VaultError> {
        self.begin(stores, "readonly")
    }

    /// Begins a transaction that writes: on the disk when [`Transaction::complete`] returns.
    pub(super) fn write(&self, stores: &[&str]) -> Result<Transaction, VaultError> {
        self.begin(stores, "readwrite")
    }

    fn begin(&self, stores: &[&str], mode: &str) -> Result<Transaction, VaultError> {
        let names: Array = stores.iter().map(|name| JsValue::from_str(name)).collect();
        let options = js::object(&[("durability", &JsValue::from_str("strict"))]);
        let begun = js::call(&self.connection, "transaction", &[&names, &JsValue::from_str(mode), &options]);
        Ok(Transaction::of(begun.map_err(failed)?.unchecked_into()))
    }
}

fn create(request: &IdbOpenDbRequest) -> Result<(), JsValue> {
    let database: IdbDatabase = request.result()?.unchecked_into();
    for name in stores::ALL {
        let store = database.create_object_store(name)?;
        if name == stores::CHALLENGES {
            for (index, second) in [(stores::OPEN, "open"), (stores::ISSUED, "issued_at")] {
                let path = Array::of2(&JsValue::from_str("account"), &JsValue::from_str(second));
                js::call(&store, "createIndex", &[&JsValue::from_str(index), &path])?;
            }
        }
    }
    Ok(())
}

/// A transaction. Dropped before [`Transaction::complete`], one that writes is aborted: nothing of it happened.
pub(super) struct Transaction {
    transaction: IdbTransaction,
    ended: Option<oneshot::Receiver<Result<(), JsValue>>>,
    _handlers: [Closure<dyn FnMut(Event)>; 2],
}

impl Transaction {
    fn of(transaction: IdbTransaction) -> Transaction {
        let (done, ended) = oneshot::channel();
        let done = Rc::new(RefCell::new(Some(done)));
        let end = |result: fn(&Event) -> Result<(), JsValue>| {
            let done = Rc::clone(&done);
            Closure::<dyn FnMut(Event)>::new(move |event: Event| {
                if let Some(done) = done.borrow_mut().take() {
                    // Who waited may be gone.
                    done.send(result(&event)).ok();
                }
            })
        };
        let complete = end(|_| Ok(()));
        let abort = end(|event| {
            let transaction: Option<IdbTransaction> = event.target().map(|target| target.unchecked_into());
            Err(transaction.and_then(|transaction| transaction.error()).map_or(JsValue::NULL, JsValue::from))
        });
        transaction.set_oncomplete(Some(complete.as_ref().unchecked_ref()));
        transaction.set_onabort(Some(abort.as_ref().unchecked_ref()));
        Transaction { transaction, ended: Some(ended), _handlers: [complete, abort] }
    }

    /// A store of the transaction.
    pub(super) fn store(&self, name: &str) -> Result<IdbObjectStore, VaultError> {
        self.transaction.object_store(name).map_err(failed)
    }

    /// Waits until everything of it is on the disk.
    ///
    /// # Errors
    /// [`VaultError::Storage`]; then nothing of it happened.
    pub(super) async fn complete(mut self) -> Result<(), VaultError> {
        match self.ended.take() {
            Some(ended) => match ended.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(thrown)) => Err(failed(thrown)),
                Err(_) => Err(failed(JsValue::NULL)),
            },
            None => Ok(()),
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.transaction.set_oncomplete(None);
        self.transaction.set_onabort(None);
        if self.ended.is_some() {
            // Over already, or one that reads: no harm.
            self.transaction.abort().ok();
        }
    }
}

/// What a request yields.
///
/// # Errors
/// [`VaultError::Storage`]; the transaction is aborted then.
pub(super) async fn result_of(request: Result<IdbRequest, JsValue>) -> Result<JsValue, VaultError> {
    finished(&request.map_err(failed)?).await.map_err(failed)
}

/// Waits for a request, which may be asked again: a cursor's.
pub(super) async fn finished(request: &IdbRequest) -> Result<JsValue, JsValue> {
    if request.ready_state() == IdbRequestReadyState::Done {
        return request.result();
    }
    let (succeed, succeeded) = oneshot::channel::<()>();
    let (fail, has_failed) = oneshot::channel::<()>();
    let on_success = Closure::once(move || succeed.send(()).unwrap_or_default());
    let on_error = Closure::once(move || fail.send(()).unwrap_or_default());
    request.set_onsuccess(Some(on_success.as_ref().unchecked_ref::<Function>()));
    request.set_onerror(Some(on_error.as_ref().unchecked_ref::<Function>()));
    let listening = Listening(request);
    let end = select(succeeded, has_failed).await;
    drop(listening);
    match end {
        Either::Left(_) => request.result(),
        Either::Right(_) => Err(request.error().ok().flatten().map_or(JsValue::NULL, JsValue::from)),
    }
}

/// Takes a request's handlers away before they are freed, also where nobody waits to the end: a freed one that is called throws.
struct Listening<'r>(&'r IdbRequest);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.set_onsuccess(None);
        self.0.set_onerror(None);
    }
}

/// Everything of one account in a store whose keys begin with its id.
pub(super) fn of_account(account: &str) -> Result<JsValue, VaultError> {
    let first = Array::of1(&JsValue::from_str(account));
    // An array is beyond every number and string.
    let last = Array::of2(&JsValue::from_str(account), &Array::new());
    IdbKeyRange::bound(&first, &last).map(JsValue::from).map_err(failed)
}

/// A key of two parts.
pub(super) fn key(account: &str, second: &JsValue) -> JsValue {
    Array::of2(&JsValue::from_str(account), second).into()
}

/// What the browser's storage says, as an error.
pub(super) fn failed(thrown: JsValue) -> VaultError {
    VaultError::Storage(storage_error(&js::exception_name(&thrown)))
}
