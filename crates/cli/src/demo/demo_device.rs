//! Alice's device: runs in this process with a home of its own, enrolled with a link like any other.

use std::path::Path;
use std::sync::Arc;

use countersign_device::Device;
use countersign_device::account::AccountStatus;
use countersign_device::edge::key_file::KeyChoice;
use countersign_device::view::AccountView;

use super::demo_state::DemoState;
use super::provider_process;
use super::sent_answers::{RecordingTransport, SentAnswers};
use crate::commands::enroll;
use crate::device_failure;
use crate::error_code::ErrorCode;
use crate::failure::Failure;
use crate::open_device;
use crate::output::Output;
use crate::pin_pad::PinPad;

/// Alice's device, its account, and the answers it sent.
pub struct DemoDevice {
    /// The device.
    pub device: Device,
    /// The answers it sent.
    pub sent_answers: SentAnswers,
    /// Its account.
    pub account: AccountView,
}

/// Home of the device of an unattended demo, in the demo's folder.
pub const AUTOMATED: &str = "automated";

/// Opens the device in this home, and enrolls it if it has no account.
///
/// # Errors
/// The home is in use, or enrolling failed.
pub async fn open(state: &DemoState, home: &Path, pad: &PinPad, output: Output) -> Result<DemoDevice, Failure> {
    let mut ports = open_device::ports()?;
    let (transport, sent_answers) = RecordingTransport::wrap(ports.transport);
    ports.transport = Arc::new(transport);
    // A demo leaves nothing in the person's own keyring.
    ports.key_choice = KeyChoice::File;
    let device = open_device::open_with(home, ports).await?;
    let account = match usable(&device).await? {
        Some(account) => account,
        None => {
            enroll(state, &device, pad, output).await?;
            let enrolled = usable(&device).await?;
            enrolled.ok_or_else(|| {
                Failure::provider(
                    ErrorCode::NotEnrolled,
                    "the device was enrolled, but its account can't be used; start over with --fresh",
                )
            })?
        }
    };
    Ok(DemoDevice { device, sent_answers, account })
}

async fn usable(device: &Device) -> Result<Option<AccountView>, Failure> {
    let accounts = device.accounts().await.map_err(|error| device_failure::open_failed(&error))?;
    Ok(accounts
        .into_iter()
        .find(|account| account.status == AccountStatus::Active && account.unusable.is_none() && account.can_approve))
}

async fn enroll(state: &DemoState, device: &Device, pad: &PinPad, output: Output) -> Result<(), Failure> {
    let link = provider_process::enrollment_link(state, "alice").await?;
    state.write_trust(&super::evidence_root(&link)?)?;
    let preview = device.preview(&link).await.map_err(|error| device_failure::enroll_failed(&error))?;
    if matches!(pad, PinPad::Terminal) {
        output.message("This device is not enrolled yet. A link from the provider enrolls it for Alice:")?;
        output.message(&enroll::describe(&preview, output.paint()))?;
        output.message("")?;
    }
    let name = if matches!(pad, PinPad::Terminal) { "Alice's terminal" } else { "Demo without a person" };
    device.enroll(&preview, name, pad).await.map_err(|error| device_failure::enroll_failed(&error))?;
    if matches!(pad, PinPad::Terminal) {
        output.message(&format!("\n{} This terminal is Alice's device now.", output.paint().green("Enrolled.")))?;
    }
    Ok(())
}
