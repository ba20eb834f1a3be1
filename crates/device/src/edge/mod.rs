//! Where the device touches the machine: HTTP, SQLite, files, tokio. None of it exists on wasm32.

pub mod http;
pub mod key_file;
pub mod runtime;
pub(crate) mod sse;
pub mod system;
pub mod vault_sqlite;
