//! `countersign pending`: pending requests, the nearest expiry first.

use std::path::PathBuf;

use countersign_device::Device;
use countersign_device::view::ChallengeView;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::idle_accounts::{self, Idle};
use crate::open_device;
use crate::output::{ErrorEvent, Output};
use crate::{device_event_text, device_failure, request_text};

#[derive(Serialize)]
struct Event<'a> {
    event: &'static str,
    #[serde(flatten)]
    challenge: &'a ChallengeView,
}

/// Runs the command. Exits with [`Exit::Provider`] if a provider could not be reached, or an account takes no part: the
/// list may be incomplete.
pub async fn run(home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let given = home.clone();
    let Some((device, offline)) = open_device::open_and_pull(home, output).await? else {
        output.message("No pending requests.")?;
        return Ok(Exit::Ok);
    };
    let idle = idle_accounts::report(&device, given.as_deref(), output).await?;
    if output.is_json() && offline {
        report_offline(&device, output).await?;
    }
    let pending = device.pending().await;
    if pending.is_empty() && idle != Idle::All {
        output.message("No pending requests.")?;
    }
    for challenge in &pending {
        output.result(&Event { event: "challenge", challenge }, |paint| {
            let id = paint.dim(challenge.id.as_str());
            format!("{}\n  {id}", request_text::summary(challenge, paint))
        })?;
    }
    Ok(if offline || idle != Idle::None { Exit::Provider } else { Exit::Ok })
}

/// Says of each account whose provider could not be reached that its requests may be missing. Text is told once per provider.
async fn report_offline(device: &Device, output: Output) -> Result<(), Failure> {
    let accounts = device.accounts().await.map_err(|error| device_failure::open_failed(&error))?;
    for account in &accounts {
        let (Some(since), Some(why)) = (account.offline_since, account.offline_why) else { continue };
        let message = device_event_text::offline(&account.issuer.host(), since, why);
        let event = ErrorEvent { account: Some(account.account.as_str()), ..ErrorEvent::new(why.code(), &message) };
        output.result(&event, |_| String::new())?;
    }
    Ok(())
}
