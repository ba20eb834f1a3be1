//! `countersign op device`: lists a user's devices, and revokes one.

use std::path::PathBuf;

use countersign_gateway::{DeviceRecord, DeviceState, RevokeError};
use countersign_protocol::revocation::RevokedBy;
use serde_json::json;

use super::directory_failure;
use super::open_provider::{open_beside, open_to_look};
use crate::arguments::{OpDevice, ProviderConfig};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::next_command::ProviderCommands;
use crate::output::Output;
use crate::request_text::one_line;
use crate::shell::word;
use crate::time_format;

/// Runs the command.
pub async fn run(
    command: OpDevice,
    config: &ProviderConfig,
    home: Option<PathBuf>,
    output: Output,
) -> Result<Exit, Failure> {
    let hints = ProviderCommands::new(config, home.as_deref());
    let provider = match &command {
        OpDevice::List { .. } => open_to_look(config, home)?,
        OpDevice::Revoke { .. } => open_beside(config, home, output)?,
    };
    match command {
        OpDevice::List { user } => {
            let user = provider.user(&user).map_err(directory_failure)?;
            let devices = provider.gateway().devices(&user.sub).map_err(|error| Failure::usage(error.code(), error))?;
            if devices.is_empty() {
                let sub = user.sub.as_str();
                let link = hints.command(&format!("link {}", word(sub)));
                output.message(&format!("{sub} has no device. Make a link: {link}"))?;
            }
            for device in &devices {
                let event = json!({
                    "event": "device",
                    "device_id": device.id,
                    "sub": device.subject,
                    "name": device.name,
                    "class": device.class.as_str(),
                    "platform": device.platform,
                    "key_protection": device.key_protection,
                    "approval_key_type": device.key_type().as_str(),
                    "webauthn": device.passkey,
                    "code_origin": device.code_origin,
                    "status": device.state,
                    "registered_at": device.registered_at.seconds(),
                    "confirmed_at": device.confirmed_at.map(|at| at.seconds()),
                });
                output.result(&event, |paint| {
                    format!(
                        "{}  {}\n  {}",
                        paint.bold(device.id.as_str()),
                        one_line(&device.name),
                        paint.dim(&about(device))
                    )
                })?;
            }
        }
        OpDevice::Revoke { device } => {
            let revoked =
                provider.gateway().revoke_device(&device, RevokedBy::Operator).await.map_err(|error| match error {
                    RevokeError::UnknownDevice => Failure::usage(
                        error.code(),
                        format!(
                            "there is no device {}; list them: {}",
                            device.as_str(),
                            hints.command("device list USER")
                        ),
                    ),
                    other => Failure::usage(other.code(), other),
                })?;
            let event = json!({ "event": "device_revoked", "device_id": device, "changed": revoked });
            output.result(&event, |_| match revoked {
                true => format!(
                    "{} is revoked. It learns so at its next call, and the user's other devices are notified.",
                    device.as_str()
                ),
                false => format!("{} was revoked or had ended before.", device.as_str()),
            })?;
        }
    }
    Ok(Exit::Ok)
}

fn about(device: &DeviceRecord) -> String {
    let standing = match device.state {
        DeviceState::Unconfirmed => "unconfirmed: waits for its confirmation code",
        DeviceState::Active => "active",
        DeviceState::Suspended => "suspended: it may have been copied or restored",
        DeviceState::Revoked => "revoked",
        DeviceState::Abandoned => "never confirmed",
    };
    let key = match &device.passkey {
        None => String::new(),
        Some(passkey) if passkey.backup_eligible => " · passkey, may be on several devices".to_owned(),
        Some(_) => " · passkey of this device".to_owned(),
    };
    format!(
        "{standing} · {} · {}{key} · since {}",
        device.class.as_str(),
        one_line(&device.platform),
        time_format::full(device.registered_at.seconds())
    )
}
