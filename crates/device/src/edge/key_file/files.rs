//! The files of a home's keys. Each call blocks its thread.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_jose::base64url;
use countersign_jose::key::PrivateKey;
use countersign_jose::random::{self, Random};
use countersign_jose::secret::Secret;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::PinCosts;
use crate::account::AccountId;
use crate::home::private_file;
use crate::ports::key_store::{KeyError, LocalKey, NewKeys, SigningKey};
use crate::ports::keyring::KeyringError;
use crate::ports::user_verifier::Verified;
use crate::seal::{SealError, SealedKey};

/// The folder `keys/` of a home.
pub(super) struct KeyFiles {
    folder: PathBuf,
    pub(super) random: Arc<dyn Random>,
    costs: PinCosts,
    home: LessSafeKey,
}

impl KeyFiles {
    /// Opens an existing folder.
    ///
    /// # Errors
    /// [`KeyError`] where its own key can be neither read nor written.
    pub(super) fn open(folder: &Path, random: Arc<dyn Random>, costs: PinCosts) -> Result<KeyFiles, KeyError> {
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
    pub(super) fn make(
        &self,
        account: &AccountId,
        user: &Verified,
        keyring: Option<&Secret>,
    ) -> Result<NewKeys, KeyError> {
        let pin = user.pin().ok_or(KeyError::PinNeeded)?;
        let transport = PrivateKey::generate(&*self.random);
        let approval = PrivateKey::generate(&*self.random);
        let cost = if user.is_script() { self.costs.script } else { self.costs.person };
        let (scalar, random) = (approval.expose_bytes(), &*self.random);
        let sealed = SealedKey::seal(scalar.as_slice(), pin, keyring, account.as_str(), cost, random)
            .map_err(|_| KeyError::Unreadable)?;
        let sealed = serde_json::to_string(&sealed).expect("a sealed key has string keys and whole numbers");
        write_private(&self.path(account, "approval"), &sealed)?;
        let scalar = Zeroizing::new(base64url::encode(transport.expose_bytes().as_slice()));
        write_private(&self.path(account, "transport"), &scalar)?;
        let (public, created) = (transport.public_key().clone(), None);
        Ok(NewKeys { transport: public, approval: approval.public_key().clone(), created })
    }

    pub(super) fn transport(&self, account: &AccountId) -> Result<Arc<dyn SigningKey>, KeyError> {
        let text = read_private(&self.path(account, "transport"))?.ok_or(KeyError::Gone)?;
        let key = PrivateKey::from_bytes(&*decode_key(&text)?).map_err(|_| KeyError::Unreadable)?;
        Ok(Arc::new(LocalKey(key.into_signer())))
    }

    pub(super) fn sealed(&self, account: &AccountId) -> Result<SealedKey, KeyError> {
        let text = read_private(&self.path(account, "approval"))?.ok_or(KeyError::Gone)?;
        serde_json::from_str(&text).map_err(|_| KeyError::Unreadable)
    }

    pub(super) fn open_approval(
        &self,
        account: &AccountId,
        user: &Verified,
        sealed: &SealedKey,
        keyring: Option<&Secret>,
    ) -> Result<Arc<dyn SigningKey>, KeyError> {
        let pin = user.pin().ok_or(KeyError::PinNeeded)?;
        let scalar = sealed.open(pin, keyring, account.as_str()).map_err(|error| match error {
            SealError::WrongPin => KeyError::WrongPin,
            SealError::OtherSecret => KeyringError::Replaced.into(),
            SealError::Unreadable => KeyError::Unreadable,
        })?;
        let scalar: &[u8; 32] = scalar.as_slice().try_into().map_err(|_| KeyError::Unreadable)?;
        let key = PrivateKey::from_bytes(scalar).map_err(|_| KeyError::Unreadable)?;
        Ok(Arc::new(LocalKey(key.into_signer())))
    }

    pub(super) fn destroy_approval(&self, account: &AccountId) -> Result<(), KeyError> {
        remove(&self.path(account, "approval"))
    }

    pub(super) fn destroy(&self, account: &AccountId) -> Result<(), KeyError> {
        remove(&self.path(account, "approval"))?;
        remove(&self.path(account, "transport"))
    }

    pub(super) fn has_approval(&self, account: &AccountId) -> bool {
        self.path(account, "approval").exists()
    }

    pub(super) fn seal(&self, account: &AccountId, secret: &Secret) -> Result<String, KeyError> {
        let nonce = random::bytes::<NONCE_LEN>(&*self.random);
        let mut bytes = secret.expose().as_bytes().to_vec();
        self.home
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(account.as_str()), &mut bytes)
            .map_err(|_| KeyError::Unreadable)?;
        Ok(format!("{}.{}", base64url::encode(&nonce), base64url::encode(&bytes)))
    }

    pub(super) fn unseal(&self, account: &AccountId, sealed: &str) -> Result<Secret, KeyError> {
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
