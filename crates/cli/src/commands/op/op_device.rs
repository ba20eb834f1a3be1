//! `countersign op device`: lists a user's devices, and revokes one.

use std::path::PathBuf;

use countersign_gateway::{DeviceRecord, DeviceState, PushRecord, PushTestError, RevokeError};
use countersign_op::Provider;
use countersign_protocol::id::DeviceId;
use countersign_protocol::push::PushState;
use serde_json::{Value, json};

use super::lookup_failure;
use super::open_provider::{open_beside, open_to_look};
use crate::arguments::{OpDevice, ProviderConfig};
use crate::attestation_text::is_of_the_place_alone;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::next_command::ProviderCommands;
use crate::output::Output;
use crate::push_report::{LOOK_WITHIN, PushReport};
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
        OpDevice::PushTest { .. } | OpDevice::Revoke { .. } => open_beside(config, home, output)?,
    };
    match command {
        OpDevice::List { user } => {
            let user = provider.user(&user);
            let user = user.map_err(|error| lookup_failure(&error, &hints.command("user list")))?;
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
                    "key_verified": device.key_verified,
                    "approval_key_type": device.key_type().as_str(),
                    "webauthn": webauthn_member(device),
                    "code_origin": device.code_origin,
                    "shared": device.shared,
                    "status": device.state,
                    "registered_at": device.registered_at.seconds(),
                    "confirmed_at": device.confirmed_at.map(|at| at.seconds()),
                    "push": push_member(&device.push),
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
        OpDevice::PushTest { device } => return push_test(&provider, &device, &hints, output).await,
        OpDevice::Revoke { device } => {
            let revoked = provider.revoke_device(&device).await.map_err(|error| match error {
                RevokeError::UnknownDevice => unknown_device(&device, error.code(), &hints),
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

fn unknown_device(device: &DeviceId, code: &'static str, hints: &ProviderCommands) -> Failure {
    let list = hints.command("device list USER");
    Failure::usage(code, format!("there is no device {}; list them: {list}", device.as_str()))
}

async fn push_test(
    provider: &Provider,
    device: &DeviceId,
    hints: &ProviderCommands,
    output: Output,
) -> Result<Exit, Failure> {
    if provider.served_by().is_none() {
        let what =
            format!("no process serves this home, and nothing sends the push; start it: {}", hints.command("serve"));
        return Err(Failure::provider(ErrorCode::Unreachable, what));
    }
    let gateway = provider.gateway();
    let report = gateway.test_push(device).await.map_err(|error| match error {
        PushTestError::UnknownDevice => unknown_device(device, error.code(), hints),
        PushTestError::NotSent => {
            let what = "nothing took the push from the queue within 15 s; the provider's log says why";
            Failure::provider(error.code(), what)
        }
        PushTestError::PutOff { .. } => Failure::provider(error.code(), error),
        other => Failure::usage(other.code(), other),
    })?;
    let looked = gateway.await_look(device, &report, LOOK_WITHIN).await;
    let looked_ms = looked.map_err(|error| Failure::usage(error.code(), error))?;
    let report =
        PushReport { queued_ms: report.queued_ms, accepted_ms: report.accepted_ms, looked_ms, service: report.service };
    report.print(true, "The device registers another address when it next runs", output)
}

fn push_member(push: &PushRecord) -> Value {
    json!({
        "state": push.state,
        "proven": push.proven,
        "service": push.service,
        "last_ok": push.last_ok.map(|at| at.seconds()),
        "last_failure": push.last_failure.map(|at| at.seconds()),
    })
}

/// What its statements say of its passkey, and whether it was backed up when it last signed (BS).
fn webauthn_member(device: &DeviceRecord) -> Option<Value> {
    let mut member = json!(device.passkey.as_ref()?);
    member["backup_state"] = json!(device.backup_state);
    Some(member)
}

/// How its approval key is kept, where it is a passkey, and who says so.
fn passkey_text(device: &DeviceRecord) -> String {
    let Some(passkey) = &device.passkey else { return String::new() };
    let reach = match (passkey.backup_eligible, device.backup_state) {
        (true, Some(true)) => "on several devices",
        (true, _) => "may be on several devices",
        (false, _) => "of this device",
    };
    match device.key_verified {
        Some(level) if is_of_the_place_alone(level) => {
            format!(" · passkey, {reach}, attested ({}): what holds the key, not who uses it", level.as_str())
        }
        Some(level) => format!(" · passkey, {reach}, attested ({})", level.as_str()),
        None => format!(" · passkey, {reach}, as the page says"),
    }
}

/// How a push is told in words; nothing where there is no address.
fn push_text(push: &PushRecord) -> String {
    let service = push.service.as_deref().unwrap_or_default();
    let address = match push.state {
        PushState::Ok if push.proven => format!(" · woken by {service}"),
        PushState::Ok => format!(" · can be woken by {service}, which no call has proven yet"),
        PushState::Gone => format!(" · can't be woken: {service} no longer knows its address"),
        PushState::Rekey => format!(" · must subscribe anew at {service}"),
        PushState::None | PushState::Off => return String::new(),
    };
    match push.last_failure.filter(|failed| push.last_ok.is_none_or(|ok| ok < *failed)) {
        Some(failed) => format!("{address}; the last push failed {}", time_format::full(failed.seconds())),
        None => address,
    }
}

fn about(device: &DeviceRecord) -> String {
    let standing = match device.state {
        DeviceState::Unconfirmed => "unconfirmed: waits for its confirmation code",
        DeviceState::Active => "active",
        DeviceState::Suspended => "suspended: it may have been copied or restored",
        DeviceState::Revoked => "revoked",
        DeviceState::Abandoned => "never confirmed",
    };
    let key = passkey_text(device);
    let shared = if device.shared { " · several people use it" } else { "" };
    format!(
        "{standing} · {} · {}{key}{shared} · since {}{}",
        device.class.as_str(),
        one_line(&device.platform),
        time_format::full(device.registered_at.seconds()),
        push_text(&device.push)
    )
}
