//! Opens this run's device and turns what went wrong in it into words and exit codes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_device::device_event::OfflineReason;
use countersign_device::edge::system;
use countersign_device::error::{AnswerError, EnrollError, ExportError, OpenError};
use countersign_device::{Device, DeviceEvent, Ports, PullResult};
use countersign_protocol::notice::DeviceEvent as OtherDevice;
use countersign_protocol::registration;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{self, HomeKind};
use crate::output::Output;
use crate::time_format;

/// Opens the device of this home, in the language of the environment.
///
/// # Errors
/// Another process holds the home, or what is in it can't be used.
pub fn open(home: Option<PathBuf>) -> Result<Device, Failure> {
    open_with(&home::folder(home, HomeKind::Device)?, ports()?)
}

/// Opens the device that lives in this folder.
///
/// # Errors
/// As [`open`].
pub fn open_with(folder: &Path, ports: Ports) -> Result<Device, Failure> {
    Device::open(folder, ports).map_err(|error| opening(&error))
}

/// What a device needs of this system.
///
/// # Errors
/// The system's certificates can't be loaded.
pub fn ports() -> Result<Ports, Failure> {
    let mut ports = Ports::new(system::clock(), system::random()).map_err(|error| opening(&error))?;
    ports.locale = system::locale();
    Ok(ports)
}

/// Opens the device and looks what is new, as every opening does. Says whether a provider could not be reached.
///
/// # Errors
/// As [`open`].
pub async fn open_and_pull(home: Option<PathBuf>, output: Output) -> Result<(Device, bool), Failure> {
    let device = open(home)?;
    let offline = pull(&device, output).await?;
    Ok((device, offline))
}

/// Looks what is new; tells which provider could not be reached, and when it takes long.
async fn pull(device: &Device, output: Output) -> Result<bool, Failure> {
    let pulling = device.pull();
    tokio::pin!(pulling);
    let pulled = tokio::select! {
        pulled = &mut pulling => pulled,
        () = tokio::time::sleep(Duration::from_secs(1)) => {
            output.progress("Asking the provider for what is new …");
            pulling.await
        }
    };
    let offline: Vec<PullResult> = pulled.into_iter().filter(|pulled| pulled.offline.is_some()).collect();
    if !offline.is_empty() {
        let accounts = device.accounts().await.map_err(|error| opening(&error))?;
        for PullResult { account, offline } in &offline {
            let host = accounts.iter().find(|known| known.account == *account).map(|known| known.issuer.host());
            if let (Some(host), Some((since, why))) = (host, offline) {
                output.progress(&trouble(&host, *since, *why));
            }
        }
    }
    Ok(!offline.is_empty())
}

/// Why a provider counts as offline, in words.
pub fn trouble(host: &str, since: u64, why: OfflineReason) -> String {
    let what = match why {
        OfflineReason::Unreachable => "can't be reached",
        OfflineReason::NotTheProvider => "does not answer itself; something else does, check the network",
        OfflineReason::NoReply => "does not reply",
        _ => "is busy or broken",
    };
    let since = time_format::full(since);
    format!("{host} {what} (since {since}). Answers are kept and will be sent.")
}

/// What happened beside requests and answers, in words.
pub fn beside(event: &DeviceEvent, host: &str) -> String {
    let name = |name: &str| countersign_protocol::text::escape(name);
    match event {
        DeviceEvent::Offline { since, why, .. } => trouble(host, *since, *why),
        DeviceEvent::Online { .. } => format!("{host} replies again."),
        DeviceEvent::Confirmed { .. } => format!("The account at {host} is confirmed and takes part now."),
        DeviceEvent::AccountUnknown { since, .. } => {
            let since = time_format::full(*since);
            format!(
                "{host} does not know this device any more (since {since}). Nothing is lost; it is asked again every hour."
            )
        }
        DeviceEvent::AccountSuspended { since, .. } => {
            let since = time_format::full(*since);
            format!("{host} has suspended this device (since {since}): it may have been copied or restored. Ask there.")
        }
        DeviceEvent::AccountKnown { .. } => format!("{host} knows this device again."),
        DeviceEvent::AccountRevoked { at, .. } => {
            format!(
                "{host} revoked this device at {}. Its keys are destroyed; its history stays.",
                time_format::full(*at)
            )
        }
        DeviceEvent::AccountUnusable { why, .. } => {
            format!("The account at {host} cannot be used on this device: {}", name(why))
        }
        DeviceEvent::Refused { id, code, .. } => {
            let code = serde_json::to_value(code).unwrap_or_default();
            format!("{id} could not be verified or shown, and was refused ({}).", code.as_str().unwrap_or("refused"))
        }
        DeviceEvent::AnswerNotTaken { id, status, .. } => {
            format!("{host} did not take the answer to {id} (status {status}). It is kept and sent again.")
        }
        DeviceEvent::OtherDeviceRevoked { device_name, .. } => {
            format!("Another device was revoked at {host}: {}.", name(device_name))
        }
        DeviceEvent::OtherDevice { change, device_name, .. } => {
            let which = device_name.as_deref().map(|device| format!(": {}", name(device))).unwrap_or_default();
            let what = match change {
                OtherDevice::DeviceAdded => "A device was added to your account",
                OtherDevice::DeviceRotated => "A device of yours got new keys",
                OtherDevice::DeviceSuspended => "A device of yours may have been copied or restored, and was suspended",
                OtherDevice::LinkUsedAgain => "Somebody tried to use an enrollment link of yours again",
                _ => "Something changed with your devices",
            };
            format!("{what} at {host}{which}.")
        }
        DeviceEvent::Ignored { what, .. } => format!("Ignored, for it does not verify: {what} ({host})."),
        _ => format!("Something happened at {host} that this version has no words for."),
    }
}

/// A device that did not open.
pub fn opening(error: &OpenError) -> Failure {
    Failure::usage(error.code(), error)
}

/// An enrollment that failed.
pub fn enrolling(error: &EnrollError) -> Failure {
    let exit = match error {
        EnrollError::Token(registration::TokenError::Expired) => Exit::Expired,
        EnrollError::Token(_) | EnrollError::Manifest(_) => Exit::Unverified,
        EnrollError::Discovery(_)
        | EnrollError::NoReply(_)
        | EnrollError::NotAProvider { .. }
        | EnrollError::Refused { .. } => Exit::Provider,
        _ => Exit::Usage,
    };
    Failure { exit, code: error.code(), message: error.to_string() }
}

/// An answer that was not given.
pub fn answering(error: &AnswerError) -> Failure {
    let exit = if matches!(error, AnswerError::Expired) { Exit::Expired } else { Exit::Usage };
    Failure { exit, code: error.code(), message: error.to_string() }
}

/// A history or evidence that can't be had.
pub fn exporting(error: &ExportError) -> Failure {
    let exit = if matches!(error, ExportError::Broken(_)) { Exit::Unverified } else { Exit::Usage };
    Failure { exit, code: error.code(), message: error.to_string() }
}
