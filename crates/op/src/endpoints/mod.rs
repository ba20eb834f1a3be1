//! The provider's HTTP endpoints, one file each.

mod acknowledgement;
pub(crate) mod authorize;
pub(crate) mod bc_authorize;
pub(crate) mod discovery;
pub(crate) mod idempotency;
pub(crate) mod interaction_id;
pub(crate) mod introspect;
pub(crate) mod pending_limit;
pub(crate) mod rate_limit;
pub(crate) mod register;
pub(crate) mod revoke;
pub(crate) mod token;
pub(crate) mod userinfo;
