//! `[devices]`: which approval keys people's devices may have. A device is not a client's, so none of it is in `[policy]`.

use std::path::Path;

use countersign_gateway::AttestationRoots;
use countersign_protocol::discovery::{PasskeyPolicy, ResumePolicy, SharedPolicy};

use super::section::{Found, Section};
use super::trusted_file;

/// Rules for the devices that register.
#[derive(Debug, Clone)]
pub struct DeviceRules {
    /// Which passkeys may be approval keys.
    pub passkeys: PasskeyPolicy,
    /// The roots under which their attestations are believed.
    pub attestation_roots: AttestationRoots,
    /// How a page that lost its transport key registers again by a passkey that is known.
    pub resume: ResumePolicy,
    /// Whether devices that several people use may register.
    pub shared: SharedPolicy,
}

impl Default for DeviceRules {
    fn default() -> DeviceRules {
        DeviceRules {
            passkeys: PasskeyPolicy::Any,
            attestation_roots: AttestationRoots::default(),
            resume: ResumePolicy::Link,
            shared: SharedPolicy::Allowed,
        }
    }
}

const PASSKEYS: &[(&str, PasskeyPolicy)] =
    &[("any", PasskeyPolicy::Any), ("device_bound", PasskeyPolicy::DeviceBound), ("off", PasskeyPolicy::Off)];

const RESUME: &[(&str, ResumePolicy)] =
    &[("link", ResumePolicy::Link), ("passkey", ResumePolicy::Passkey), ("off", ResumePolicy::Off)];

const SHARED: &[(&str, SharedPolicy)] = &[("allowed", SharedPolicy::Allowed), ("refused", SharedPolicy::Refused)];

/// Reads the section, and the certificates in the files of `attestation_roots`.
pub(super) fn read(section: Section<'_>, folder: &Path) -> DeviceRules {
    let passkeys = section.choice("passkeys", PASSKEYS);
    let files = section.any_strings("attestation_roots").unwrap_or_default();
    if let Some(found) = passkeys.as_ref().filter(|found| found.value == PasskeyPolicy::DeviceBound)
        && files.is_empty()
    {
        let words = "`passkeys = \"device_bound\"` in [devices] rests on attestations by the authenticators' makers; list their roots in `attestation_roots`, or use \"any\" or \"off\"";
        section.report(&found.at, words);
    }
    let attestation_roots = roots(&section, &files, folder);
    let (resume, shared) = (section.choice("resume", RESUME), section.choice("shared", SHARED));
    section.finish();
    let default = DeviceRules::default();
    DeviceRules {
        passkeys: passkeys.map_or(default.passkeys, |found| found.value),
        attestation_roots,
        resume: resume.map_or(default.resume, |found| found.value),
        shared: shared.map_or(default.shared, |found| found.value),
    }
}

fn roots(section: &Section<'_>, files: &[Found<&str>], folder: &Path) -> AttestationRoots {
    let mut roots = AttestationRoots::default();
    for file in files {
        let pem = match trusted_file::read(&folder.join(file.value), "`attestation_roots` in [devices]: the file") {
            Ok(pem) => pem,
            Err(why) => {
                section.report(&file.at, why);
                continue;
            }
        };
        if let Err(why) = roots.add_pem(&pem) {
            let file_name = file.value;
            section.report(&file.at, format!("`attestation_roots` in [devices]: {file_name} can't be used: {why}; it is a file of the roots that an authenticator's maker publishes"));
        }
    }
    roots
}
