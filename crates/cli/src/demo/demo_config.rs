//! Configuration of the demo's provider: users and clients.

use std::net::SocketAddr;

use super::scenarios::HINTS;

/// The clients; each has its secret in a file `<client_id>.secret`.
pub const CLIENTS: [&str; 5] = ["coffee-pos", "support-desk", "bike-station", "acme-agent", "prize-line"];

/// The provider's configuration.
pub fn provider_toml(issuer: &str, listen: SocketAddr) -> String {
    let [address, telephone, card] = HINTS;
    format!(
        r#"# Made by `countersign demo`. docs/operating.md explains each setting.
issuer = "{issuer}"
listen = "{listen}"
name = "Acme ID"
mode = "test"
authorization_details_types = ["payment_initiation", "account_information", "generic"]

# Polls are held briefly, so that a client soon hears whether a device has its request (`delivery`).
[policy]
interval = 1
token_wait = "2s"

# What push services may write to, for Web Push (RFC 8292): browsers are woken by their makers' services.
[push]
contact = "mailto:demo@acme.example"

[support]
phone = "+49 30 23125 014"

[[users]]
sub = "alice"
name = "Alice"
hints = ["{address}", "{telephone}", "{card}"]

[[users]]
sub = "bob"
name = "Bob"
hints = ["bob@acme.example", "+49 171 3920015", "ACME-0042-7714"]

# The till: first party, name verified, its screen can show a number.
[[clients]]
client_id = "coffee-pos"
name = "Acme Coffee"
secret_file = "coffee-pos.secret"
first_party = true
verified = true
interaction_types = ["boolean", "number_choose", "input_manual"]

# The call centre: the number is shown on the caller's own page, so that an eavesdropper on the call can't see it.
[[clients]]
client_id = "support-desk"
name = "Acme Support Desk"
secret_file = "support-desk.secret"
first_party = true
verified = true
interaction_types = ["boolean", "input_manual"]
authorization_details_types = ["account_information"]

# A station of rental bikes: a screen without a keyboard.
[[clients]]
client_id = "bike-station"
name = "City Bikes"
secret_file = "bike-station.secret"
first_party = true
verified = true
interaction_types = ["boolean", "input_manual"]

# An AI agent: it has no screen that Alice looks at.
[[clients]]
client_id = "acme-agent"
name = "Acme Agent"
secret_file = "acme-agent.secret"
first_party = true
verified = true
authorization_details_types = ["generic"]

# A third party whose name nobody has verified.
[[clients]]
client_id = "prize-line"
name = "Prize Line"
secret_file = "prize-line.secret"
interaction_types = ["boolean", "input_manual"]
"#
    )
}
