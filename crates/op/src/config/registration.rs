//! `[registration]`: dynamic client registration (RFC 7591) and its initial access token.

use std::path::Path;

use super::client_authentication::read_named_secret;
use super::hashed_secret::StoredSecret;
use super::section::Section;

/// Registration settings. Has no `Debug`: it holds a token.
#[derive(Clone, Default)]
pub struct Registration {
    /// Whether there is a registration endpoint.
    pub enabled: bool,
    /// Initial access token (RFC 7591 §3); `None`: anybody may register, by `open = true`.
    pub(crate) initial_access_token: Option<StoredSecret>,
    /// Most registered clients at the same time.
    pub max_clients: u32,
    /// Registrations accepted in a minute.
    pub per_minute: u32,
}

impl Registration {
    pub(super) fn read(section: Section<'_>, folder: &Path) -> Registration {
        let enabled = section.flag("enabled").unwrap_or(false);
        let open = section.flag("open").unwrap_or(false);
        let has_token = section.has("initial_access_token") || section.has("initial_access_token_file");
        let token = read_named_secret(&section, ["initial_access_token", "initial_access_token_file"], folder)
            .filter(|_| has_token);
        if enabled && !open && !has_token {
            section.report(section.at(), "registration needs `initial_access_token` or `initial_access_token_file`, with at least 128 random bits; or set `open = true` to let anybody register");
        }
        if open && has_token {
            let at = section.span_of("open");
            section.report(&at, "`open` lets anybody register without the token; remove one of the two");
        }
        let registration = Registration {
            enabled,
            initial_access_token: token.map(StoredSecret::Read),
            max_clients: section.number("max_clients", 1..=1_000_000).unwrap_or(1000),
            per_minute: section.number("per_minute", 1..=100_000).unwrap_or(10),
        };
        section.finish();
        registration
    }
}
