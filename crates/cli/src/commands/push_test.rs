//! `countersign push-test`: has the provider push to this device now, and says how long each step took.

use std::path::{Path, PathBuf};
use std::time::Instant;

use countersign_device::Device;
use countersign_device::account::AccountId;
use countersign_device::ports::wake::Wake as _;
use countersign_device::view::AccountView;
use countersign_protocol::push::PushTest;
use tokio::time::timeout;

use crate::arguments;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::push_endpoint::{PushEndpoint, PushWake, registration_failed};
use crate::push_report::{LOOK_WITHIN, PushReport};
use crate::request_text::one_line;
use crate::{device_failure, idle_accounts, next_command, open_device};

/// Runs the command.
pub async fn run(test: arguments::PushTest, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let no_accounts = || {
        let enroll = next_command::of_device("enroll LINK", home.as_deref());
        let what = format!("this device has no account yet; enroll it first: {enroll}");
        Failure::usage(ErrorCode::NoAccounts, what)
    };
    let device = open_device::open_existing(home.clone(), output).await?.ok_or_else(no_accounts)?;
    let account = chosen(&device, test.account.as_ref(), home.as_deref()).await?;
    let account = account.ok_or_else(no_accounts)?;
    let (report, awaited) = match test.push {
        None => {
            let tested = device.test_push(&account).await.map_err(|error| registration_failed(&error))?;
            (report(tested, None), false)
        }
        Some(at) => {
            let (endpoint, wake) = PushEndpoint::listen(at).await?;
            let tested = woken(&device, &account, &endpoint, wake).await;
            // Nothing listens from here on.
            device.set_push_address(&account, None).await.ok();
            (tested?, true)
        }
    };
    report.print(awaited, output)?;
    Ok(if report.accepted_ms.is_some() { Exit::Ok } else { Exit::Provider })
}

/// Tests with an endpoint of this command's own, so that the device is woken and calls.
async fn woken(
    device: &Device,
    account: &AccountId,
    endpoint: &PushEndpoint,
    mut wake: PushWake,
) -> Result<PushReport, Failure> {
    let address = Some(endpoint.address(account));
    device.set_push_address(account, address).await.map_err(|error| registration_failed(&error))?;
    let began = Instant::now();
    let look = async {
        wake.next().await?;
        device.pull().await;
        Some(began.elapsed())
    };
    let (tested, looked) = tokio::join!(device.test_push(account), timeout(LOOK_WITHIN, look));
    let tested = tested.map_err(|error| registration_failed(&error))?;
    let looked_ms = looked.ok().flatten().map(|looked| u64::try_from(looked.as_millis()).unwrap_or(u64::MAX));
    Ok(report(tested, looked_ms))
}

/// `looked_ms`: when the device called, since the test began.
fn report(tested: PushTest, looked_ms: Option<u64>) -> PushReport {
    let PushTest { queued_ms, accepted_ms, service } = tested;
    let looked_ms = accepted_ms.and_then(|accepted| Some(looked_ms?.saturating_sub(queued_ms + accepted)));
    PushReport { queued_ms, accepted_ms, looked_ms, service }
}

/// The account that was named, or the only one that takes part; `None` where there is no account.
async fn chosen(device: &Device, named: Option<&AccountId>, home: Option<&Path>) -> Result<Option<AccountId>, Failure> {
    let accounts = device.accounts().await.map_err(|error| device_failure::open_failed(&error))?;
    if let Some(named) = named {
        return match accounts.iter().any(|account| account.account == *named) {
            true => Ok(Some(named.clone())),
            false => {
                Err(Failure::usage(ErrorCode::Unknown, "there is no such account; `countersign accounts` lists them"))
            }
        };
    }
    let active: Vec<&AccountView> = accounts.iter().filter(|account| account.no_part().is_none()).collect();
    match active.as_slice() {
        [only] => Ok(Some(only.account.clone())),
        [] if accounts.is_empty() => Ok(None),
        [] => idle_accounts::failure(device, home).await?.map_or(Ok(None), Err),
        several => {
            let list = several.iter().map(|one| format!("{} ({})", one.account, one_line(&one.subject_label)));
            let list = list.collect::<Vec<_>>().join(", ");
            Err(Failure::usage(ErrorCode::SeveralMatches, format!("name one of the accounts by --account: {list}")))
        }
    }
}
