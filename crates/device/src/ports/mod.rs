//! Ports: the traits through which the device reaches network, storage, keys and people, one file each.

pub mod key_store;
pub mod transport;
pub mod user_verifier;
pub mod vault;
pub mod wake;
