//! Ports: the traits through which the device reaches network, storage, keys, people and time, one file each.

pub mod key_store;
pub mod keyring;
pub mod maybe_send;
pub mod push_service;
pub mod runtime;
pub mod transport;
pub mod user_verifier;
pub mod vault;
pub mod wake;
