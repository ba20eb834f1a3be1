//! `[devices]`: which approval keys people's devices may have. A device is not a client's, so none of it is in `[policy]`.

use countersign_protocol::discovery::PasskeyPolicy;

use super::section::Section;

/// Rules for the devices that register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceRules {
    /// Which passkeys may be approval keys.
    pub passkeys: PasskeyPolicy,
}

impl Default for DeviceRules {
    fn default() -> DeviceRules {
        DeviceRules { passkeys: PasskeyPolicy::Any }
    }
}

const PASSKEYS: &[(&str, PasskeyPolicy)] =
    &[("any", PasskeyPolicy::Any), ("device_bound", PasskeyPolicy::DeviceBound), ("off", PasskeyPolicy::Off)];

/// Reads the section. What rests on a verified attestation is refused: accepting it would promise what nobody checks.
pub(super) fn read(section: Section<'_>) -> DeviceRules {
    let passkeys = section.choice("passkeys", PASSKEYS);
    if let Some(found) = &passkeys
        && found.value == PasskeyPolicy::DeviceBound
    {
        let words = "`passkeys = \"device_bound\"` in [devices] can't be kept yet: it rests on attestations, which this version does not verify; use \"any\" or \"off\"";
        section.report(&found.at, words);
    }
    if let Some(root) = section.any_strings("attestation_roots").and_then(|roots| roots.into_iter().next()) {
        let words =
            "`attestation_roots` in [devices] has no use yet: this version does not verify attestations; leave it out";
        section.report(&root.at, words);
    }
    section.finish();
    DeviceRules { passkeys: passkeys.map_or(PasskeyPolicy::Any, |found| found.value) }
}
