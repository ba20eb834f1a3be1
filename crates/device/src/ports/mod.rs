//! What the device needs of its surroundings: small traits, one file each, each with an in-memory twin for tests.

pub mod key_store;
pub mod transport;
pub mod user_verifier;
pub mod vault;
pub mod wake;
