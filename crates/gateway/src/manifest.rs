//! The key manifest: the gateway's signing keys, signed by its evidence root; a chain that only grows.
//!
//! It is kept twice: in the database, and as `manifest.<sequence>.jws` beside the keys. A device refuses a provider whose chain lacks a
//! manifest it has seen, so a database that is restored from before a rotation takes what it lacks from the files.

use std::collections::BTreeMap;

use countersign_jose::clock::Timestamp;
use countersign_jose::key::{SignFailed, Signer as _};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::manifest::{Manifest, ManifestChain, ManifestKey, TrustedKeys};
use countersign_store::{Error as StoreError, Store, Transaction};

use crate::keys::{self, KeyError, Keys};
use crate::store::manifests;

/// How long a signing key signs, in seconds: ten years. Its end comes by a manifest that revokes it, or by a rotation.
const KEY_LIFE: u64 = 10 * 365 * 86_400;

/// For how long, in seconds, a key may sign on after another followed it: processes that opened the keys before (a command that
/// waits for a confirmation code) may do so for as long as a link is valid, and somewhat longer.
const OVERLAP: u64 = 15 * 60;

/// How long, in seconds, the process that serves may go on signing with a revoked key before it notices. Who has stolen the key can date
/// back by as much as they like; what honest processes sign meanwhile shall not be lost.
const NOTICED_WITHIN: u64 = 5;

/// How often the next manifest is tried; another process may be making it at the same time.
const TRIES: usize = 5;

/// The stored manifest does not fit the keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file beside the keys could not be read or written.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The stored chain is damaged, of another issuer or by another evidence root.
    #[error(
        "the stored key manifest does not belong to this issuer and evidence root ({0}): restore keys and database from the same backup, and keep the issuer's URL as it was when the first device was enrolled"
    )]
    Foreign(countersign_protocol::manifest::ManifestError),
    /// The database and the key files have different histories.
    #[error(
        "the key manifest {0} in the database is not the one in the folder of keys: restore both from the same backup, or devices refuse this provider"
    )]
    Diverged(u64),
    /// The signing key's time is over, and no newer key is there.
    #[error(
        "the newest gateway key in the folder of keys was followed by another, or revoked: restore the folder from a later backup"
    )]
    Ended,
    /// The root key did not sign.
    #[error("the evidence root could not sign a key manifest")]
    Sign(#[from] SignFailed),
}

impl ManifestError {
    /// The stable code, one for all of them, as the command line prints it.
    pub const fn code(&self) -> &'static str {
        "provider"
    }
}

/// Makes the first manifest, or the next one if the signing key is not listed yet: the keys before it end soon. With
/// `revoke_others`, what they sign from now on counts for nothing.
pub(crate) fn bring_up_to_date(
    store: &Store,
    keys: &Keys,
    issuer: &Issuer,
    now: Timestamp,
    revoke_others: bool,
) -> Result<(), ManifestError> {
    let (kid, root) = (*keys.signing.public_key().thumbprint(), keys.root.public_key());
    for _ in 0..TRIES {
        let chain = merged(store, keys, issuer)?;
        let Some(last) = chain.manifests.last() else {
            let first = Manifest {
                iss: issuer.clone(),
                iat: now.seconds(),
                sequence: 1,
                prev: None,
                root: root.clone(),
                keys: vec![listed(keys, now)],
            };
            add(store, keys, &first)?;
            continue;
        };
        let trusted = trusted(&chain, keys, issuer)?;
        let before = last.peek().map_err(|why| ManifestError::Foreign(why.into()))?;
        let is_listed = trusted.lists(&kid);
        let was_followed = |own: &ManifestKey| before.keys.iter().any(|key| key.from > own.from);
        let is_over = trusted.key_at(&kid, now.seconds().max(before.iat)).is_none();
        if is_listed && (is_over || before.keys.iter().find(|key| key.kid == kid).is_some_and(was_followed)) {
            return Err(ManifestError::Ended);
        }
        let others = |manifest: &Manifest| manifest.keys.iter().any(|key| key.kid != kid && key.revoked_at.is_none());
        if is_listed && !(revoke_others && others(&before)) {
            return Ok(());
        }
        let prev = Some(last.hash());
        let iat = now.seconds().max(before.iat);
        let mut next = Manifest { prev, iat, sequence: before.sequence + 1, ..before };
        for former in next.keys.iter_mut().filter(|key| key.kid != kid) {
            former.until = former.until.min(iat + OVERLAP);
            if revoke_others && former.revoked_at.is_none() {
                former.revoked_at = Some(iat + NOTICED_WITHIN);
            }
        }
        if !is_listed {
            next.keys.push(listed(keys, Timestamp::from_seconds(iat)));
        }
        add(store, keys, &next)?;
    }
    // The process that was first each time has other keys than these.
    Err(ManifestError::Ended)
}

/// The whole chain, oldest first, as `manifest_uri` returns it.
pub(crate) fn chain(store: &Store) -> Result<ManifestChain, StoreError> {
    let manifests = store.read_blocking(manifests::all)?;
    Ok(ManifestChain { manifests: manifests.into_iter().map(Compact::from_text).collect() })
}

/// What database and files have together; each gets what only the other has.
fn merged(store: &Store, keys: &Keys, issuer: &Issuer) -> Result<ManifestChain, ManifestError> {
    let stored = store.read_blocking(manifests::all)?;
    let files = keys::manifest_files(&keys.directory)?;
    let mut all: BTreeMap<u64, String> = (1..).zip(stored.iter().cloned()).collect();
    for (sequence, text) in &files {
        match all.get(sequence) {
            Some(stored) if stored != text => return Err(ManifestError::Diverged(*sequence)),
            Some(_) => {}
            None => {
                all.insert(*sequence, text.clone());
            }
        }
    }
    let chain = ManifestChain { manifests: all.values().cloned().map(Compact::from_text).collect() };
    if !chain.manifests.is_empty() {
        trusted(&chain, keys, issuer)?;
    }
    for (sequence, text) in &all {
        if !files.contains_key(sequence) {
            keys::keep_manifest(&keys.directory, *sequence, text)?;
        }
        if usize::try_from(*sequence).is_ok_and(|sequence| sequence > stored.len()) {
            insert(store, *sequence, text)?;
        }
    }
    Ok(chain)
}

fn trusted(chain: &ManifestChain, keys: &Keys, issuer: &Issuer) -> Result<TrustedKeys, ManifestError> {
    chain.verify(issuer, keys.root.public_key().thumbprint(), None).map_err(ManifestError::Foreign)
}

/// Signs a manifest and keeps it. Of two processes that make the same one in the chain, the first counts.
fn add(store: &Store, keys: &Keys, next: &Manifest) -> Result<(), ManifestError> {
    let signed = Compact::sign(next, &keys.root)?;
    let kept = keys::keep_manifest(&keys.directory, next.sequence, signed.as_str())?;
    insert(store, next.sequence, &kept)
}

fn insert(store: &Store, sequence: u64, text: &str) -> Result<(), ManifestError> {
    let text = text.to_owned();
    // Another process may have been first, with the same file before its eyes.
    store.write_blocking(move |tx: &Transaction<'_>| manifests::add(tx, sequence, &text))?;
    Ok(())
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
