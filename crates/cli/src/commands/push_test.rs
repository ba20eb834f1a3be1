//! `countersign push-test`: has the provider push to this device now, and says how long each step took.

use std::path::{Path, PathBuf};
use std::time::Instant;

use countersign_device::Device;
use countersign_device::account::AccountId;
use countersign_device::error::OwnCallError;
use countersign_device::ports::wake::Wake as _;
use countersign_device::view::AccountView;
use countersign_protocol::push::{PushState, PushTest};
use tokio::time::timeout;

use crate::arguments;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::push_endpoint::{NOT_WITHDRAWN, PushEndpoint, PushWake, for_tests_alone, withdrawn};
use crate::push_failure::PushCall;
use crate::push_report::{LOOK_WITHIN, PushReport};
use crate::request_text::one_line;
use crate::{device_failure, idle_accounts, next_command, open_device, stop_signal};

/// Runs the command.
pub async fn run(test: arguments::PushTest, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let home = home.as_deref();
    let no_accounts = || {
        let enroll = next_command::of_device("enroll LINK", home);
        let what = format!("this device has no account yet; enroll it first: {enroll}");
        Failure::usage(ErrorCode::NoAccounts, what)
    };
    let device = open_device::open_existing(home.map(Path::to_owned), output).await?.ok_or_else(no_accounts)?;
    // Whether it takes part, can be reached and pushes is known from then on.
    device.pull().await;
    let account = chosen(&device, test.account.as_ref(), home).await?.ok_or_else(no_accounts)?;
    let call = PushCall { account: &account, home, listens: test.push.map(|at| at.ip()) };
    if let Some(why) = account.offline_why {
        return Err(call.failure(&OwnCallError::NoReply { why: Some(why) }));
    }
    let status = device.push_status(&account.account).await;
    if status.is_some_and(|status| status.state == PushState::Off) {
        return Err(call.failure(&OwnCallError::Unsupported));
    }
    match test.push {
        None => {
            let tested = device.test_push(&account.account).await.map_err(|error| call.failure(&error))?;
            let [watch, test] =
                ["watch", "push-test --push 127.0.0.1:0"].map(|what| next_command::of_device(what, home));
            let next = format!(
                "An address that an earlier watch left behind is taken back by {watch}; a new one is tested by {test}"
            );
            report(tested, None).print(false, &next, output)
        }
        Some(at) => {
            for_tests_alone(std::slice::from_ref(&account))?;
            let (endpoint, wake) = PushEndpoint::listen(at).await?;
            let stopped = stop_signal::received();
            let tested = tokio::select! {
                tested = woken(&device, &account.account, &endpoint, wake) => tested.map_err(|error| call.failure(&error)),
                () = stopped => Err(Failure::usage(ErrorCode::Stopped, "stopped before the test had ended")),
            };
            // Nothing listens from here on.
            if !withdrawn(&device, &account.account).await {
                output.progress(NOT_WITHDRAWN);
            }
            tested?.print(true, "It must reach this machine: see [egress] in its configuration", output)
        }
    }
}

/// Tests with an endpoint of this command's own, so that the device is woken and calls.
async fn woken(
    device: &Device,
    account: &AccountId,
    endpoint: &PushEndpoint,
    mut wake: PushWake,
) -> Result<PushReport, OwnCallError> {
    device.set_push_address(account, Some(endpoint.address(account))).await?;
    let began = Instant::now();
    let look = async {
        wake.next().await?;
        device.pull().await;
        Some(began.elapsed())
    };
    let (tested, looked) = tokio::join!(device.test_push(account), timeout(LOOK_WITHIN, look));
    let looked_ms = looked.ok().flatten().map(|looked| u64::try_from(looked.as_millis()).unwrap_or(u64::MAX));
    Ok(report(tested?, looked_ms))
}

/// `looked_ms`: when the device called, since the test began.
fn report(tested: PushTest, looked_ms: Option<u64>) -> PushReport {
    let PushTest { queued_ms, accepted_ms, service } = tested;
    let looked_ms = accepted_ms.and_then(|accepted| Some(looked_ms?.saturating_sub(queued_ms + accepted)));
    PushReport { queued_ms, accepted_ms, looked_ms, service }
}

/// The account that was named, or the only one that takes part; `None` where there is no account.
async fn chosen(
    device: &Device,
    named: Option<&AccountId>,
    home: Option<&Path>,
) -> Result<Option<AccountView>, Failure> {
    let mut accounts = device.accounts().await.map_err(|error| device_failure::open_failed(&error))?;
    if let Some(named) = named {
        let at = accounts.iter().position(|account| account.account == *named);
        let at = at.ok_or_else(|| Failure::usage(OwnCallError::Unknown.code(), OwnCallError::Unknown))?;
        return match idle_accounts::of(&accounts[at], home) {
            Some(failure) => Err(failure),
            None => Ok(Some(accounts.swap_remove(at))),
        };
    }
    let none = accounts.is_empty();
    accounts.retain(|account| account.no_part().is_none());
    match accounts.len() {
        0 if none => Ok(None),
        0 => idle_accounts::failure(device, home).await?.map_or(Ok(None), Err),
        1 => Ok(accounts.pop()),
        _ => {
            let list = accounts.iter().map(|one| format!("{} ({})", one.account, one_line(&one.subject_label)));
            let list = list.collect::<Vec<_>>().join(", ");
            Err(Failure::usage(ErrorCode::SeveralMatches, format!("name one of the accounts by --account: {list}")))
        }
    }
}
