//! `countersign unenroll`: takes an account off this device. Its keys are destroyed; its history and its evidence stay.

use std::path::PathBuf;

use countersign_device::view::AccountView;
use serde_json::json;

use crate::arguments::Unenroll;
use crate::confirmation::{self, Confirmed};
use crate::device_failure;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open_device;
use crate::output::Output;
use crate::request_text::one_line;

/// Runs the command. Calls no provider.
pub async fn run(unenroll: Unenroll, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let unknown = || device_failure::unenroll_failed(&countersign_device::error::UnenrollError::Unknown);
    let device = open_device::open_existing(home, output).await?.ok_or_else(unknown)?;
    let accounts = device.accounts().await.map_err(|error| device_failure::open_failed(&error))?;
    let account = accounts.into_iter().find(|known| known.account == unenroll.account).ok_or_else(unknown)?;
    if !unenroll.yes {
        output.progress(&describe(&account));
        if confirmation::ask("Take it off this device?", false)? == Confirmed::No {
            let (exit, code) = (Exit::Denied, ErrorCode::NotUnenrolled.code());
            return Err(Failure { exit, code, message: "declined: nothing was changed".to_owned() });
        }
    }
    device.unenroll(&account.account).await.map_err(|error| device_failure::unenroll_failed(&error))?;
    let event = json!({
        "event": "unenrolled",
        "account": account.account,
        "issuer": account.issuer,
        "subject": account.subject,
        "device_id": account.device_id,
    });
    output.result(&event, |_| {
        let (whose, issuer) = (one_line(&account.subject_label), &account.issuer);
        let mut out = format!("The account of {whose} at {issuer} is off this device; its history stays.");
        if account.status.no_part().is_none() {
            let id = &account.device_id;
            out += &format!("\nThe provider was not told, and goes on asking this device: have it revoke {id}.");
        }
        out
    })?;
    Ok(Exit::Ok)
}

fn describe(account: &AccountView) -> String {
    let (whose, issuer) = (one_line(&account.subject_label), &account.issuer);
    let mut out = format!(
        "The account of {whose} at {issuer} ({}): its keys on this device will be destroyed. What it signed stays here, as evidence.",
        account.account
    );
    if account.pending > 0 {
        out += &format!("\nRequests that wait and could not be answered here any more: {}.", account.pending);
    }
    out
}
