//! Key store port in a browser: transport keys that WebCrypto keeps to itself; approval keys as passkeys, or sealed under a PIN.

use std::rc::Rc;
use std::sync::Arc;

use countersign_device::account::AccountId;
use countersign_device::pin::Pin;
use countersign_device::ports::key_store::{KeyError, KeyStore, LocalKey, NewKeys, PasskeyRequest, SigningKey};
use countersign_device::ports::maybe_send::BoxFuture;
use countersign_device::ports::user_verifier::Verified;
use countersign_device::ports::vault::VaultError;
use countersign_device::seal::{Argon2Cost, SealError, SealedKey, Sealing};
use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_jose::key::{PrivateKey, PublicKey};
use countersign_jose::random::{self, Random};
use countersign_jose::secret::Secret;
use countersign_protocol::registration::KeyProtection;
use countersign_protocol::webauthn::{CreationProof, PasskeyProof, RelyingParty};
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::CryptoKey;

use super::database::{Database, key, result_of, stores};
use super::passkeys::{self, Passkey};
use super::web_crypto::{self, WebCryptoKey};

const NONCE_BYTES: usize = 12;

/// The keys of this origin, in its database.
///
/// Who runs on this origin can use the transport keys and try PINs; what seals credentials can't be copied out of the browser.
pub(super) struct WebKeys {
    database: Rc<Database>,
    random: Arc<dyn Random>,
    /// Seals credentials: a copy of the records alone is worth nothing.
    home: CryptoKey,
}

/// An approval key, as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum ApprovalRecord {
    /// Sealed under the PIN.
    Sealed { key: SealedKey },
    /// What the system knows a passkey by: its id (base64url) and the host it belongs to.
    Passkey { id: String, rp_id: String },
}

/// What a key is for.
#[derive(Clone, Copy)]
enum Purpose {
    Transport,
    Approval,
    Home,
}

impl Purpose {
    fn key(self, account: &str) -> JsValue {
        let name = match self {
            Purpose::Transport => "transport",
            Purpose::Approval => "approval",
            Purpose::Home => "home",
        };
        key(account, &JsValue::from_str(name))
    }
}

impl WebKeys {
    /// Opens the keys, and makes the one that seals credentials where there is none.
    ///
    /// # Errors
    /// [`KeyError`] where the browser's storage or WebCrypto can't be used.
    pub(super) async fn open(database: Rc<Database>, random: Arc<dyn Random>) -> Result<WebKeys, KeyError> {
        let home = match stored(&database, Purpose::Home, "").await? {
            Some(home) => home.dyn_into().map_err(|_| KeyError::Unreadable)?,
            None => {
                let home = web_crypto::make_sealing_key().await?;
                put(&database, &[(Purpose::Home.key(""), home.clone().into())]).await?;
                home
            }
        };
        Ok(WebKeys { database, random, home })
    }

    async fn make(
        &self,
        account: &AccountId,
        user: &Verified,
        passkey: Option<&PasskeyRequest>,
    ) -> Result<NewKeys, KeyError> {
        let (transport, public) = web_crypto::make_signing_key().await?;
        let (record, approval, created) = match (passkey, user.pin()) {
            (Some(ask), _) => self.make_passkey(ask, &public).await?,
            (None, Some(pin)) => self.make_sealed(account, pin).await?,
            (None, None) => return Err(KeyError::PinNeeded),
        };
        let record = serde_json::to_string(&record).expect("a key's record has string keys and whole numbers");
        let id = account.as_str();
        let both =
            [(Purpose::Transport.key(id), transport.into()), (Purpose::Approval.key(id), JsValue::from_str(&record))];
        put(&self.database, &both).await?;
        Ok(NewKeys { transport: public, approval, created })
    }

    async fn make_transport(&self, account: &AccountId) -> Result<PublicKey, KeyError> {
        let (transport, public) = web_crypto::make_signing_key().await?;
        put(&self.database, &[(Purpose::Transport.key(account.as_str()), transport.into())]).await?;
        Ok(public)
    }

    async fn find_passkey(
        &self,
        account: &AccountId,
        party: &RelyingParty,
        challenge: &Hash,
    ) -> Result<PasskeyProof, KeyError> {
        let proof = passkeys::find(party, challenge).await?;
        let id = base64url::encode(&proof.credential_id);
        let record = ApprovalRecord::Passkey { id, rp_id: party.rp_id.clone() };
        let record = serde_json::to_string(&record).expect("a key's record has string keys and whole numbers");
        put(&self.database, &[(Purpose::Approval.key(account.as_str()), JsValue::from_str(&record))]).await?;
        Ok(proof)
    }

    async fn make_passkey(
        &self,
        ask: &PasskeyRequest,
        transport: &PublicKey,
    ) -> Result<(ApprovalRecord, PublicKey, Option<CreationProof>), KeyError> {
        let made = passkeys::make(ask, transport, &*self.random).await?;
        let record = ApprovalRecord::Passkey { id: base64url::encode(&made.id), rp_id: ask.party.rp_id.clone() };
        Ok((record, made.key, Some(made.created)))
    }

    async fn make_sealed(
        &self,
        account: &AccountId,
        pin: &Pin,
    ) -> Result<(ApprovalRecord, PublicKey, Option<CreationProof>), KeyError> {
        let approval = PrivateKey::generate(&*self.random);
        let sealing = Sealing::new(pin, account.as_str(), Argon2Cost::PERSON, &*self.random);
        let sealing = sealing.map_err(|_| KeyError::Unreadable)?;
        let key = web_crypto::sealing_key(&sealing.key).await?;
        let scalar = approval.expose_bytes().as_slice();
        let ciphertext = web_crypto::encrypt(&key, &sealing.nonce, &sealing.context, scalar).await?;
        Ok((ApprovalRecord::Sealed { key: sealing.sealed(&ciphertext) }, approval.public_key().clone(), None))
    }

    async fn open_approval(&self, account: &AccountId, user: &Verified) -> Result<Arc<dyn SigningKey>, KeyError> {
        let text = stored(&self.database, Purpose::Approval, account.as_str()).await?.ok_or(KeyError::Gone)?;
        let text = text.as_string().ok_or(KeyError::Unreadable)?;
        match serde_json::from_str(&text).map_err(|_| KeyError::Unreadable)? {
            ApprovalRecord::Passkey { id, rp_id } => {
                let id = base64url::decode(&id).map_err(|_| KeyError::Unreadable)?;
                Ok(Arc::new(Passkey { id, rp_id }))
            }
            ApprovalRecord::Sealed { key } => {
                let pin = user.pin().ok_or(KeyError::PinNeeded)?;
                let (sealing, ciphertext) = key.opening(pin, account.as_str()).map_err(|error| match error {
                    SealError::WrongPin => KeyError::WrongPin,
                    _ => KeyError::Unreadable,
                })?;
                let key = web_crypto::sealing_key(&sealing.key).await?;
                let opened = web_crypto::decrypt(&key, &sealing.nonce, &sealing.context, &ciphertext).await?;
                let scalar = opened.ok_or(KeyError::WrongPin)?;
                let scalar: &[u8; 32] = scalar.as_slice().try_into().map_err(|_| KeyError::Unreadable)?;
                let key = PrivateKey::from_bytes(scalar).map_err(|_| KeyError::Unreadable)?;
                Ok(Arc::new(LocalKey(key.into_signer())))
            }
        }
    }

    async fn destroy(&self, account: &AccountId, purposes: &[Purpose]) -> Result<(), KeyError> {
        let writing = self.database.write(&[stores::KEYS]).map_err(unusable)?;
        let store = writing.store(stores::KEYS).map_err(unusable)?;
        for purpose in purposes {
            store.delete(&purpose.key(account.as_str())).map_err(super::database::failed).map_err(unusable)?;
        }
        writing.complete().await.map_err(unusable)
    }

    async fn seal(&self, account: &AccountId, secret: &Secret) -> Result<String, KeyError> {
        let nonce = random::bytes::<NONCE_BYTES>(&*self.random);
        let plain = secret.expose().as_bytes();
        let sealed = web_crypto::encrypt(&self.home, &nonce, account.as_str().as_bytes(), plain).await?;
        Ok(format!("{}.{}", base64url::encode(&nonce), base64url::encode(&sealed)))
    }

    async fn unseal(&self, account: &AccountId, sealed: &str) -> Result<Secret, KeyError> {
        let (nonce, bytes) = sealed.split_once('.').ok_or(KeyError::Unreadable)?;
        let nonce = base64url::decode_array::<NONCE_BYTES>(nonce).map_err(|_| KeyError::Unreadable)?;
        let bytes = base64url::decode(bytes).map_err(|_| KeyError::Unreadable)?;
        let opened = web_crypto::decrypt(&self.home, &nonce, account.as_str().as_bytes(), &bytes).await?;
        let opened = opened.ok_or(KeyError::Unreadable)?;
        Ok(Secret::new(std::str::from_utf8(&opened).map_err(|_| KeyError::Unreadable)?))
    }
}

impl KeyStore for WebKeys {
    fn protection(&self) -> KeyProtection {
        KeyProtection::BrowserPin
    }

    fn makes_passkeys(&self) -> BoxFuture<'_, bool> {
        Box::pin(passkeys::are_available())
    }

    fn make<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
        passkey: Option<&'a PasskeyRequest>,
    ) -> BoxFuture<'a, Result<NewKeys, KeyError>> {
        Box::pin(WebKeys::make(self, account, user, passkey))
    }

    fn make_transport<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<PublicKey, KeyError>> {
        Box::pin(WebKeys::make_transport(self, account))
    }

    fn find_passkey<'a>(
        &'a self,
        account: &'a AccountId,
        party: &'a RelyingParty,
        challenge: &'a Hash,
    ) -> BoxFuture<'a, Result<PasskeyProof, KeyError>> {
        Box::pin(WebKeys::find_passkey(self, account, party, challenge))
    }

    fn transport<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        Box::pin(async move {
            let key = stored(&self.database, Purpose::Transport, account.as_str()).await?.ok_or(KeyError::Gone)?;
            let key: CryptoKey = key.dyn_into().map_err(|_| KeyError::Unreadable)?;
            let key: Arc<dyn SigningKey> = Arc::new(WebCryptoKey(key));
            Ok(key)
        })
    }

    fn open_approval<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
    ) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        Box::pin(WebKeys::open_approval(self, account, user))
    }

    fn destroy_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(WebKeys::destroy(self, account, &[Purpose::Approval]))
    }

    fn destroy<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(WebKeys::destroy(self, account, &[Purpose::Approval, Purpose::Transport]))
    }

    fn has_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            stored(&self.database, Purpose::Approval, account.as_str()).await.is_ok_and(|found| found.is_some())
        })
    }

    fn seal<'a>(&'a self, account: &'a AccountId, secret: &'a Secret) -> BoxFuture<'a, Result<String, KeyError>> {
        Box::pin(WebKeys::seal(self, account, secret))
    }

    fn unseal<'a>(&'a self, account: &'a AccountId, sealed: &'a str) -> BoxFuture<'a, Result<Secret, KeyError>> {
        Box::pin(WebKeys::unseal(self, account, sealed))
    }
}

async fn stored(database: &Database, purpose: Purpose, account: &str) -> Result<Option<JsValue>, KeyError> {
    let found = async {
        let reading = database.read(&[stores::KEYS])?;
        result_of(reading.store(stores::KEYS)?.get(&purpose.key(account))).await
    };
    let found = found.await.map_err(unusable)?;
    Ok((!found.is_undefined()).then_some(found))
}

/// Stores all of them or none.
async fn put(database: &Database, all: &[(JsValue, JsValue)]) -> Result<(), KeyError> {
    let write = async {
        let writing = database.write(&[stores::KEYS])?;
        let store = writing.store(stores::KEYS)?;
        for (key, value) in all {
            store.put_with_key(value, key).map_err(super::database::failed)?;
        }
        writing.complete().await
    };
    write.await.map_err(unusable)
}

fn unusable(error: VaultError) -> KeyError {
    KeyError::Storage(std::io::Error::other(error))
}
