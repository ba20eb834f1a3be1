//! `[push]`: waking devices by Web Push.

use countersign_gateway::PushService;
use countersign_protocol::discovery::Mode;
use url::{Host, Url};

use super::section::{Found, Section};

/// How devices are woken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Push {
    /// Whether they are.
    pub enabled: bool,
    /// How push services reach the operator: `mailto:` or `https:`.
    pub contact: Option<String>,
    /// The hosts of push services that devices may use; `None`: any public one.
    pub services: Option<Vec<PushService>>,
}

impl Push {
    /// Without the section, a provider in test mode pushes. In production it needs a contact, so it does not.
    pub(super) fn absent(mode: Mode) -> Push {
        Push { enabled: mode == Mode::Test, ..Push::default() }
    }

    pub(super) fn read(section: Section<'_>, mode: Mode) -> Push {
        let enabled = section.flag("enabled").unwrap_or(true);
        let contact = section.string("contact");
        if let Some(found) = contact.as_ref().filter(|found| !is_contact(found.value)) {
            section.report(&found.at, "`contact` in [push] must be an address by which push services reach you, at a public name: \"mailto:ops@example.com\" or \"https://example.com/contact\"");
        }
        if enabled && mode == Mode::Production && !section.has("contact") {
            section.report(section.at(), "`contact` in [push] is missing; push services refuse senders without one: add contact = \"mailto:ops@example.com\", or enabled = false");
        }
        let services = services(&section);
        section.finish();
        Push { enabled, contact: contact.map(|found: Found<&str>| found.value.to_owned()), services }
    }
}

fn services(section: &Section<'_>) -> Option<Vec<PushService>> {
    let listed = section.strings("services")?;
    let services = listed.iter().filter_map(|found| {
        let service = found.value.parse();
        if let Err(error) = &service {
            let value = found.value;
            section.report(&found.at, format!("`services` in [push] lists {error}, not \"{value}\""));
        }
        service.ok()
    });
    Some(services.collect())
}

/// `mailto:` with one address, or an https URL; its host is a name that can be public (RFC 8292 §2.1).
fn is_contact(text: &str) -> bool {
    let host = match text.strip_prefix("mailto:") {
        Some(address) => {
            address.split_once('@').filter(|(local, _)| is_local_part(local)).map(|(_, host)| host.to_owned())
        }
        None => Url::parse(text)
            .ok()
            .filter(|url| url.scheme() == "https" && url.username().is_empty())
            .and_then(|url| url.host_str().map(str::to_owned)),
    };
    host.is_some_and(|host| is_public_name(&host))
}

fn is_local_part(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte))
}

/// A name of at least two labels that is neither an address nor reserved for inside (RFC 6761, 6762, 9476).
fn is_public_name(host: &str) -> bool {
    let Ok(Host::Domain(name)) = Host::parse(host) else { return false };
    let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
        && !["localhost", "local", "internal", "invalid", "test", "alt", "lan", "home", "corp"]
            .contains(labels.last().expect("at least two"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_an_address_at_a_public_name() {
        for good in [
            "mailto:ops@example.com",
            "mailto:a.b+c@id.example.co.uk",
            "https://example.com/contact",
            "https://example.com",
        ] {
            assert!(is_contact(good), "{good}");
        }
        for bad in [
            "ops@example.com",
            "mailto:",
            "mailto:@example.com",
            "mailto:ops",
            "mailto:ops@localhost",
            "mailto:a b@example.com",
            "mailto:ops@bank.internal",
            "mailto:ops@10.0.0.1",
            "http://example.com",
            "https://127.0.0.1/",
            "https://intranet/",
            "https://me@example.com/",
            "tel:+49301234",
            "mailto:a@example.com,b@example.com",
        ] {
            assert!(!is_contact(bad), "{bad}");
        }
    }
}
