//! The keys that sign tokens. Each may be followed by another: the new one is published for a while before it signs, and the old one
//! for as long as anything that it signed is of use.

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

/// The P-256 key's name in the keys' folder.
pub(crate) const EC: &str = "token";
/// The RSA key's.
pub(crate) const RSA: &str = "token-rsa";

/// How long, in seconds, a key is published before it signs: twice as long as anybody may keep the published keys.
pub(crate) const ANNOUNCED: u64 = 600;

/// How long, in seconds, a key is published after its successor took over: an access token lives a day at most, and an ID token is a
/// hint for 30 days after its end.
pub(crate) const PUBLISHED_AFTER: u64 = 32 * 86_400;

/// The keys, as they are in the folder.
pub(crate) struct TokenKeys {
    directory: PathBuf,
    held: RwLock<Arc<KeySet>>,
}

/// What was read of the folder at one time.
pub(crate) struct KeySet {
    /// Never empty; oldest first.
    ec: Vec<KeyVersion<EcSigner>>,
    /// Empty until some client needs one.
    rsa: Vec<KeyVersion<RsaSigner>>,
    verifying: JwkSet,
}

struct KeyVersion<S> {
    from: u64,
    signer: S,
}

/// A P-256 key with its headers, encoded once.
pub(crate) struct EcSigner {
    signer: LocalSigner,
    pub(super) id_header: String,
    pub(super) access_header: String,
}

/// One key that signs tokens, as an operator is shown it.
pub(crate) struct TokenKeyRecord {
    pub(crate) name: &'static str,
    pub(crate) kid: String,
    pub(crate) from: u64,
    /// When its successor takes over.
    pub(crate) until: Option<u64>,
}

impl TokenKeys {
    /// Reads the folder; makes the P-256 key if there is none.
    ///
    /// # Errors
    /// [`KeyError`] when a file can't be used.
    pub(crate) fn open(directory: &Path, random: &dyn Random) -> Result<TokenKeys, KeyError> {
        let held = RwLock::new(Arc::new(KeySet::read(directory, random)?));
        Ok(TokenKeys { directory: directory.to_owned(), held })
    }

    /// Reads the folder again.
    ///
    /// # Errors
    /// [`KeyError`]; then what was read before stays in use.
    pub(crate) fn reload(&self, random: &dyn Random) -> Result<(), KeyError> {
        let held = Arc::new(KeySet::read(&self.directory, random)?);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
        Ok(())
    }

    /// Makes sure that there is an RSA key. Making one takes up to a second of a thread.
    ///
    /// # Errors
    /// [`KeyError`] when its file can't be used.
    pub(crate) fn prepare_rsa(&self, random: &dyn Random) -> Result<(), KeyError> {
        if self.held().has_rsa() {
            return Ok(());
        }
        if keys::key_versions(&self.directory, RSA)?.is_empty() {
            keys::load_or_create_file(&self.directory, &format!("{RSA}.p8"), || rsa::make(random))?;
        }
        self.reload(random)
    }

    /// What is known now.
    pub(crate) fn held(&self) -> Arc<KeySet> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As [`TokenKeys::held`], with the RSA key that another process may have made meanwhile.
    pub(crate) fn held_with_rsa(&self, random: &dyn Random) -> Arc<KeySet> {
        let held = self.held();
        if !held.has_rsa()
            && !keys::key_versions(&self.directory, RSA).is_ok_and(|found| found.is_empty())
            && let Err(error) = self.reload(random)
        {
            tracing::error!(%error, "the RSA key is not used");
        }
        self.held()
    }

    /// Puts the next key beside each: it signs from `from` on.
    ///
    /// # Errors
    /// [`KeyError`] when a file can't be written.
    pub(crate) fn add(&self, from: u64, random: &dyn Random) -> Result<(), KeyError> {
        keys::add_key_version(&self.directory, EC, from, || keys::new_key(random))?;
        if !keys::key_versions(&self.directory, RSA)?.is_empty() {
            keys::add_key_version(&self.directory, RSA, from, || rsa::make(random))?;
        }
        Ok(())
    }
}

impl KeySet {
    fn read(directory: &Path, random: &dyn Random) -> Result<KeySet, KeyError> {
        let ec = keys::load_key_versions(directory, EC, random)?;
        let ec: Vec<_> =
            ec.into_iter().map(|(from, signer)| KeyVersion { from, signer: EcSigner::over(signer) }).collect();
        let mut rsa = Vec::new();
        for one in keys::key_versions(directory, RSA)? {
            match RsaSigner::read(&one.path) {
                Ok(signer) => rsa.push(KeyVersion { from: one.from, signer }),
                // Another process removed it since it was listed: it has a successor.
                Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let all = ec.iter().map(|one| one.signer.jwk()).chain(rsa.iter().flat_map(|one| one.signer.jwks()));
        let verifying = JwkSet::parse(document(all).as_bytes()).expect("keys that sign are keys");
        Ok(KeySet { ec, rsa, verifying })
    }

    /// Whether some client has needed an RSA key.
    pub(crate) fn has_rsa(&self) -> bool {
        !self.rsa.is_empty()
    }

    /// The P-256 key that signs now.
    pub(crate) fn ec(&self, now: Timestamp) -> &EcSigner {
        &self.ec[current(&self.ec, now).unwrap_or(0)].signer
    }

    /// The RSA key that signs now, if there is one.
    pub(crate) fn rsa(&self, now: Timestamp) -> Option<&RsaSigner> {
        current(&self.rsa, now).map(|at| &self.rsa[at].signer)
    }

    /// Every key whose signature counts.
    pub(crate) fn verifying(&self) -> &JwkSet {
        &self.verifying
    }

    /// The published keys (RFC 7517 §5): those that sign, those that will, and those that did. The one that signs by ES256 stands
    /// first.
    pub(crate) fn published(&self, now: Timestamp) -> String {
        let first = current(&self.ec, now).unwrap_or(0);
        let others = || (0..self.ec.len()).filter(|at| *at != first && is_published(&self.ec, *at, now));
        let ec = [first].into_iter().chain(others()).map(|at| self.ec[at].signer.jwk());
        let rsa = (0..self.rsa.len()).filter(|at| is_published(&self.rsa, *at, now));
        document(ec.chain(rsa.flat_map(|at| self.rsa[at].signer.jwks())))
    }

    /// All of them, oldest first.
    pub(crate) fn listed(&self) -> Vec<TokenKeyRecord> {
        let ec = self.ec.iter().map(|one| one.signer.signer.public_key().thumbprint().to_string());
        let rsa = self.rsa.iter().map(|one| one.signer.thumbprint().to_string());
        let mut listed = times(EC, &self.ec, ec);
        listed.extend(times(RSA, &self.rsa, rsa));
        listed
    }
}

fn times<S>(name: &'static str, all: &[KeyVersion<S>], kids: impl Iterator<Item = String>) -> Vec<TokenKeyRecord> {
    let untils = all.iter().skip(1).map(|next| Some(next.from)).chain([None]);
    let each = all.iter().zip(untils).zip(kids);
    each.map(|((one, until), kid)| TokenKeyRecord { name, kid, from: one.from, until }).collect()
}

/// The newest whose time has come; the oldest where it has for none.
fn current<S>(all: &[KeyVersion<S>], now: Timestamp) -> Option<usize> {
    all.iter().rposition(|one| one.from <= now.seconds()).or_else(|| (!all.is_empty()).then_some(0))
}

fn is_published<S>(all: &[KeyVersion<S>], at: usize, now: Timestamp) -> bool {
    all.get(at + 1).is_none_or(|next| next.from.saturating_add(PUBLISHED_AFTER) > now.seconds())
}

fn document(keys: impl Iterator<Item = Value>) -> String {
    json!({ "keys": keys.collect::<Vec<_>>() }).to_string()
}

impl EcSigner {
    fn over(signer: LocalSigner) -> EcSigner {
        let header = |typ| {
            let header = json!({ "alg": "ES256", "typ": typ, "kid": signer.public_key().thumbprint() });
            base64url::encode(header.to_string().as_bytes())
        };
        let (id_header, access_header) = (header("JWT"), header("at+jwt"));
        EcSigner { id_header, access_header, signer }
    }

    /// # Errors
    /// [`SignFailed`] if the key does not sign.
    pub(super) fn sign(&self, input: &[u8]) -> Result<[u8; 64], SignFailed> {
        self.signer.sign(input)
    }

    fn jwk(&self) -> Value {
        keys::published(self.signer.public_key())
    }
}
