//! The endpoint's address at each account's provider: told at the start and whenever the provider has lost it, withdrawn at the end.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_device::Device;
use countersign_device::account::AccountId;
use countersign_device::error::OwnCallError;
use countersign_device::view::AccountView;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::push::PushState;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::PushEndpoint;
use crate::device_failure;
use crate::error_code::ErrorCode;
use crate::failure::Failure;
use crate::output::Output;
use crate::push_failure::PushCall;

/// How often it is looked at whether the provider still has the address, by what the latest fetch said of it.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// Without a push the device looks so often, for an address that nobody pushes to any more brings no news of itself.
const LOOK_EVERY: Duration = Duration::from_secs(900);
/// Pauses after a call without a reply: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long withdrawing may take before the command ends without.
const WITHDRAW_WITHIN: Duration = Duration::from_secs(5);

/// The address at every account's provider that takes it.
pub struct Registrations {
    device: Device,
    endpoint: Arc<PushEndpoint>,
    keeping: BTreeMap<AccountId, JoinHandle<()>>,
}

impl Registrations {
    /// Tells each account's provider the address. One that can't be reached is told later.
    ///
    /// # Errors
    /// An account is of a production provider, or no provider takes the address.
    pub async fn begin(
        device: &Device,
        endpoint: PushEndpoint,
        home: Option<&Path>,
        output: Output,
    ) -> Result<Registrations, Failure> {
        // Who takes part, who pushes, and who knows an address that an earlier run left behind.
        device.pull().await;
        let accounts = device.accounts().await.map_err(|error| device_failure::open_failed(&error))?;
        let accounts: Vec<AccountView> = accounts.into_iter().filter(|account| account.no_part().is_none()).collect();
        for_tests_alone(&accounts)?;
        let mut registrations =
            Registrations { device: device.clone(), endpoint: Arc::new(endpoint), keeping: BTreeMap::new() };
        let (mut refused, mut has_taken) = (Vec::new(), false);
        for view in &accounts {
            let call = PushCall { account: view, home, listens: Some(registrations.endpoint.at().ip()) };
            let before = device.push_status(&view.account).await.map(|status| status.state);
            let told = match before {
                Some(PushState::Off) => Err(OwnCallError::Unsupported),
                _ => registrations.tell(&view.account).await,
            };
            match told {
                Err(error) if is_final(&error) => refused.push((call.failure(&error), call.describe(&error))),
                told => {
                    match &told {
                        Ok(()) if before == Some(PushState::Ok) => {
                            output.progress(&left_behind(&view.issuer.host(), "has this one in its place"));
                        }
                        Ok(()) => {}
                        Err(error) => output.progress(&format!("Not woken yet: {}.", call.describe(error))),
                    }
                    has_taken |= told.is_ok();
                    registrations.keep(view.account.clone(), told.err().and_then(|error| asked_pause(&error)), output);
                }
            }
        }
        if registrations.keeping.is_empty() && !refused.is_empty() {
            return Err(refused.swap_remove(0).0);
        }
        for (_, what) in &refused {
            output.progress(&format!("{what}."));
        }
        if has_taken {
            output.progress(&woken_at(&registrations.endpoint));
        }
        Ok(registrations)
    }

    /// Takes the address away from every provider: nothing listens any more.
    pub async fn withdraw(self, output: Output) {
        self.keeping.values().for_each(JoinHandle::abort);
        for account in self.keeping.keys() {
            if !withdrawn(&self.device, account).await {
                tracing::warn!(%account, "the provider was not told that this device can't be woken any more");
                output.progress(NOT_WITHDRAWN);
            }
        }
    }

    async fn tell(&self, account: &AccountId) -> Result<(), OwnCallError> {
        self.device.set_push_address(account, Some(self.endpoint.address(account))).await
    }

    /// Tells the provider again where it has lost the address, or could not be told yet; not before `asked_pause` is over.
    fn keep(&mut self, account: AccountId, asked_pause: Option<Duration>, output: Output) {
        let (device, endpoint) = (self.device.clone(), Arc::clone(&self.endpoint));
        let kept = account.clone();
        let keeping = tokio::spawn(async move {
            sleep(asked_pause.unwrap_or_default()).await;
            let (mut pause, mut looked) = (FIRST_PAUSE, Instant::now());
            loop {
                if looked.elapsed() >= LOOK_EVERY {
                    device.pull().await;
                    looked = Instant::now();
                }
                match device.push_status(&account).await.map(|status| status.state) {
                    Some(PushState::Ok) => {
                        pause = FIRST_PAUSE;
                        sleep(CHECK_EVERY).await;
                        continue;
                    }
                    Some(PushState::Off) => {
                        output.progress("The provider does not push any more.");
                        return;
                    }
                    Some(PushState::None | PushState::Gone | PushState::Rekey) | None => {}
                }
                match device.set_push_address(&account, Some(endpoint.address(&account))).await {
                    // What came meanwhile was pushed nowhere.
                    Ok(()) => {
                        output.progress(&woken_at(&endpoint));
                        device.pull().await;
                        sleep(CHECK_EVERY).await;
                    }
                    Err(error) if is_final(&error) => {
                        output.progress(&format!("The provider takes no push address any more: {error}."));
                        return;
                    }
                    Err(error) => {
                        sleep(self::asked_pause(&error).unwrap_or(pause)).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
            }
        });
        self.keeping.insert(kept, keeping);
    }
}

/// Said where an address could not be taken back.
pub const NOT_WITHDRAWN: &str =
    "A provider was not told that this device can't be woken any more; the next watch tells it.";

/// Takes the address of an account away from its provider, within a few seconds. Whether it is pushed to no more.
pub async fn withdrawn(device: &Device, account: &AccountId) -> bool {
    let withdrawn = timeout(WITHDRAW_WITHIN, device.set_push_address(account, None)).await;
    // One that takes no part any more is pushed nothing.
    matches!(withdrawn, Ok(Ok(()) | Err(OwnCallError::NoPart { .. })))
}

/// Addresses that an earlier run left at providers, because it was killed or could not reach them: nothing listens there any more.
pub struct LeftBehind {
    device: Device,
    accounts: Vec<AccountView>,
    output: Output,
}

impl LeftBehind {
    /// Takes each back as soon as its provider has said whether it knows one.
    pub fn take_back(device: &Device, accounts: &[AccountView], output: Output) -> LeftBehind {
        let accounts: Vec<_> = accounts.iter().filter(|account| account.no_part().is_none()).cloned().collect();
        for account in accounts.clone() {
            let device = device.clone();
            tokio::spawn(async move {
                while device.push_status(&account.account).await.is_none() {
                    sleep(CHECK_EVERY).await;
                }
                withdraw_left(&device, &account, output).await;
            });
        }
        LeftBehind { device: device.clone(), accounts, output }
    }

    /// Takes back what is known to be left, before the command ends.
    pub async fn finish(self) {
        for account in &self.accounts {
            timeout(WITHDRAW_WITHIN, withdraw_left(&self.device, account, self.output)).await.ok();
        }
    }
}

/// One that no longer works is forgotten at its provider, or stands in nobody's way.
async fn withdraw_left(device: &Device, AccountView { account, issuer, .. }: &AccountView, output: Output) {
    let status = device.push_status(account).await;
    if status.is_some_and(|status| status.state == PushState::Ok)
        && device.set_push_address(account, None).await.is_ok()
    {
        output.progress(&left_behind(&issuer.host(), "does not push there any more"));
    }
}

fn woken_at(endpoint: &PushEndpoint) -> String {
    format!("Woken by pushes to {}.", endpoint.at())
}

/// How long the provider asked to wait.
fn asked_pause(error: &OwnCallError) -> Option<Duration> {
    match error {
        OwnCallError::Refused { retry_after, .. } => retry_after.map(Duration::from_secs),
        _ => None,
    }
}

fn left_behind(host: &str, what: &str) -> String {
    format!("An earlier watch left its push address behind: {host} {what}.")
}

/// Refuses accounts of production providers.
///
/// # Errors
/// One is.
pub fn for_tests_alone(accounts: &[AccountView]) -> Result<(), Failure> {
    let Some(real) = accounts.iter().find(|account| !account.test) else { return Ok(()) };
    let what = format!(
        "{} is no provider for tests: an endpoint on this machine is for tests alone; leave out --push",
        real.issuer
    );
    Err(Failure::usage(ErrorCode::Usage, what))
}

/// Whether asking again would change nothing. An unconfirmed device is not found, until its code was typed.
fn is_final(error: &OwnCallError) -> bool {
    use ProblemCode::{Internal, NotFound, RateLimited, Unavailable};
    match error {
        OwnCallError::NoReply { .. } | OwnCallError::Stopped | OwnCallError::NoPart { .. } => false,
        OwnCallError::Refused { code, .. } => !matches!(code, NotFound | RateLimited | Internal | Unavailable),
        _ => true,
    }
}
