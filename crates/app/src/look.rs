//! One look of a device that was woken: what waits at each of its accounts, verified, for notifications. It answers nothing.

use countersign_device::Device;
use countersign_protocol::text::escape;
use serde::Serialize;

use crate::failure::Failure;

/// What a look brought.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Look {
    /// Every account that takes part.
    pub accounts: Vec<AccountLook>,
}

/// What waits at one account. Nothing of what is asked, and not by whom: a notification is read by whoever sees the screen.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AccountLook {
    /// The account's id on this device.
    pub account: String,
    /// The provider's name, where a verified request says it; else its host.
    pub provider: String,
    /// Whether the provider answered.
    pub reached: bool,
    /// The requests, the earliest expiry first, without those that come quietly.
    pub requests: Vec<WaitingRequest>,
}

/// A request that waits.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WaitingRequest {
    /// The challenge's id.
    pub id: String,
    /// Milliseconds until it expires, by the provider's clock; `null` while that is not known.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub left_ms: Option<u64>,
}

impl Look {
    /// Fetches once at every account of this device, and says what waits.
    ///
    /// # Errors
    /// [`Failure`] where the device's records can't be read.
    pub async fn with(device: &Device) -> Result<Look, Failure> {
        device.pull().await;
        let pending = device.pending().await;
        let accounts = device.accounts().await?;
        let taking_part = accounts.into_iter().filter(|view| view.no_part().is_none());
        let look = |view: countersign_device::view::AccountView| {
            let mine = || pending.iter().filter(|asked| asked.account == view.account && !asked.held);
            // Of another provider the gateway only says that it asks in its name.
            let named = mine().find(|asked| asked.provider.issuer == view.issuer);
            AccountLook {
                account: view.account.to_string(),
                provider: named.map_or_else(|| view.issuer.host(), |asked| escape(&asked.provider.name)),
                reached: view.offline_since.is_none(),
                requests: mine()
                    .map(|asked| WaitingRequest { id: asked.id.to_string(), left_ms: asked.left_ms })
                    .collect(),
            }
        };
        Ok(Look { accounts: taking_part.map(look).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a worker can put into a notification is what is here: one member more is one thing more on a locked screen.
    #[test]
    fn attack_a_notification_is_made_of_counts_and_times_alone() {
        let requests = vec![WaitingRequest { id: "ch_1".to_owned(), left_ms: Some(60_000) }];
        let account =
            AccountLook { account: "ac_1".to_owned(), provider: "Example Bank".to_owned(), reached: true, requests };
        let look = serde_json::to_value(Look { accounts: vec![account] }).expect("it has string keys");
        let request = serde_json::json!({ "id": "ch_1", "left_ms": 60_000 });
        let account = serde_json::json!({
            "account": "ac_1", "provider": "Example Bank", "reached": true, "requests": [request],
        });
        assert_eq!(look, serde_json::json!({ "accounts": [account] }));
    }
}
