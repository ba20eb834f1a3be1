//! Keyring in memory, which fails as told.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Mutex;

use countersign_jose::secret::Secret;

use crate::ports::keyring::{Keyring, KeyringError};
use crate::ports::maybe_send::BoxFuture;

/// A keyring that is open until it is told to fail.
#[derive(Default)]
pub(crate) struct FakeKeyring(Mutex<State>);

#[derive(Default)]
struct State {
    secrets: BTreeMap<String, Secret>,
    failure: Option<KeyringError>,
    forgets: bool,
}

impl FakeKeyring {
    /// From now on every call fails so; `None`: none does.
    pub(crate) fn fail(&self, failure: Option<KeyringError>) {
        self.0.lock().unwrap().failure = failure;
    }

    /// From now on it keeps nothing that it is given.
    pub(crate) fn forget_all_writes(&self) {
        self.0.lock().unwrap().forgets = true;
    }

    pub(crate) fn put(&self, name: &str, secret: &Secret) {
        self.0.lock().unwrap().secrets.insert(name.to_owned(), secret.clone());
    }

    pub(crate) fn take(&self, name: &str) -> Option<Secret> {
        self.0.lock().unwrap().secrets.remove(name)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().secrets.len()
    }

    fn answer<'a, T: Send + 'a>(&self, answer: impl FnOnce(&mut State) -> T) -> BoxFuture<'a, Result<T, KeyringError>> {
        let mut state = self.0.lock().unwrap();
        let answer = match state.failure.clone() {
            Some(failure) => Err(failure),
            None => Ok(answer(&mut state)),
        };
        Box::pin(ready(answer))
    }
}

impl Keyring for FakeKeyring {
    fn check(&self) -> BoxFuture<'_, Result<(), KeyringError>> {
        self.answer(|_| ())
    }

    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Secret>, KeyringError>> {
        self.answer(|state| state.secrets.get(name).cloned())
    }

    fn write<'a>(&'a self, name: &'a str, secret: &'a Secret) -> BoxFuture<'a, Result<(), KeyringError>> {
        self.answer(|state| {
            if !state.forgets {
                state.secrets.insert(name.to_owned(), secret.clone());
            }
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), KeyringError>> {
        self.answer(|state| drop(state.secrets.remove(name)))
    }
}
