//! `[egress]`: addresses that the provider may call, their authorities, and a proxy.

use std::net::IpAddr;
use std::path::Path;

use countersign_egress::{Authorities, EgressConfig};
use ipnet::IpNet;
use url::Url;

use super::section::Section;
use super::trusted_file;

pub(super) fn read(section: Section<'_>, folder: &Path) -> EgressConfig {
    let allow = section.any_strings("allow").unwrap_or_default();
    let allow = allow.iter().filter_map(|found| {
        let net = network(found.value);
        if net.is_none() {
            let value = found.value;
            section.report(&found.at, format!("`allow` in [egress] lists networks such as \"10.1.2.0/24\" or addresses such as \"10.1.2.3\", not \"{value}\""));
        }
        net
    });
    let allow = allow.collect();
    let ca = authorities(&section, folder);
    let proxy = proxy(&section);
    section.finish();
    EgressConfig { allow, ca, proxy }
}

/// A network without host bits, or a single address.
fn network(text: &str) -> Option<IpNet> {
    let net = text.parse::<IpNet>().ok().filter(|net| net.addr() == net.network());
    net.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn authorities(section: &Section<'_>, folder: &Path) -> Option<Authorities> {
    let found = section.string("ca")?;
    let path = folder.join(found.value);
    let shown = path.display();
    let pem = match trusted_file::read(&path, "the certificates' file") {
        Ok(pem) => pem,
        Err(why) => {
            section.report(&found.at, why);
            return None;
        }
    };
    let authorities = Authorities::from_pem(&pem);
    if let Err(error) = authorities {
        section.report(&found.at, format!("{shown} holds {error}"));
    }
    authorities.ok()
}

fn proxy(section: &Section<'_>) -> Option<Url> {
    let found = section.string("proxy")?;
    let proxy = Url::parse(found.value).ok();
    let proxy = proxy.filter(|proxy| matches!(proxy.scheme(), "http" | "https") && proxy.has_host());
    if proxy.is_none() {
        section.report(&found.at, "`proxy` in [egress] must be an address such as \"http://proxy.example.com:3128\"");
    }
    proxy
}
