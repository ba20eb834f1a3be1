//! `countersign accounts`: the device's accounts and their status.

use std::path::PathBuf;

use countersign_device::account::AccountStatus;
use countersign_device::view::AccountView;
use serde::Serialize;

use crate::device_failure;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, Paint};
use crate::request_text::one_line;
use crate::{next_command, open_device, time_format};

#[derive(Serialize)]
struct Event<'a> {
    event: &'static str,
    #[serde(flatten)]
    account: &'a AccountView,
}

/// Runs the command.
pub async fn run(home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let enroll = next_command::of_device("enroll LINK", home.as_deref());
    let accounts = match open_device::open_and_pull(home, output).await? {
        Some((device, _)) => device.accounts().await.map_err(|error| device_failure::open_failed(&error))?,
        None => Vec::new(),
    };
    if accounts.is_empty() {
        output.message(&format!("No accounts yet. Enroll with the link from a provider: {enroll}"))?;
    }
    for account in &accounts {
        output.result(&Event { event: "account", account }, |paint| describe(account, paint))?;
    }
    Ok(Exit::Ok)
}

fn describe(account: &AccountView, paint: Paint) -> String {
    let test = if account.test { "  TEST" } else { "" };
    let mut out = format!("{} at {}{test}", paint.bold(&one_line(&account.subject_label)), account.issuer);
    out += &format!(
        "\n  {}",
        paint.dim(&format!("{} · {} · {}", account.account, account.device_id, one_line(&account.device_name)))
    );
    if let Some(why) = &account.unusable {
        return out + &format!("\n  cannot be used on this device: {}", one_line(why));
    }
    let standing = match &account.status {
        AccountStatus::Unconfirmed => "unconfirmed: type its confirmation code where the link came from".to_owned(),
        AccountStatus::Active if account.can_approve => "active".to_owned(),
        AccountStatus::Active => {
            "active, but can only deny: its approval key was destroyed. Enroll again to approve".to_owned()
        }
        AccountStatus::NotKnown { since } => format!(
            "not known to the provider since {}. Ask the provider, or enroll this device again",
            time_format::full(*since)
        ),
        AccountStatus::Suspended { since } => format!(
            "suspended by the provider since {}: it may have been copied or restored. Ask the provider to \
             lift it, or enroll this device again",
            time_format::full(*since)
        ),
        AccountStatus::Revoked { at } => {
            format!("revoked at {}. Enroll this device again with a new link", time_format::full(*at))
        }
    };
    out += &format!("\n  {standing}");
    if account.pending > 0 {
        out += &format!("; pending requests: {}", account.pending);
    }
    out
}
