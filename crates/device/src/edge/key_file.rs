//! Key files: the transport key is protected by the file's mode alone, the approval key is encrypted under the PIN.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_jose::base64url;
use countersign_jose::key::PrivateKey;
use countersign_jose::random::{self, Random};
use countersign_jose::secret::Secret;
use countersign_protocol::registration::KeyProtection;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::blocking::Blocking;
use crate::account::AccountId;
use crate::home::private_file;
use crate::ports::key_store::{KeyError, KeyStore, LocalKey, NewKeys, PasskeyRequest, SigningKey};
use crate::ports::maybe_send::BoxFuture;
use crate::ports::user_verifier::Verified;
use crate::seal::{Argon2Cost, SealError, SealedKey};

/// Keys in the folder `keys/` of a home: `<account>.transport`, `<account>.approval`, and `home`, which encrypts
/// credentials so that a copy of the vault alone is worth nothing.
///
/// An attacker who copies the folder can try PINs; the declared protection says so: `file_pin`.
pub struct FileKeys {
    files: Blocking<KeyFiles>,
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
    pub async fn open(folder: &Path, random: Arc<dyn Random>, costs: PinCosts) -> Result<FileKeys, KeyError> {
        let folder = folder.to_owned();
        Ok(FileKeys { files: Blocking::open(move || KeyFiles::open(&folder, random, costs)).await? })
    }
}

impl KeyStore for FileKeys {
    fn protection(&self) -> KeyProtection {
        KeyProtection::FilePin
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
        let (account, user) = (account.clone(), user.clone());
        self.files.call(move |files| files.make(&account, &user))
    }

    fn transport<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        let account = account.clone();
        self.files.call(move |files| files.transport(&account))
    }

    /// Argon2 takes tens of megabytes. On a thread of its own, because the allocator hands the memory of one that ended to
    /// the next; on a pool each thread would keep its own.
    fn open_approval<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
    ) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        let (files, account, user) = (self.files.share(), account.clone(), user.clone());
        Box::pin(async move {
            let (done, opened) = oneshot::channel();
            let thread = std::thread::Builder::new().name("unlock".to_owned());
            // Who asked may be gone.
            thread.spawn(move || drop(done.send(files.open_approval(&account, &user))))?;
            opened.await.unwrap_or(Err(KeyError::Unreadable))
        })
    }

    fn destroy_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        let account = account.clone();
        self.files.call(move |files| files.destroy_approval(&account))
    }

    fn destroy<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        let account = account.clone();
        self.files.call(move |files| files.destroy(&account))
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

/// The files, whose calls block their thread.
struct KeyFiles {
    folder: PathBuf,
    random: Arc<dyn Random>,
    costs: PinCosts,
    home: LessSafeKey,
}

impl KeyFiles {
    /// Opens an existing folder.
    ///
    /// # Errors
    /// [`KeyError`] where its own key can be neither read nor written.
    fn open(folder: &Path, random: Arc<dyn Random>, costs: PinCosts) -> Result<KeyFiles, KeyError> {
        let path = folder.join("home");
        let bytes = match read_private(&path)? {
            Some(text) => decode_key(&text)?,
            None => {
                let bytes = Zeroizing::new(random::bytes::<32>(&*random));
                write_private(&path, &base64url::encode(bytes.as_slice()))?;
                bytes
            }
        };
        let key = UnboundKey::new(&AES_256_GCM, bytes.as_slice()).map_err(|_| KeyError::Unreadable)?;
        Ok(KeyFiles { folder: folder.to_owned(), random, costs, home: LessSafeKey::new(key) })
    }

    fn path(&self, account: &AccountId, which: &str) -> PathBuf {
        self.folder.join(format!("{account}.{which}"))
    }
}

impl KeyFiles {
    fn make(&self, account: &AccountId, user: &Verified) -> Result<NewKeys, KeyError> {
        let pin = user.pin().ok_or(KeyError::PinNeeded)?;
        let transport = PrivateKey::generate(&*self.random);
        let approval = PrivateKey::generate(&*self.random);
        let cost = if user.is_script() { self.costs.script } else { self.costs.person };
        let sealed = SealedKey::seal(approval.expose_bytes().as_slice(), pin, account.as_str(), cost, &*self.random)
            .map_err(|_| KeyError::Unreadable)?;
        let sealed = serde_json::to_string(&sealed).expect("a sealed key has string keys and whole numbers");
        write_private(&self.path(account, "approval"), &sealed)?;
        let scalar = Zeroizing::new(base64url::encode(transport.expose_bytes().as_slice()));
        write_private(&self.path(account, "transport"), &scalar)?;
        let (public, created) = (transport.public_key().clone(), None);
        Ok(NewKeys { transport: public, approval: approval.public_key().clone(), created })
    }

    fn transport(&self, account: &AccountId) -> Result<Arc<dyn SigningKey>, KeyError> {
        let text = read_private(&self.path(account, "transport"))?.ok_or(KeyError::Gone)?;
        let key = PrivateKey::from_bytes(&*decode_key(&text)?).map_err(|_| KeyError::Unreadable)?;
        Ok(Arc::new(LocalKey(key.into_signer())))
    }

    fn open_approval(&self, account: &AccountId, user: &Verified) -> Result<Arc<dyn SigningKey>, KeyError> {
        let pin = user.pin().ok_or(KeyError::PinNeeded)?;
        let text = read_private(&self.path(account, "approval"))?.ok_or(KeyError::Gone)?;
        let sealed: SealedKey = serde_json::from_str(&text).map_err(|_| KeyError::Unreadable)?;
        let scalar = sealed.open(pin, account.as_str()).map_err(|error| match error {
            SealError::WrongPin => KeyError::WrongPin,
            SealError::Unreadable => KeyError::Unreadable,
        })?;
        let scalar: &[u8; 32] = scalar.as_slice().try_into().map_err(|_| KeyError::Unreadable)?;
        let key = PrivateKey::from_bytes(scalar).map_err(|_| KeyError::Unreadable)?;
        Ok(Arc::new(LocalKey(key.into_signer())))
    }

    fn destroy_approval(&self, account: &AccountId) -> Result<(), KeyError> {
        remove(&self.path(account, "approval"))
    }

    fn destroy(&self, account: &AccountId) -> Result<(), KeyError> {
        remove(&self.path(account, "approval"))?;
        remove(&self.path(account, "transport"))
    }

    fn has_approval(&self, account: &AccountId) -> bool {
        self.path(account, "approval").exists()
    }

    fn seal(&self, account: &AccountId, secret: &Secret) -> Result<String, KeyError> {
        let nonce = random::bytes::<NONCE_LEN>(&*self.random);
        let mut bytes = secret.expose().as_bytes().to_vec();
        self.home
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(account.as_str()), &mut bytes)
            .map_err(|_| KeyError::Unreadable)?;
        Ok(format!("{}.{}", base64url::encode(&nonce), base64url::encode(&bytes)))
    }

    fn unseal(&self, account: &AccountId, sealed: &str) -> Result<Secret, KeyError> {
        let (nonce, bytes) = sealed.split_once('.').ok_or(KeyError::Unreadable)?;
        let nonce = base64url::decode_array::<NONCE_LEN>(nonce).map_err(|_| KeyError::Unreadable)?;
        let mut bytes = Zeroizing::new(base64url::decode(bytes).map_err(|_| KeyError::Unreadable)?);
        let opened = self
            .home
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(account.as_str()), &mut bytes)
            .map_err(|_| KeyError::Unreadable)?;
        let text = std::str::from_utf8(opened).map_err(|_| KeyError::Unreadable)?;
        Ok(Secret::new(text))
    }
}

fn decode_key(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    base64url::decode_array::<32>(text.trim()).map(Zeroizing::new).map_err(|_| KeyError::Unreadable)
}

fn read_private(path: &Path) -> Result<Option<Zeroizing<String>>, KeyError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes a file that its owner alone can read, atomically.
fn write_private(path: &Path, text: &str) -> Result<(), KeyError> {
    let unfinished = path.with_extension("unfinished");
    remove(&unfinished)?;
    let mut file = private_file(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    sync_folder(path)
}

fn remove(path: &Path) -> Result<(), KeyError> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_folder(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes a renaming or removal durable. Elsewhere than on Unix the file system does so by itself.
fn sync_folder(path: &Path) -> Result<(), KeyError> {
    if cfg!(unix)
        && let Some(folder) = path.parent()
    {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
