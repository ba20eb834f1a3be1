//! The provider's HTTP endpoints, a file each.

mod bc_authorize;
pub(crate) mod discovery;
mod introspect;
pub(crate) mod rate_limit;
mod register;
mod revoke;
pub(crate) mod token;
mod userinfo;
