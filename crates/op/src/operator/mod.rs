//! For the operator's commands: status, the trace of a request, backup, a check of the configuration.

mod backup;
mod check;
mod clients_and_users;
mod keys;
mod metrics_page;
mod status;
mod trace;

pub use backup::back_up;
pub use check::check;
pub use status::StatusLine;
pub use trace::Trace;
