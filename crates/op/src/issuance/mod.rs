//! Tokens: for which approvals they are issued, what they contain, and the keys that sign them.

pub(crate) mod access_token;
pub(crate) mod approval_status;
mod dpop;
pub(crate) mod key_rotation;
pub(crate) mod redeem;
pub(crate) mod refresh_token;
mod rsa;
pub(crate) mod sender_constraint;
pub(crate) mod token_keys;
pub(crate) mod token_signer;
