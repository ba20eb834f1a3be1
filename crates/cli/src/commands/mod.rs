//! One file per command; each ends with an exit code or a failure.

pub mod accounts;
pub mod answer;
pub mod enroll;
pub mod evidence;
pub mod history;
pub mod keys;
pub mod op;
pub mod pending;
pub mod push_test;
pub mod request;
pub mod unenroll;
pub mod verify;
pub mod watch;
