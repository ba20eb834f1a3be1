//! Implementations of the ports on a machine: HTTP, SQLite, files, tokio. Not compiled for wasm32.

pub mod http;
pub mod http_clients;
pub mod key_file;
pub mod runtime;
pub(crate) mod sse;
pub mod system;
pub mod vault_sqlite;
