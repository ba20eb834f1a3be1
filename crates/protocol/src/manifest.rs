//! The key manifest: the gateway's signing keys, signed by its evidence root, each manifest chained to the previous one.

use countersign_jose::hash::Hash;
use countersign_jose::key::{PublicKey, Thumbprint};
use serde::{Deserialize, Serialize};

use crate::issuer::Issuer;
use crate::jws::{Claims, Compact, JwsError};

/// The claims of a manifest (`key-manifest+jwt`), signed by the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The issuer.
    pub iss: Issuer,
    /// Issued at, in seconds since the epoch.
    pub iat: u64,
    /// 1 for the first manifest, one more for each after it.
    pub sequence: u64,
    /// Hash of the previous manifest; absent from the first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prev: Option<Hash>,
    /// The evidence root. Its thumbprint is what devices pin; it never changes within a chain.
    pub root: PublicKey,
    /// All signing keys, retired ones included.
    pub keys: Vec<ManifestKey>,
}

/// One signing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestKey {
    /// The key's thumbprint.
    pub kid: Thumbprint,
    /// The public key.
    pub jwk: PublicKey,
    /// Signs from (inclusive), in seconds since the epoch.
    pub from: u64,
    /// Signs until (exclusive), in seconds since the epoch.
    pub until: u64,
    /// Revoked at, in seconds since the epoch: signatures from then on are invalid.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revoked_at: Option<u64>,
}

impl Claims for Manifest {
    const TYP: &'static str = "key-manifest+jwt";
    const MEMBERS: &'static [&'static str] = &["iss", "iat", "sequence", "prev", "root", "keys"];
}

/// What `manifest_uri` returns: the whole chain, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestChain {
    /// The manifests.
    pub manifests: Vec<Compact<Manifest>>,
}

/// Why a chain was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// No manifest.
    #[error("the key manifest is empty")]
    Empty,
    /// A manifest is not signed by the root it names, or malformed.
    #[error("a key manifest can't be verified: {0}")]
    Jws(#[from] JwsError),
    /// The root is not the pinned one.
    #[error("the key manifest is not signed by the root this device was given")]
    OtherRoot,
    /// Another issuer.
    #[error("the key manifest is by another provider")]
    OtherIssuer,
    /// Sequence, hash or time does not follow from the previous manifest.
    #[error("the key manifests do not follow from one another")]
    Broken,
    /// The chain does not contain the manifest this device saw last.
    #[error("the provider's key history is not the one it had before")]
    Rewritten,
}

/// The keys of a verified chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKeys {
    issuer: Issuer,
    root: Thumbprint,
    head: Hash,
    keys: Vec<ManifestKey>,
}

impl ManifestChain {
    /// Verifies the chain against the pinned issuer and root. `seen` is the [head](TrustedKeys::head) that was verified before:
    /// the chain must contain it, so that no manifest can be taken back.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn verify(
        &self,
        issuer: &Issuer,
        root: &Thumbprint,
        seen: Option<&Hash>,
    ) -> Result<TrustedKeys, ManifestError> {
        let keys = verify_chain(&self.manifests)?;
        if keys.issuer != *issuer {
            return Err(ManifestError::OtherIssuer);
        }
        if keys.root != *root {
            return Err(ManifestError::OtherRoot);
        }
        if seen.is_some_and(|seen| !self.manifests.iter().any(|manifest| manifest.hash() == *seen)) {
            return Err(ManifestError::Rewritten);
        }
        Ok(keys)
    }
}

/// Verifies that the manifests are one chain under one root, which the caller checks.
///
/// # Errors
/// [`ManifestError`].
pub(crate) fn verify_chain(manifests: &[Compact<Manifest>]) -> Result<TrustedKeys, ManifestError> {
    let first = manifests.first().ok_or(ManifestError::Empty)?;
    let root = first.peek()?.root;
    let mut trusted: Option<(Manifest, Hash)> = None;
    for compact in manifests {
        let opened = compact.verify(|kid| (kid == root.thumbprint()).then_some(&root))?;
        let manifest = opened.claims;
        let follows = match &trusted {
            None => manifest.sequence == 1 && manifest.prev.is_none(),
            Some((before, hash)) => {
                before.sequence.checked_add(1) == Some(manifest.sequence)
                    && manifest.prev == Some(*hash)
                    && manifest.iat >= before.iat
                    && manifest.iss == before.iss
                    && keeps_keys(&before.keys, &manifest)
            }
        };
        let named = manifest.keys.iter().all(|key| key.kid == *key.jwk.thumbprint());
        if !follows || !named || manifest.root != root {
            return Err(ManifestError::Broken);
        }
        trusted = Some((manifest, opened.hash));
    }
    let (last, head) = trusted.ok_or(ManifestError::Empty)?;
    Ok(TrustedKeys { issuer: last.iss, root: *root.thumbprint(), head, keys: last.keys })
}

/// Whether every previous key is still listed, from the same time on, still revoked if it was, and not ended in the past: only a
/// revocation invalidates what a key has signed before this manifest.
fn keeps_keys(before: &[ManifestKey], after: &Manifest) -> bool {
    before.iter().all(|old| {
        after.keys.iter().any(|new| {
            new.kid == old.kid
                && new.from == old.from
                && new.until >= old.until.min(after.iat)
                && (old.revoked_at.is_none() || new.revoked_at.is_some_and(|at| Some(at) <= old.revoked_at))
        })
    })
}

impl TrustedKeys {
    /// The issuer of these keys.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The root's thumbprint.
    pub fn root(&self) -> &Thumbprint {
        &self.root
    }

    /// Hash of the newest manifest.
    pub fn head(&self) -> &Hash {
        &self.head
    }

    /// The key of this thumbprint, if a message issued then may be signed by it. `iat` in seconds.
    pub fn key_at(&self, kid: &Thumbprint, iat: u64) -> Option<&PublicKey> {
        self.keys
            .iter()
            .find(|key| key.kid == *kid)
            .filter(|key| key.from <= iat && iat < key.until && key.revoked_at.is_none_or(|at| iat < at))
            .map(|key| &key.jwk)
    }

    /// Whether the thumbprint is listed at all; if not, the chain may have grown since it was fetched.
    pub fn lists(&self, kid: &Thumbprint) -> bool {
        self.keys.iter().any(|key| key.kid == *kid)
    }

    /// Verifies a message of this issuer by the key that its header names, which must have been valid when the message says it
    /// was issued.
    ///
    /// # Errors
    /// [`JwsError`].
    pub(crate) fn verify<T: Claims>(
        &self,
        compact: &Compact<T>,
        issued_at: impl FnOnce(&T) -> u64,
    ) -> Result<crate::jws::VerifiedJws<T>, JwsError> {
        let opened = compact.verify(|kid| self.keys.iter().find(|key| key.kid == *kid).map(|key| &key.jwk))?;
        let kid = *opened.key.thumbprint();
        self.key_at(&kid, issued_at(&opened.claims)).ok_or(JwsError::UnknownKey(kid))?;
        Ok(opened)
    }
}
