//! The endpoint's address at each account's provider: told at the start and whenever the provider has lost it, withdrawn at the end.

use std::collections::BTreeMap;
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
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

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
    pub async fn begin(device: &Device, endpoint: PushEndpoint, output: Output) -> Result<Registrations, Failure> {
        let accounts = device.accounts().await.map_err(|error| device_failure::open_failed(&error))?;
        let accounts: Vec<AccountView> = accounts.into_iter().filter(|account| account.no_part().is_none()).collect();
        if let Some(real) = accounts.iter().find(|account| !account.test) {
            let what = format!(
                "{} is no provider for tests: an endpoint on this machine is for tests alone; leave out --push",
                real.issuer
            );
            return Err(Failure::usage(ErrorCode::Usage, what));
        }
        let mut registrations =
            Registrations { device: device.clone(), endpoint: Arc::new(endpoint), keeping: BTreeMap::new() };
        let mut refused = None;
        for AccountView { account, issuer, .. } in accounts {
            match registrations.tell(&account).await {
                Err(error) if is_final(&error) => {
                    output.progress(&format!("{issuer} takes no push address: {error}."));
                    refused.get_or_insert(registration_failed(&error));
                }
                Ok(()) | Err(_) => registrations.keep(account, output),
            }
        }
        match refused {
            Some(failure) if registrations.keeping.is_empty() => Err(failure),
            _ => {
                output.progress(&format!("Woken by pushes to {}.", registrations.endpoint.at()));
                Ok(registrations)
            }
        }
    }

    /// Takes the address away from every provider: nothing listens any more.
    pub async fn withdraw(self) {
        self.keeping.values().for_each(JoinHandle::abort);
        for account in self.keeping.keys() {
            let withdrawn = timeout(WITHDRAW_WITHIN, self.device.set_push_address(account, None)).await;
            if !matches!(withdrawn, Ok(Ok(_))) {
                tracing::warn!(%account, "the provider was not told that this device can't be woken any more");
            }
        }
    }

    async fn tell(&self, account: &AccountId) -> Result<(), OwnCallError> {
        self.device.set_push_address(account, Some(self.endpoint.address(account))).await.map(drop)
    }

    /// Tells the provider again where it has lost the address, or could not be told yet.
    fn keep(&mut self, account: AccountId, output: Output) {
        let (device, endpoint) = (self.device.clone(), Arc::clone(&self.endpoint));
        let kept = account.clone();
        let keeping = tokio::spawn(async move {
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
                    Ok(_) => {
                        device.pull().await;
                        sleep(CHECK_EVERY).await;
                    }
                    Err(error) if is_final(&error) => {
                        output.progress(&format!("The provider takes no push address any more: {error}."));
                        return;
                    }
                    Err(_) => {
                        sleep(pause).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
            }
        });
        self.keeping.insert(kept, keeping);
    }
}

/// Whether asking again would change nothing. An unconfirmed device is not found, until its code was typed.
fn is_final(error: &OwnCallError) -> bool {
    match error {
        OwnCallError::NoReply | OwnCallError::Stopped | OwnCallError::NoPart { .. } => false,
        OwnCallError::Refused { code, .. } => !matches!(code, ProblemCode::NotFound | ProblemCode::RateLimited),
        _ => true,
    }
}

/// The failure of a command that needs the address.
pub fn registration_failed(error: &OwnCallError) -> Failure {
    let exit = match error {
        OwnCallError::Unknown => Exit::Usage,
        _ => Exit::Provider,
    };
    Failure { exit, code: error.code(), message: error.to_string() }
}
