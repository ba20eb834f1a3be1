//! `countersign unenroll`: takes an account off this device. Its keys are destroyed; its history and its evidence stay.

use std::path::PathBuf;

use countersign_device::account::AccountStatus;
use countersign_device::device_event::OfflineReason;
use countersign_device::error::{OwnCallError, UnenrollError};
use countersign_device::view::AccountView;
use serde_json::json;

use crate::arguments::Unenroll;
use crate::confirmation::{self, Confirmed};
use crate::device_event_text::unreached;
use crate::device_failure;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open_device;
use crate::output::Output;
use crate::request_text::one_line;

/// Runs the command. A provider that can't be told keeps nothing from leaving.
pub async fn run(unenroll: Unenroll, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let unknown = || device_failure::unenroll_failed(&UnenrollError::Unknown);
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
    let unenrolled = device.unenroll(&account.account).await;
    let not_told = unenrolled.map_err(|error| device_failure::unenroll_failed(&error))?.not_told;
    let event = json!({
        "event": "unenrolled",
        "account": account.account,
        "issuer": account.issuer,
        "subject": account.subject,
        "device_id": account.device_id,
        "revoked": not_told.is_none(),
    });
    output.result(&event, |_| {
        let (whose, issuer) = (one_line(&account.subject_label), &account.issuer);
        match &not_told {
            None => format!(
                "The account of {whose} at {issuer} is off this device, which the provider has revoked; its history stays."
            ),
            Some(OwnCallError::NoPart { status: AccountStatus::NotKnown { .. } }) => format!(
                "The account of {whose} at {issuer} is off this device; its history stays. The provider did not know this device any more."
            ),
            Some(error) => {
                let told = match error {
                    // It may have done what it was asked.
                    OwnCallError::NoReply { why: Some(OfflineReason::NoReply | OfflineReason::Unwell) | None } => {
                        "may not have been told"
                    }
                    _ => "was not told",
                };
                let why = match error {
                    OwnCallError::NoReply { why: Some(why) } => unreached(&issuer.host(), *why),
                    other => one_line(&other.to_string()),
                };
                format!(
                    "The account of {whose} at {issuer} is off this device; its history stays.\n\
                     The provider {told}: {why}. It lists this device until it is revoked there. \
                     Its operator types: countersign op device revoke {}",
                    account.device_id
                )
            }
        }
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
