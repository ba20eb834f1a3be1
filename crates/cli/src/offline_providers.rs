//! Providers that can't be reached, each named once, however many accounts of it are on this device.

use std::collections::{BTreeMap, BTreeSet};

use countersign_device::DeviceEvent;
use countersign_device::account::AccountId;

/// The accounts that are offline, by their provider's host.
#[derive(Default)]
pub struct OfflineProviders(BTreeMap<String, BTreeSet<AccountId>>);

impl OfflineProviders {
    /// Whether this event says something new about its provider: the first account that is offline, and the first that is
    /// online again. Events of other kinds always do.
    pub fn is_news(&mut self, event: &DeviceEvent, host: &str) -> bool {
        match event {
            DeviceEvent::Offline { account, .. } => {
                let offline = self.0.entry(host.to_owned()).or_default();
                offline.insert(account.clone());
                offline.len() == 1
            }
            DeviceEvent::Online { .. } => self.0.remove(host).is_some(),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_device::device_event::OfflineReason;

    use super::*;

    fn offline(account: &str) -> DeviceEvent {
        DeviceEvent::Offline {
            account: id(account),
            since: 1,
            why: OfflineReason::Unreachable(countersign_device::ports::transport::Unreached::default()),
        }
    }

    fn online(account: &str) -> DeviceEvent {
        DeviceEvent::Online { account: id(account) }
    }

    fn id(letter: &str) -> AccountId {
        format!("ac_{}", letter.repeat(16)).parse().expect("an account's id")
    }

    #[test]
    fn a_provider_is_named_once_for_all_its_accounts() {
        let mut providers = OfflineProviders::default();
        let told = [
            (offline("A"), "id.example"),
            (offline("B"), "id.example"),
            (offline("C"), "other.example"),
            (online("B"), "id.example"),
            (online("A"), "id.example"),
            (offline("A"), "id.example"),
        ];
        let news: Vec<bool> = told.iter().map(|(event, host)| providers.is_news(event, host)).collect();
        assert_eq!(news, [true, false, true, true, false, true]);
    }
}
