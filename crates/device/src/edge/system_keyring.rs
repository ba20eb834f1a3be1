//! Keyring port on the system's: the Secret Service on Linux and BSD, the Credential Manager on Windows, the Keychain on macOS,
//! the Keystore on Android.

use std::sync::Arc;
use std::time::Duration;

use countersign_jose::secret::Secret;
use keyring_core::{CredentialStore, Entry, Error};
use tokio::sync::oneshot;

use crate::ports::keyring::{ANSWER_MS, Keyring, KeyringError};
use crate::ports::maybe_send::BoxFuture;

/// The name that every secret of this program has in a keyring; an account's id tells them apart.
const SERVICE: &str = "countersign";

/// The keyring of the session that this process runs in.
pub struct SystemKeyring;

impl Keyring for SystemKeyring {
    fn check(&self) -> BoxFuture<'_, Result<(), KeyringError>> {
        Box::pin(within(is_open()))
    }

    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Secret>, KeyringError>> {
        Box::pin(call(name, |entry| match entry.get_password() {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(refused(&error)),
        }))
    }

    fn write<'a>(&'a self, name: &'a str, secret: &'a Secret) -> BoxFuture<'a, Result<(), KeyringError>> {
        let secret = secret.clone();
        Box::pin(call(name, move |entry| entry.set_password(secret.expose()).map_err(|error| refused(&error))))
    }

    fn delete<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), KeyringError>> {
        Box::pin(call(name, |entry| match entry.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(refused(&error)),
        }))
    }
}

/// Makes one call, if the keyring is open: a locked one would ask the person, whenever it liked.
async fn call<T: Send + 'static>(
    name: &str,
    call: impl FnOnce(&Entry) -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    let name = name.to_owned();
    within(async move {
        is_open().await?;
        let (done, result) = oneshot::channel();
        let work = move || call(&entry(&*open()?, &name)?);
        // The library blocks its thread, for as long as the keyring likes: it gets one of its own. Who asked may be gone.
        let thread = std::thread::Builder::new().name("keyring".to_owned());
        let started = thread.spawn(move || drop(done.send(work())));
        started.map_err(|error| KeyringError::Refused(error.to_string()))?;
        result.await.unwrap_or_else(|_| Err(KeyringError::Refused("it stopped working".to_owned())))
    })
    .await
}

async fn within<T>(answer: impl Future<Output = Result<T, KeyringError>>) -> Result<T, KeyringError> {
    tokio::time::timeout(Duration::from_millis(ANSWER_MS), answer).await.unwrap_or(Err(KeyringError::Silent))
}

fn open() -> Result<Arc<CredentialStore>, KeyringError> {
    platform::open().map_err(|error| KeyringError::Absent(reason(&error)))
}

async fn is_open() -> Result<(), KeyringError> {
    platform::is_open().await
}

fn entry(store: &CredentialStore, name: &str) -> Result<Entry, KeyringError> {
    platform::entry(store, name).map_err(|error| refused(&error))
}

fn refused(error: &Error) -> KeyringError {
    match error {
        Error::NoStorageAccess(_) => KeyringError::Locked,
        other => KeyringError::Refused(reason(other)),
    }
}

/// What went wrong, in the keyring's words. Never what it holds: some errors carry bytes.
fn reason(error: &Error) -> String {
    match error {
        Error::PlatformFailure(why) | Error::NoStorageAccess(why) => why.to_string(),
        Error::BadEncoding(_) => "its secret is no text".to_owned(),
        Error::Ambiguous(_) => "it has more than one secret of this name".to_owned(),
        other => other.to_string(),
    }
}

/// The Secret Service, by D-Bus: pure Rust, nothing to install.
#[cfg(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))))]
mod platform {
    use std::collections::HashMap;
    use std::sync::Arc;

    use keyring_core::{CredentialStore, Entry, Result};
    use zbus::proxy::{Builder, CacheProperties};
    use zbus::zvariant::OwnedObjectPath;
    use zbus::{Connection, Proxy};

    use super::{KeyringError, SERVICE};

    const BUS_NAME: &str = "org.freedesktop.secrets";

    pub(super) fn open() -> Result<Arc<CredentialStore>> {
        let store: Arc<CredentialStore> = zbus_secret_service_keyring_store::Store::new()?;
        Ok(store)
    }

    /// With a label for whoever looks into the keyring.
    pub(super) fn entry(store: &CredentialStore, name: &str) -> Result<Entry> {
        let label = format!("Countersign: half of the approval key of {name}");
        store.build(SERVICE, name, Some(&HashMap::from([("label", label.as_str())])))
    }

    /// Asks for the collection that secrets go to by default, and whether it is locked.
    pub(super) async fn is_open() -> std::result::Result<(), KeyringError> {
        let session = Connection::session().await.map_err(|error| absent("no session bus", &error))?;
        let silent = |error: zbus::Error| absent("nothing provides the Secret Service", &error);
        let service =
            proxy(&session, "/org/freedesktop/secrets", "org.freedesktop.Secret.Service").await.map_err(silent)?;
        let collection: OwnedObjectPath = service.call("ReadAlias", &("default",)).await.map_err(silent)?;
        if collection.as_str() == "/" {
            return Err(KeyringError::Absent("it has no default collection".to_owned()));
        }
        let collection =
            proxy(&session, collection.as_str(), "org.freedesktop.Secret.Collection").await.map_err(silent)?;
        match collection.get_property::<bool>("Locked").await {
            Ok(false) => Ok(()),
            Ok(true) => Err(KeyringError::Locked),
            Err(error) => Err(absent("it has no default collection", &error)),
        }
    }

    async fn proxy(session: &Connection, path: &str, interface: &'static str) -> zbus::Result<Proxy<'static>> {
        let builder = Builder::new(session).destination(BUS_NAME)?.path(path.to_owned())?.interface(interface)?;
        builder.cache_properties(CacheProperties::No).build().await
    }

    fn absent(what: &str, error: &zbus::Error) -> KeyringError {
        KeyringError::Absent(format!("{what}: {error}"))
    }
}

/// Type-checked only where these targets are installed; never run here.
#[cfg(any(windows, target_os = "macos", target_os = "android"))]
mod platform {
    use std::sync::Arc;

    use keyring_core::{CredentialStore, Entry, Result};

    use super::{KeyringError, SERVICE};

    pub(super) fn open() -> Result<Arc<CredentialStore>> {
        #[cfg(windows)]
        let store: Arc<CredentialStore> = windows_native_keyring_store::Store::new()?;
        #[cfg(target_os = "macos")]
        let store: Arc<CredentialStore> = apple_native_keyring_store::keychain::Store::new()?;
        #[cfg(target_os = "android")]
        let store: Arc<CredentialStore> = android_native_keyring_store::Store::new()?;
        Ok(store)
    }

    pub(super) fn entry(store: &CredentialStore, name: &str) -> Result<Entry> {
        store.build(SERVICE, name, None)
    }

    /// Opening it says so; none of these tells a locked one before it is used.
    pub(super) async fn is_open() -> std::result::Result<(), KeyringError> {
        super::open().map(drop)
    }
}
