//! `[metrics]`: listening address of `/metrics`.

use std::net::SocketAddr;

use super::section::Section;

/// `None` if an error was reported.
pub(super) fn read(section: Section<'_>) -> Option<SocketAddr> {
    let listen = section.required_string("listen", "127.0.0.1:9464");
    let address = listen.and_then(|found| {
        let address = found.value.parse().ok();
        if address.is_none() {
            let value = found.value;
            let what = format!(
                "`listen` in [metrics] must be an IP address and a port such as \"127.0.0.1:9464\", not \"{value}\""
            );
            section.report(&found.at, what);
        }
        address
    });
    section.finish();
    address
}
