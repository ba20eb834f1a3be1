//! The key manifest: the gateway's signing keys, vouched for by its evidence root; a chain that only grows.

use countersign_protocol::clock::Timestamp;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::key::{SignFailed, Signer as _};
use countersign_protocol::manifest::{Manifest, ManifestChain, ManifestKey};

use crate::keys::Keys;
use crate::store::{Store, StoreError, Transaction, WriteError, manifests};

/// How long a signing key signs, in seconds: ten years. Its end comes by a manifest that revokes it, or by a rotation.
const KEY_LIFE: u64 = 10 * 365 * 86_400;

/// The stored manifest does not fit the keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored chain is damaged, of another issuer or by another evidence root.
    #[error(
        "the stored key manifest does not belong to this issuer and evidence root ({0}): restore keys and database from the same backup, and keep the issuer's URL as it was when the first device was enrolled"
    )]
    Foreign(countersign_protocol::manifest::ManifestError),
    /// The root key did not sign.
    #[error("the evidence root could not sign a key manifest")]
    Sign(#[from] SignFailed),
}

/// Makes the first manifest, or the next one if the signing key is not listed yet.
pub(crate) fn bring_up_to_date(
    store: &Store,
    keys: &Keys,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<(), ManifestError> {
    let chain = chain(store)?;
    let next = match chain.manifests.last() {
        None => Manifest {
            iss: issuer.clone(),
            iat: now.seconds(),
            sequence: 1,
            prev: None,
            root: keys.root.public_key().clone(),
            keys: vec![listed(keys, now)],
        },
        Some(last) => {
            let root = keys.root.public_key();
            let trusted = chain.verify(issuer, root.thumbprint(), None).map_err(ManifestError::Foreign)?;
            if trusted.lists(keys.signing.public_key().thumbprint()) {
                return Ok(());
            }
            let mut next = last.peek().map_err(|why| ManifestError::Foreign(why.into()))?;
            next.prev = Some(last.hash());
            next.sequence += 1;
            next.iat = now.seconds().max(next.iat);
            next.keys.push(listed(keys, now));
            next
        }
    };
    let sequence = next.sequence;
    let signed = Compact::sign(&next, &keys.root)?;
    let added = store.write_blocking(move |tx: &Transaction<'_>| manifests::add(tx, sequence, signed.as_str()));
    match added {
        Ok(()) => Ok(()),
        // Another process was first with the same keys: its manifest is as good.
        Err(WriteError::Refused(rusqlite::Error::SqliteFailure(error, _)))
            if error.code == rusqlite::ErrorCode::ConstraintViolation =>
        {
            Ok(())
        }
        Err(WriteError::Refused(error)) => Err(StoreError::from(error).into()),
        Err(WriteError::Store(error)) => Err(error.into()),
    }
}

/// The whole chain, oldest first, as `manifest_uri` returns it.
pub(crate) fn chain(store: &Store) -> Result<ManifestChain, StoreError> {
    let manifests = store.read(manifests::all)?;
    Ok(ManifestChain { manifests: manifests.into_iter().map(Compact::from_text).collect() })
}

fn listed(keys: &Keys, now: Timestamp) -> ManifestKey {
    let key = keys.signing.public_key();
    ManifestKey {
        kid: *key.thumbprint(),
        jwk: key.clone(),
        from: now.seconds(),
        until: now.seconds() + KEY_LIFE,
        revoked_at: None,
    }
}
