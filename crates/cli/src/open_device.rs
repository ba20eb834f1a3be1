//! Opens the device that this process runs, and fetches what is new from its providers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_device::edge::key_file::{KeyChoice, check};
use countersign_device::edge::system;
use countersign_device::{Device, Ports, PullResult};

use crate::arguments::Key;
use crate::device_event_text;
use crate::device_failure::open_failed;
use crate::failure::Failure;
use crate::home::{self, HomeKind};
use crate::output::Output;

/// Opens the device of this home to enroll it, in the language of the environment. Makes one if there is none. The new approval
/// key is to be kept where `key` says; `None`: as well as this machine can.
///
/// # Errors
/// Another process has the home open, or its contents can't be used; the keyring's, before anything is asked or made, where it must
/// be used and can't.
pub async fn open(home: Option<PathBuf>, key: Option<Key>) -> Result<Device, Failure> {
    let mut ports = ports()?;
    ports.key_choice = match key {
        None => KeyChoice::Strongest,
        Some(Key::Keyring) => KeyChoice::Keyring,
        Some(Key::File) => KeyChoice::File,
    };
    if ports.key_choice == KeyChoice::Keyring {
        check(ports.keyring.as_deref()).await.map_err(|why| Failure::usage(why.code(), why))?;
    }
    open_with(&home::folder(home, HomeKind::Device)?, ports).await
}

/// Opens the device of this home for a command that enrolls nothing. Where there is none, that is said, and nothing is made.
///
/// # Errors
/// Another process has the home open, or its contents can't be used.
pub async fn open_existing(home: Option<PathBuf>, output: Output) -> Result<Option<Device>, Failure> {
    let folder = home::folder(home, HomeKind::Device)?;
    if Device::exists_at(&folder) {
        return open_with(&folder, ports()?).await.map(Some);
    }
    let folder = folder.display();
    output
        .progress(&format!("There is no device in {folder}. If yours is in another folder, pass that one as --home."));
    Ok(None)
}

/// Opens the device whose state is in this folder.
///
/// # Errors
/// As [`open_existing`].
pub async fn open_with(folder: &Path, ports: Ports) -> Result<Device, Failure> {
    Device::open(folder, ports).await.map_err(|error| open_failed(&error))
}

/// Clock, randomness, transport and locale of this system.
///
/// # Errors
/// The system's certificates can't be loaded.
pub fn ports() -> Result<Ports, Failure> {
    let mut ports = Ports::new(system::clock(), system::random()).map_err(|error| open_failed(&error))?;
    ports.locale = system::locale();
    Ok(ports)
}

/// Opens the device as [`open_existing`] does, and fetches what is new from each provider. Returns whether one could not be
/// reached.
///
/// # Errors
/// As [`open_existing`].
pub async fn open_and_pull(home: Option<PathBuf>, output: Output) -> Result<Option<(Device, bool)>, Failure> {
    let Some(device) = open_existing(home, output).await? else { return Ok(None) };
    let offline = pull(&device, output).await?;
    Ok(Some((device, offline)))
}

/// Fetches what is new, with progress lines for a slow provider and for each that could not be reached.
async fn pull(device: &Device, output: Output) -> Result<bool, Failure> {
    let pulling = device.pull();
    tokio::pin!(pulling);
    let pulled = tokio::select! {
        pulled = &mut pulling => pulled,
        () = tokio::time::sleep(Duration::from_secs(1)) => {
            output.progress("Fetching new requests from the provider …");
            pulling.await
        }
    };
    let offline: Vec<PullResult> = pulled.into_iter().filter(|pulled| pulled.offline.is_some()).collect();
    if !offline.is_empty() {
        let accounts = device.accounts().await.map_err(|error| open_failed(&error))?;
        let mut told = BTreeSet::new();
        for PullResult { account, offline } in &offline {
            let host = accounts.iter().find(|known| known.account == *account).map(|known| known.issuer.host());
            // Once for all accounts at a provider.
            if let (Some(host), Some((since, why))) = (host, offline)
                && told.insert(host.clone())
            {
                output.progress(&device_event_text::offline(&host, *since, *why));
            }
        }
    }
    Ok(!offline.is_empty())
}
