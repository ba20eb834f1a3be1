//! Replay protection: the `jti` of assertions, signed requests and DPoP proofs, each remembered until its JWT has
//! expired.

use std::sync::Arc;

use countersign_jose::clock::{Clock, Timestamp};
use countersign_jose::hash::Hash;
use countersign_store::{Error as StoreError, Store};

use crate::http::{OAuthError, server_error};
use crate::store;

/// Kind of a JWT. A signer's `jti` may be used once for each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignedKind {
    /// A client assertion.
    Assertion,
    /// A signed authentication request.
    Request,
    /// A DPoP proof.
    Proof,
}

/// Every used `jti`, on disk.
pub(crate) struct ReplayMemory {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
}

impl ReplayMemory {
    /// Records a `jti`; whether this is its first use. `signer` is a client's id or a key's thumbprint, `until` the end
    /// of the JWT's validity. Committed to disk before this returns, so that a restart forgets nothing.
    ///
    /// # Errors
    /// `server_error` or `temporarily_unavailable` if it can't be stored.
    pub(crate) async fn first_use(
        &self,
        kind: SignedKind,
        signer: &str,
        jti: &str,
        until: Timestamp,
    ) -> Result<bool, OAuthError> {
        let kind = match kind {
            SignedKind::Assertion => "assertion",
            SignedKind::Request => "request",
            SignedKind::Proof => "proof",
        };
        // Neither a client's id nor a thumbprint contains a zero byte.
        let id = Hash::of_parts(&[kind.as_bytes(), &[0], signer.as_bytes(), &[0], jti.as_bytes()]);
        let now = self.clock.now();
        let first = self.store.write(move |transaction| store::use_once(transaction, &id, until, now)).await;
        first.map_err(|error: StoreError| server_error(&error))
    }
}
