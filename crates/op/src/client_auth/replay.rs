//! What a client signs counts once: assertions, signed requests and proofs are remembered until they have expired anyway.

use countersign_jose::clock::{Clock, Timestamp};
use countersign_jose::hash::Hash;
use countersign_store::Error as StoreError;
use countersign_store::Store;
use std::sync::Arc;

use crate::http::OAuthError;
use crate::http::failed;
use crate::store;

/// What was signed. One `jti` may be used once for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignedKind {
    /// A client assertion.
    Assertion,
    /// A signed authentication request.
    Request,
    /// A DPoP proof.
    Proof,
}

/// The memory of every `jti` that was used, on disk.
pub(crate) struct ReplayMemory {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
}

impl ReplayMemory {
    /// Whether this is the first use of a `jti` by its signer: a client's id, or a key's thumbprint. It is on disk before
    /// this returns, so that a restart forgets nothing.
    ///
    /// # Errors
    /// `server_error` where the store does not take it.
    pub(crate) async fn first_use(
        &self,
        what: SignedKind,
        signer: &str,
        jti: &str,
        until: Timestamp,
    ) -> Result<bool, OAuthError> {
        let what = match what {
            SignedKind::Assertion => "assertion",
            SignedKind::Request => "request",
            SignedKind::Proof => "proof",
        };
        // Neither a client's id nor a thumbprint has a zero byte in it.
        let id = Hash::of_parts(&[what.as_bytes(), &[0], signer.as_bytes(), &[0], jti.as_bytes()]);
        let now = self.clock.now();
        let first = self.store.write(move |transaction| store::use_once(transaction, &id, until, now)).await;
        first.map_err(|error: StoreError| failed(&error))
    }
}
