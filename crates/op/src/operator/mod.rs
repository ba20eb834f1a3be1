//! For the operator's commands: status, the trace of a request, backup, a check of the configuration.

mod backup;
pub(crate) mod check;
mod status;
mod trace;

pub use backup::back_up;
pub use check::check;
pub use status::StatusLine;
pub use trace::Trace;
