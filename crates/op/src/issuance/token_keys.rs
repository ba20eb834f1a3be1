//! Token signing keys and their rotation: a new key is published before its first use; a retired key stays in the JWKS
//! until its last token has expired.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use countersign_gateway::keys::{self, KeyError};
use countersign_jose::base64url;
use countersign_jose::clock::Timestamp;
use countersign_jose::jwt::JwkSet;
use countersign_jose::key::{LocalSigner, SignFailed, Signer as _};
use countersign_jose::random::Random;
use serde_json::{Value, json};

use super::rsa::{self, RsaSigner};

/// Base name of the P-256 key's files.
pub(crate) const EC: &str = "token";
/// Base name of the RSA key's files.
pub(crate) const RSA: &str = "token-rsa";

/// How long a key is published before it signs, in seconds: twice as long as the JWKS may be cached.
pub(crate) const PUBLISHED_BEFORE: u64 = 600;

/// How long a key is published after its successor took over, in seconds: access tokens are valid for a day at most,
/// and ID tokens are accepted as hints for 30 days after that.
pub(crate) const PUBLISHED_AFTER: u64 = 32 * 86_400;

/// The loaded keys of a folder.
pub(crate) struct TokenKeys {
    directory: PathBuf,
    current: RwLock<Arc<KeySet>>,
}

/// A snapshot of the keys in the folder.
pub(crate) struct KeySet {
    /// Oldest first, never empty.
    ec: Vec<KeyVersion<EcSigner>>,
    /// Oldest first, empty until a client needs one.
    rsa: Vec<KeyVersion<RsaSigner>>,
    verifying: JwkSet,
}

struct KeyVersion<S> {
    from: u64,
    signer: S,
}

/// A P-256 key with its encoded JWS headers.
pub(crate) struct EcSigner {
    signer: LocalSigner,
    pub(super) id_header: String,
    pub(super) access_header: String,
}

/// A token signing key in the operator's list; times in seconds since the epoch.
pub(crate) struct TokenKeyRecord {
    pub(crate) name: &'static str,
    pub(crate) kid: String,
    pub(crate) from: u64,
    /// When its successor starts to sign.
    pub(crate) until: Option<u64>,
}

impl TokenKeys {
    /// Loads the folder; creates the P-256 key if there is none.
    ///
    /// # Errors
    /// [`KeyError`] if a file can't be used.
    pub(crate) fn open(directory: &Path, random: &dyn Random) -> Result<TokenKeys, KeyError> {
        let current = RwLock::new(Arc::new(KeySet::read(directory, Some(random))?));
        Ok(TokenKeys { directory: directory.to_owned(), current })
    }

    /// Loads the folder again.
    ///
    /// # Errors
    /// [`KeyError`]; then the former keys stay in use.
    pub(crate) fn reload(&self) -> Result<(), KeyError> {
        let loaded = Arc::new(KeySet::read(&self.directory, None)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    /// Creates the RSA key if there is none. Blocks the thread for up to a second.
    ///
    /// # Errors
    /// [`KeyError`] if its file can't be used.
    pub(crate) fn prepare_rsa(&self, random: &dyn Random) -> Result<(), KeyError> {
        if self.current().has_rsa() {
            return Ok(());
        }
        if keys::key_versions(&self.directory, RSA)?.is_empty() {
            keys::load_or_create_file(&self.directory, &format!("{RSA}.p8"), || rsa::generate(random))?;
        }
        self.reload()
    }

    /// The loaded keys.
    pub(crate) fn current(&self) -> Arc<KeySet> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As [`TokenKeys::current`], with an RSA key that another process may have created.
    pub(crate) fn current_with_rsa(&self) -> Arc<KeySet> {
        if !self.current().has_rsa()
            && !keys::key_versions(&self.directory, RSA).is_ok_and(|found| found.is_empty())
            && let Err(error) = self.reload()
        {
            tracing::error!(%error, "the RSA key could not be loaded");
        }
        self.current()
    }

    /// Adds a successor to each key, which signs from `from` on (seconds since the epoch).
    ///
    /// # Errors
    /// [`KeyError`] if a file can't be written.
    pub(crate) fn add(&self, from: u64, random: &dyn Random) -> Result<(), KeyError> {
        keys::add_key_version(&self.directory, EC, from, || keys::new_key(random))?;
        if !keys::key_versions(&self.directory, RSA)?.is_empty() {
            keys::add_key_version(&self.directory, RSA, from, || rsa::generate(random))?;
        }
        Ok(())
    }
}

impl KeySet {
    fn read(directory: &Path, random: Option<&dyn Random>) -> Result<KeySet, KeyError> {
        let ec = keys::load_key_versions(directory, EC, random)?;
        let ec: Vec<_> =
            ec.into_iter().map(|(from, signer)| KeyVersion { from, signer: EcSigner::new(signer) }).collect();
        let mut rsa = Vec::new();
        for one in keys::key_versions(directory, RSA)? {
            match RsaSigner::read(&one.path) {
                Ok(signer) => rsa.push(KeyVersion { from: one.from, signer }),
                // Removed by another process after listing, so it has a successor.
                Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let all = ec.iter().map(|one| one.signer.jwk()).chain(rsa.iter().flat_map(|one| one.signer.jwks()));
        let verifying = JwkSet::parse(document(all).as_bytes()).expect("the JWKS of loaded keys parses");
        Ok(KeySet { ec, rsa, verifying })
    }

    /// Whether an RSA key is loaded.
    pub(crate) fn has_rsa(&self) -> bool {
        !self.rsa.is_empty()
    }

    /// The signing P-256 key.
    pub(crate) fn ec(&self, now: Timestamp) -> &EcSigner {
        &self.ec[signing_index(&self.ec, now).unwrap_or(0)].signer
    }

    /// The signing RSA key, if there is one.
    pub(crate) fn rsa(&self, now: Timestamp) -> Option<&RsaSigner> {
        signing_index(&self.rsa, now).map(|at| &self.rsa[at].signer)
    }

    /// All keys whose signatures are accepted.
    pub(crate) fn verifying(&self) -> &JwkSet {
        &self.verifying
    }

    /// The JWKS document (RFC 7517 §5): signing, future and retired keys. The one that signs by ES256 comes first.
    pub(crate) fn published(&self, now: Timestamp) -> String {
        let first = signing_index(&self.ec, now).unwrap_or(0);
        let others = || (0..self.ec.len()).filter(|at| *at != first && is_published(&self.ec, *at, now));
        let ec = [first].into_iter().chain(others()).map(|at| self.ec[at].signer.jwk());
        let rsa = (0..self.rsa.len()).filter(|at| is_published(&self.rsa, *at, now));
        document(ec.chain(rsa.flat_map(|at| self.rsa[at].signer.jwks())))
    }

    /// Records of all keys, oldest first for each kind.
    pub(crate) fn records(&self) -> Vec<TokenKeyRecord> {
        let ec = self.ec.iter().map(|one| one.signer.signer.public_key().thumbprint().to_string());
        let rsa = self.rsa.iter().map(|one| one.signer.thumbprint().to_string());
        let mut records = key_records(EC, &self.ec, ec);
        records.extend(key_records(RSA, &self.rsa, rsa));
        records
    }
}

fn key_records<S>(
    name: &'static str,
    all: &[KeyVersion<S>],
    kids: impl Iterator<Item = String>,
) -> Vec<TokenKeyRecord> {
    let untils = all.iter().skip(1).map(|next| Some(next.from)).chain([None]);
    let each = all.iter().zip(untils).zip(kids);
    each.map(|((one, until), kid)| TokenKeyRecord { name, kid, from: one.from, until }).collect()
}

/// Index of the newest key whose start has passed, else of the oldest.
fn signing_index<S>(all: &[KeyVersion<S>], now: Timestamp) -> Option<usize> {
    all.iter().rposition(|one| one.from <= now.seconds()).or_else(|| (!all.is_empty()).then_some(0))
}

fn is_published<S>(all: &[KeyVersion<S>], at: usize, now: Timestamp) -> bool {
    all.get(at + 1).is_none_or(|next| next.from.saturating_add(PUBLISHED_AFTER) > now.seconds())
}

fn document(keys: impl Iterator<Item = Value>) -> String {
    json!({ "keys": keys.collect::<Vec<_>>() }).to_string()
}

impl EcSigner {
    fn new(signer: LocalSigner) -> EcSigner {
        let header = |typ| {
            let header = json!({ "alg": "ES256", "typ": typ, "kid": signer.public_key().thumbprint() });
            base64url::encode(header.to_string().as_bytes())
        };
        let (id_header, access_header) = (header("JWT"), header("at+jwt"));
        EcSigner { id_header, access_header, signer }
    }

    /// Signs by ES256.
    ///
    /// # Errors
    /// [`SignFailed`] if signing fails.
    pub(super) fn sign(&self, input: &[u8]) -> Result<[u8; 64], SignFailed> {
        self.signer.sign(input)
    }

    fn jwk(&self) -> Value {
        keys::published(self.signer.public_key())
    }
}
