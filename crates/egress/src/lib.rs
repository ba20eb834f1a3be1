#![doc = include_str!("../README.md")]

mod address_policy;
mod config;
mod egress;
mod error;
mod resolver;
#[cfg(test)]
mod tests;

pub use address_policy::AddressPolicy;
pub use config::{Authorities, AuthoritiesError, EgressConfig};
pub use egress::{Egress, Response};
pub use error::CallError;
pub use resolver::{Lookup, Resolver, SystemResolver};
