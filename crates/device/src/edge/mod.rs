//! Implementations of the ports on a machine: HTTP, SQLite, files, tokio. Behind the feature `edge`.

mod blocking;
pub mod http;
pub mod http_clients;
pub mod key_file;
pub mod system;
#[cfg(all(feature = "keyring", not(target_os = "ios")))]
pub mod system_keyring;
pub mod tokio_runtime;
pub mod vault_sqlite;
