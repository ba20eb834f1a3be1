//! Key files: the transport key is protected by the file's mode alone, the approval key is encrypted under the PIN, and where the
//! session has a keyring under a secret of its, too.

use std::path::Path;
use std::sync::Arc;

use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_protocol::registration::KeyProtection;
use tokio::sync::oneshot;

use self::files::KeyFiles;
use super::blocking::Blocking;
use crate::account::AccountId;
use crate::ports::key_store::{KeyError, KeyStore, NewKeys, PasskeyRequest, SigningKey};
use crate::ports::keyring::{Keyring, KeyringError};
use crate::ports::maybe_send::BoxFuture;
use crate::ports::user_verifier::Verified;
use crate::seal::{Argon2Cost, SealedKey};

mod files;

/// Keys in the folder `keys/` of a home: `<account>.transport`, `<account>.approval`, and `home`, which encrypts
/// credentials so that a copy of the vault alone is worth nothing.
///
/// With a keyring, an approval key's file opens with the PIN and a secret that the keyring holds under the account's id
/// (`file_keyring`): the folder alone is of no use. Without one, whoever copies the folder can try PINs (`file_pin`).
pub struct FileKeys {
    files: Blocking<KeyFiles>,
    keyring: Option<Arc<dyn Keyring>>,
    choice: KeyChoice,
}

/// What protects the approval keys of new accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyChoice {
    /// PIN and keyring where one answers, else the PIN alone.
    #[default]
    Strongest,
    /// PIN and keyring, or nothing is made.
    Keyring,
    /// The PIN alone.
    File,
}

/// A kind of protection, and why this machine does not offer it, if it doesn't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOffer {
    /// The protection.
    pub protection: KeyProtection,
    /// Why not.
    pub unavailable: Option<KeyringError>,
}

/// What can protect a new account's approval key here, the strongest first.
pub async fn offers(keyring: Option<&dyn Keyring>) -> Vec<KeyOffer> {
    let unavailable = check(keyring).await.err();
    vec![
        KeyOffer { protection: KeyProtection::FileKeyring, unavailable },
        KeyOffer { protection: KeyProtection::FilePin, unavailable: None },
    ]
}

/// The keyring, if this program has one that can be used now.
///
/// # Errors
/// [`KeyringError`] says why not.
pub async fn check(keyring: Option<&dyn Keyring>) -> Result<&dyn Keyring, KeyringError> {
    let keyring = keyring.ok_or(KeyringError::Unsupported)?;
    keyring.check().await.map(|()| keyring)
}

/// The cost of one guess of a PIN, by its source.
#[derive(Clone, Copy, Debug)]
pub struct PinCosts {
    /// For a person's PIN.
    pub person: Argon2Cost,
    /// For a script's.
    pub script: Argon2Cost,
}

impl Default for PinCosts {
    fn default() -> PinCosts {
        PinCosts { person: Argon2Cost::PERSON, script: Argon2Cost::SCRIPT }
    }
}

impl FileKeys {
    /// Opens an existing folder.
    ///
    /// # Errors
    /// [`KeyError`] where its own key can be neither read nor written.
    pub async fn open(
        folder: &Path,
        random: Arc<dyn Random>,
        costs: PinCosts,
        keyring: Option<Arc<dyn Keyring>>,
        choice: KeyChoice,
    ) -> Result<FileKeys, KeyError> {
        let folder = folder.to_owned();
        Ok(FileKeys { files: Blocking::open(move || KeyFiles::open(&folder, random, costs)).await?, keyring, choice })
    }

    /// The keyring that a new account's key is to use; `None`: the PIN alone.
    async fn chosen(&self) -> Result<Option<&dyn Keyring>, KeyringError> {
        match self.choice {
            KeyChoice::File => Ok(None),
            KeyChoice::Keyring => check(self.keyring.as_deref()).await.map(Some),
            KeyChoice::Strongest => Ok(check(self.keyring.as_deref()).await.ok()),
        }
    }

    /// Makes the keyring's half, and reads it back: a keyring that forgets is of no use.
    async fn make_secret(&self, keyring: &dyn Keyring, account: &AccountId) -> Result<Secret, KeyringError> {
        let secret = Secret::random(&*self.files.share().random);
        keyring.write(account.as_str(), &secret).await?;
        match keyring.read(account.as_str()).await? {
            Some(kept) if kept == secret => Ok(secret),
            _ => Err(KeyringError::Refused("it did not keep what it was given".to_owned())),
        }
    }

    async fn new_secret(&self, account: &AccountId) -> Result<Option<Secret>, KeyringError> {
        let Some(keyring) = self.chosen().await? else { return Ok(None) };
        match self.make_secret(keyring, account).await {
            Ok(secret) => Ok(Some(secret)),
            Err(error) => {
                self.forget_secret(account).await;
                if self.choice == KeyChoice::Keyring { Err(error) } else { Ok(None) }
            }
        }
    }

    /// The sealed approval key, and the keyring's half where it needs one.
    async fn sealed(&self, account: &AccountId) -> Result<(SealedKey, Option<Secret>), KeyError> {
        let id = account.clone();
        let sealed: SealedKey = self.files.call(move |files| files.sealed(&id)).await?;
        if !sealed.needs_keyring() {
            return Ok((sealed, None));
        }
        let keyring = self.keyring.as_deref().ok_or(KeyringError::Unsupported)?;
        let secret = keyring.read(account.as_str()).await?.ok_or(KeyringError::Emptied)?;
        if !sealed.is_under(&secret) {
            return Err(KeyringError::Replaced.into());
        }
        Ok((sealed, Some(secret)))
    }

    /// Deletes the keyring's half. Of no use without the file, it may also stay where the keyring does not answer.
    async fn forget_secret(&self, account: &AccountId) {
        if let Some(keyring) = &self.keyring
            && let Err(error) = keyring.delete(account.as_str()).await
        {
            tracing::warn!(%account, %error, "the keyring keeps a secret that is of no use any more");
        }
    }

    /// Destroys the approval key: the file, and the keyring's half after it.
    async fn destroy_file(
        &self,
        account: &AccountId,
        destroy: impl FnOnce(&KeyFiles, &AccountId) -> Result<(), KeyError> + Send + 'static,
    ) -> Result<(), KeyError> {
        let id = account.clone();
        let needed: Result<bool, KeyError> = self
            .files
            .call(move |files| {
                // One that can't be read is destroyed all the same.
                let needed = files.sealed(&id).is_ok_and(|sealed| sealed.needs_keyring());
                destroy(files, &id).map(|()| needed)
            })
            .await;
        if needed? {
            self.forget_secret(account).await;
        }
        Ok(())
    }
}

impl KeyStore for FileKeys {
    /// The least that any has: of each account it is known once its keys are made.
    fn protection(&self) -> KeyProtection {
        KeyProtection::FilePin
    }

    fn protection_of<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<KeyProtection, KeyError>> {
        let account = account.clone();
        self.files.call(move |files| {
            let is_in_keyring = files.sealed(&account)?.needs_keyring();
            Ok(if is_in_keyring { KeyProtection::FileKeyring } else { KeyProtection::FilePin })
        })
    }

    fn accepts(&self, protection: KeyProtection) -> bool {
        match self.choice {
            KeyChoice::Strongest => true,
            KeyChoice::Keyring => protection == KeyProtection::FileKeyring,
            KeyChoice::File => protection == KeyProtection::FilePin,
        }
    }

    fn make<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
        passkey: Option<&'a PasskeyRequest>,
    ) -> BoxFuture<'a, Result<NewKeys, KeyError>> {
        if passkey.is_some() {
            return Box::pin(std::future::ready(Err(KeyError::NoPasskeys)));
        }
        Box::pin(async move {
            let secret = self.new_secret(account).await?;
            let in_keyring = secret.is_some();
            let (id, user) = (account.clone(), user.clone());
            let made = self.files.call(move |files| files.make(&id, &user, secret.as_ref())).await;
            if made.is_err() && in_keyring {
                self.forget_secret(account).await;
            }
            made
        })
    }

    fn transport<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        let account = account.clone();
        self.files.call(move |files| files.transport(&account))
    }

    fn check_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move { self.sealed(account).await.map(drop) })
    }

    /// Argon2 takes tens of megabytes. On a thread of its own, because the allocator hands the memory of one that ended to
    /// the next; on a pool each thread would keep its own.
    fn open_approval<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
    ) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        let (files, id, user) = (self.files.share(), account.clone(), user.clone());
        Box::pin(async move {
            user.pin().ok_or(KeyError::PinNeeded)?;
            let (sealed, secret) = self.sealed(account).await?;
            let (done, opened) = oneshot::channel();
            let thread = std::thread::Builder::new().name("unlock".to_owned());
            // Who asked may be gone.
            thread.spawn(move || drop(done.send(files.open_approval(&id, &user, &sealed, secret.as_ref()))))?;
            opened.await.unwrap_or(Err(KeyError::Unreadable))
        })
    }

    fn destroy_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(self.destroy_file(account, KeyFiles::destroy_approval))
    }

    fn destroy<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(self.destroy_file(account, KeyFiles::destroy))
    }

    fn has_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, bool> {
        let account = account.clone();
        let found: BoxFuture<'_, Result<bool, KeyError>> =
            self.files.call(move |files| Ok(files.has_approval(&account)));
        Box::pin(async move { found.await.unwrap_or(false) })
    }

    fn seal<'a>(&'a self, account: &'a AccountId, secret: &'a Secret) -> BoxFuture<'a, Result<String, KeyError>> {
        let (account, secret) = (account.clone(), secret.clone());
        self.files.call(move |files| files.seal(&account, &secret))
    }

    fn unseal<'a>(&'a self, account: &'a AccountId, sealed: &'a str) -> BoxFuture<'a, Result<Secret, KeyError>> {
        let (account, sealed) = (account.clone(), sealed.to_owned());
        self.files.call(move |files| files.unseal(&account, &sealed))
    }
}

#[cfg(test)]
mod tests;
