//! Token issuance: redemption of approvals, token contents, signing keys and their rotation, sender constraint,
//! verification.

pub(crate) mod access_token;
pub(crate) mod approval_status;
mod dpop;
pub(crate) mod key_rotation;
pub(crate) mod redeem;
mod refresh_family;
pub(crate) mod refresh_token;
mod rsa;
pub(crate) mod sender_constraint;
pub(crate) mod token_keys;
pub(crate) mod token_signer;

use std::sync::Arc;

use countersign_gateway::{Gateway, Ports};

use crate::config::Config;
use crate::directory::Directory;
use token_signer::TokenSigner;

/// Issues tokens for approvals, and verifies them.
pub(crate) struct Issuance {
    pub(crate) config: Arc<Config>,
    pub(crate) gateway: Gateway,
    pub(crate) directory: Arc<Directory>,
    pub(crate) tokens: Arc<TokenSigner>,
    pub(crate) ports: Ports,
}
