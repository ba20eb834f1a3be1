//! Operator commands: status, request trace, backup, configuration check, metrics.

mod backup;
mod check;
mod clients_and_users;
mod keys;
mod metrics_page;
mod status;
mod trace;

use std::fmt::Display;

pub use backup::back_up;
pub use check::{check, shared_origin, warnings as check_warnings};
pub use status::StatusLine;
pub use trace::Trace;

/// A number of things: `1 client`, `2 clients`. `thing` takes an `s`.
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, thing: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_thing_is_singular() {
        assert_eq!([0_usize, 1, 2].map(|number| counted(number, "client")), ["0 clients", "1 client", "2 clients"]);
    }
}
