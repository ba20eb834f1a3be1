//! The provider that a demo plays with: who can be asked, who asks.

use std::net::SocketAddr;

/// The clients; each has a secret of its own in a file named after it.
pub const CLIENTS: [&str; 2] = ["coffee-pos", "prize-line"];

/// How the till calls Alice.
pub const ALICE: &str = "alice@acme.example";

/// The provider's configuration.
pub fn provider(issuer: &str, listen: SocketAddr) -> String {
    format!(
        r#"# Made by `countersign demo`. docs/operating.md says what each name means.
issuer = "{issuer}"
listen = "{listen}"
name = "Acme ID"
mode = "test"
authorization_details_types = ["payment_initiation", "account_information", "generic"]

[policy]
interval = 1

[support]
phone = "+49 30 23125 014"

[[users]]
sub = "alice"
name = "Alice"
hints = ["{ALICE}", "+49 171 3920014", "ACME-0042-7713"]

[[users]]
sub = "bob"
name = "Bob"
hints = ["bob@acme.example", "+49 171 3920015", "ACME-0042-7714"]

# The till: the provider's own, its name vouched for, its screen can show a number.
[[clients]]
client_id = "coffee-pos"
name = "Acme Coffee"
secret_file = "coffee-pos.secret"
first_party = true
verified = true
interaction_types = ["boolean", "number_choose", "input_manual"]

# Somebody who registered and may call itself what it likes.
[[clients]]
client_id = "prize-line"
name = "Prize Line"
secret_file = "prize-line.secret"
interaction_types = ["boolean", "input_manual"]
"#
    )
}
