//! Events of the device as sentences for people: a provider offline, an account revoked, another device added.

use countersign_device::DeviceEvent;
use countersign_device::device_event::OfflineReason;
use countersign_device::view::AccountView;
use countersign_protocol::notice::DeviceEvent as OtherDevice;

use crate::request_text::one_line;
use crate::time_format;

/// Why a provider is offline. `since` is in seconds since the epoch.
pub fn offline(host: &str, since: u64, why: OfflineReason) -> String {
    let since = time_format::full(since);
    let what = match why {
        OfflineReason::Unreachable(why) => {
            return format!(
                "{host} can't be reached (since {since}): {}; {}. Answers are stored and will be sent.",
                why.what(),
                why.next_step()
            );
        }
        OfflineReason::NotTheProvider => "does not reply itself: something else does; check the network",
        OfflineReason::NoReply => "does not reply",
        OfflineReason::Certificate(fault) => {
            let (what, next_step) = (fault.what(), fault.next_step());
            return format!(
                "{host} was not called since {since}: {what}; {next_step}. Answers are stored and will be sent."
            );
        }
        _ => "is busy or broken",
    };
    format!("{host} {what} (since {since}). Answers are stored and will be sent.")
}

/// Why a provider could not be asked, and what to do.
pub fn unreached(host: &str, why: OfflineReason) -> String {
    match why {
        OfflineReason::Unreachable(why) => format!("{host} can't be reached: {}; {}", why.what(), why.next_step()),
        OfflineReason::Certificate(fault) => format!("{host} was not called: {}; {}", fault.what(), fault.next_step()),
        OfflineReason::NotTheProvider => {
            format!("{host} does not reply itself: something else does; check the network")
        }
        OfflineReason::NoReply => format!("{host} does not reply; try again in a moment"),
        _ => format!("{host} is busy or broken; try again in a moment"),
    }
}

/// An account by its provider's host, with the user's name where the device has several accounts there.
pub fn account_name(account: &AccountView, all: &[AccountView]) -> String {
    let host = account.issuer.host();
    let only = all.iter().filter(|other| other.issuer == account.issuer).count() == 1;
    let name = one_line(&account.subject_label);
    if only { host } else { format!("{host} (account of {name})") }
}

/// An event of the device that is neither a request nor an answer. `host`: the provider's, or the
/// [account's name](account_name).
pub fn describe(event: &DeviceEvent, host: &str) -> String {
    let name = |name: &str| one_line(name);
    match event {
        DeviceEvent::Offline { since, why, .. } => offline(host, *since, *why),
        DeviceEvent::Online { .. } => format!("{host} replies again."),
        DeviceEvent::Confirmed { .. } => format!("The account at {host} is confirmed and active."),
        DeviceEvent::AccountUnknown { since, .. } => {
            let since = time_format::full(*since);
            format!(
                "{host} does not know this device any more (since {since}). Nothing is deleted; the device asks again every hour."
            )
        }
        DeviceEvent::AccountSuspended { since, .. } => {
            let since = time_format::full(*since);
            format!(
                "{host} has suspended this device (since {since}): it may have been copied or restored. Contact the provider."
            )
        }
        DeviceEvent::AccountKnown { .. } => format!("{host} knows this device again."),
        DeviceEvent::AccountRevoked { at, .. } => {
            format!(
                "{host} revoked this device at {}. Its keys are destroyed; its history stays.",
                time_format::full(*at)
            )
        }
        DeviceEvent::AccountUnusable { why, .. } => {
            format!("The account at {host} cannot be used on this device: {}", name(why))
        }
        DeviceEvent::Refused { id, code, .. } => {
            let code = serde_json::to_value(code).unwrap_or_default();
            format!(
                "{id} could not be verified or displayed, and was refused ({}).",
                code.as_str().unwrap_or("refused")
            )
        }
        DeviceEvent::AnswerNotTaken { id, status, .. } => {
            format!("{host} did not accept the answer to {id} (status {status}). It is stored and will be sent again.")
        }
        DeviceEvent::OtherDeviceRevoked { device_name, .. } => {
            format!("Another device was revoked at {host}: {}.", name(device_name))
        }
        DeviceEvent::OtherDevice { change, device_name, .. } => {
            let which = device_name.as_deref().map(|device| format!(": {}", name(device))).unwrap_or_default();
            let what = match change {
                OtherDevice::DeviceAdded => "A device was added to your account",
                OtherDevice::DeviceRotated => "A device of yours has new keys",
                OtherDevice::DeviceSuspended => "A device of yours may have been copied or restored, and was suspended",
                OtherDevice::LinkUsedAgain => "An enrollment link of yours was used again",
                _ => "Something changed with your devices",
            };
            format!("{what} at {host}{which}.")
        }
        DeviceEvent::Ignored { what, .. } => format!("Ignored a message that does not verify: {what} ({host})."),
        _ => format!("An event at {host} that this version does not know; update countersign."),
    }
}
