//! Alice's device: this process, with a home of its own, enrolled by a link like any other.

use std::path::Path;
use std::sync::Arc;

use countersign_device::Device;
use countersign_device::account::AccountStatus;
use countersign_device::view::AccountView;

use super::demo_state::DemoState;
use super::provider_process;
use super::sent_answers::{RecordingTransport, SentAnswers};
use crate::commands::enroll;
use crate::device;
use crate::failure::Failure;
use crate::output::Output;
use crate::pin_pad::PinPad;

/// The device and what it sent.
pub struct DemoDevice {
    /// The device.
    pub device: Device,
    /// Its answers on the wire.
    pub sent_answers: SentAnswers,
    /// Its account.
    pub account: AccountView,
}

/// What a demo without a person uses in place of one.
pub const AUTOMATED: &str = "automated";

/// Opens the device in this home, and enrolls it where it is not.
///
/// # Errors
/// The home is in use, or enrolling failed.
pub async fn open(state: &DemoState, home: &Path, pad: &PinPad, output: Output) -> Result<DemoDevice, Failure> {
    let mut ports = device::ports()?;
    let (wire, sent_answers) = RecordingTransport::over(ports.transport);
    ports.transport = Arc::new(wire);
    let device = device::open_with(home, ports)?;
    let account = match usable(&device).await? {
        Some(account) => account,
        None => {
            enroll(state, &device, pad, output).await?;
            let enrolled = usable(&device).await?;
            enrolled.ok_or_else(|| {
                Failure::provider("not_enrolled", "the device was enrolled, but its account can't be used")
            })?
        }
    };
    Ok(DemoDevice { device, sent_answers, account })
}

async fn usable(device: &Device) -> Result<Option<AccountView>, Failure> {
    let accounts = device.accounts().await.map_err(|error| device::opening(&error))?;
    Ok(accounts
        .into_iter()
        .find(|account| account.status == AccountStatus::Active && account.unusable.is_none() && account.can_approve))
}

async fn enroll(state: &DemoState, device: &Device, pad: &PinPad, output: Output) -> Result<(), Failure> {
    let link = provider_process::enrollment_link(state, "alice").await?;
    state.write_trust(&super::trust(&link)?)?;
    let preview = device.preview(&link).await.map_err(|error| device::enrolling(&error))?;
    if matches!(pad, PinPad::Terminal) {
        output.message("This device is nobody's yet. A link from the provider makes it Alice's:")?;
        output.message(&enroll::describe(&preview, output.paint()))?;
        output.message("")?;
    }
    let name = if matches!(pad, PinPad::Terminal) { "Alice's terminal" } else { "Demo without a person" };
    device.enroll(&preview, name, pad).await.map_err(|error| device::enrolling(&error))?;
    if matches!(pad, PinPad::Terminal) {
        output.message(&format!("\n{} This terminal is Alice's device now.", output.paint().green("Enrolled.")))?;
    }
    Ok(())
}
