//! Operator commands: status, request trace, backup, configuration check, metrics.

mod backup;
mod check;
mod clients_and_users;
mod keys;
mod metrics_page;
mod status;
mod trace;

pub use backup::back_up;
pub use check::{check, warnings as check_warnings};
pub use status::StatusLine;
pub use trace::Trace;
