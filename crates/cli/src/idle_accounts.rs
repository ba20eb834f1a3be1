//! Accounts that take no part: suspended, revoked, unknown to their provider, or unusable on this device.

use std::path::Path;

use countersign_device::Device;
use countersign_device::account::AccountId;
use countersign_device::error::AnswerError;
use countersign_device::view::AccountView;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{ErrorEvent, Output};
use crate::request_text::one_line;
use crate::{device_failure, next_command};

/// How many of the accounts take no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Every account takes part, or was enrolled again since.
    None,
    /// Some do, some don't.
    Some,
    /// There are accounts, and none takes part.
    All,
}

/// Says of each account that takes no part why, and what to do, on standard error; with `--json` also as an error.
///
/// # Errors
/// The accounts can't be read.
pub async fn report(device: &Device, home: Option<&Path>, output: Output) -> Result<Idle, Failure> {
    let accounts = accounts(device).await?;
    let idle = idle(&accounts);
    for (account, why) in &idle {
        let sentence = sentence(account, why, home);
        output.progress(&sentence);
        if output.is_json() {
            let code = error(account, why).code();
            let event = ErrorEvent { account: Some(account.account.as_str()), ..ErrorEvent::new(code, &sentence) };
            output.result(&event, |_| String::new())?;
        }
    }
    Ok(match (idle.len(), accounts.iter().any(|account| account.no_part().is_none())) {
        (0, _) => Idle::None,
        (_, true) => Idle::Some,
        (_, false) => Idle::All,
    })
}

/// Why this account takes no part, if it doesn't.
///
/// # Errors
/// The accounts can't be read.
pub async fn no_part(device: &Device, account: &AccountId) -> Result<Option<String>, Failure> {
    let accounts = accounts(device).await?;
    let known = accounts.iter().find(|known| known.account == *account);
    Ok(known.and_then(AccountView::no_part).map(one_line))
}

/// The failure of a command that finds nothing because no account takes part.
///
/// # Errors
/// The accounts can't be read.
pub async fn failure(device: &Device, home: Option<&Path>) -> Result<Option<Failure>, Failure> {
    let accounts = accounts(device).await?;
    if accounts.iter().any(|account| account.no_part().is_none()) {
        return Ok(None);
    }
    let first = idle(&accounts).into_iter().next();
    Ok(first.and_then(|(account, _)| of(account, home)))
}

/// The failure of a command for this account, if it takes no part.
pub fn of(account: &AccountView, home: Option<&Path>) -> Option<Failure> {
    let why = account.no_part()?;
    let code = error(account, why).code();
    Some(Failure { exit: Exit::Provider, code, message: sentence(account, why, home) })
}

fn error(account: &AccountView, why: &str) -> AnswerError {
    match account.unusable {
        Some(_) => AnswerError::Unusable { why: why.to_owned() },
        None => AnswerError::NoPart { status: account.status.clone() },
    }
}

async fn accounts(device: &Device) -> Result<Vec<AccountView>, Failure> {
    device.accounts().await.map_err(|error| device_failure::open_failed(&error))
}

/// Accounts that take no part, and why; without those whose user was enrolled again since.
fn idle(accounts: &[AccountView]) -> Vec<(&AccountView, &str)> {
    let replaced = |idle: &AccountView| {
        let same = |other: &AccountView| other.issuer == idle.issuer && other.subject == idle.subject;
        accounts.iter().any(|other| same(other) && other.no_part().is_none())
    };
    let idle = accounts.iter().filter_map(|account| Some((account, account.no_part()?)));
    idle.filter(|(account, _)| !replaced(account)).collect()
}

/// That an account takes no part, why, and what to do.
pub fn sentence(account: &AccountView, why: &str, home: Option<&Path>) -> String {
    let (whose, issuer, why) = (one_line(&account.subject_label), &account.issuer, one_line(why));
    let unenroll = next_command::of_device(&format!("unenroll {}", account.account), home);
    format!("The account of {whose} at {issuer} takes no part: {why}. To take it off this device: {unenroll}")
}
