//! The gateway's own keys: made at first start, kept as one PKCS#8 file each (mode 0600), parsed once and again when one is followed
//! by another.

mod version;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use countersign_jose::base64url;
use countersign_jose::key::{LocalSigner, PrivateKey, PublicKey, Signer as _};
use countersign_jose::random::{self, Random};
use p256::SecretKey;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use zeroize::Zeroizing;

pub use version::{KeyVersion, add_key_version, key_versions, remove_expired_versions, remove_key_version};

/// What the gateway signs with. It has no `Debug`.
pub struct Keys {
    /// Signs the key manifest and nothing else; devices pin its thumbprint.
    pub(crate) root: LocalSigner,
    /// Signs challenges, outcomes, statements, notices: the newest of its name.
    pub(crate) signing: LocalSigner,
    /// Signs registration tokens: the newest of its name.
    pub(crate) registration: LocalSigner,
    /// Those that signed registration tokens before it.
    pub(crate) former_registration: Vec<PublicKey>,
    /// Signs for push services (RFC 8292), oldest first: subscriptions live with the key they were made for. Never empty.
    pub(crate) vapid: Vec<LocalSigner>,
    /// Confirmation codes and decoys are derived from it.
    pub(crate) secret: Zeroizing<[u8; 32]>,
    /// Where all of them are.
    pub(crate) directory: PathBuf,
}

/// The names of the keys that can be followed by another; the evidence root, which devices pin, is not among them.
pub const SIGNING: &str = "gateway";
/// See [`SIGNING`].
pub const REGISTRATION: &str = "registration";
/// The key that push services know the gateway by. It is followed by another on request alone: every device has to subscribe anew.
pub const VAPID: &str = "vapid";
/// How long a former [`VAPID`] key signs for the addresses that were made for it, in seconds: 60 days.
pub const VAPID_KEEP_SECONDS: u64 = 60 * 86_400;

/// A key could not be read or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The system refused to read or write the file.
    #[error("the key file {path} can't be used: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file holds no key of the expected type.
    #[error(
        "the key file {path} is damaged: restore it from a backup; a new key would make every enrolled device refuse this provider"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

impl KeyError {
    /// The stable code, one for all of them, as the command line prints it.
    pub const fn code(&self) -> &'static str {
        "provider"
    }
}

impl Keys {
    /// Reads the keys from the directory; makes what is missing.
    ///
    /// # Errors
    /// [`KeyError`] when a file is unreadable or damaged. A damaged key is never replaced.
    pub fn load_or_create(directory: &Path, random: &dyn Random) -> Result<Keys, KeyError> {
        Keys::read(directory, Some(random))
    }

    /// Reads the keys from the directory. A process that has keys already never makes others in their place: the folder was moved
    /// away, or is being restored.
    ///
    /// # Errors
    /// [`KeyError`] when a file is missing, unreadable or damaged.
    pub fn load(directory: &Path) -> Result<Keys, KeyError> {
        Keys::read(directory, None)
    }

    fn read(directory: &Path, random: Option<&dyn Random>) -> Result<Keys, KeyError> {
        let root = read_key(&directory.join("evidence-root.p8"), random)?.into_signer();
        let (signing, _) = newest(load_key_versions(directory, SIGNING, random)?);
        let (registration, former) = newest(load_key_versions(directory, REGISTRATION, random)?);
        let vapid = load_key_versions(directory, VAPID, random)?;
        Ok(Keys {
            root,
            signing,
            registration,
            former_registration: former.iter().map(|(_, former)| former.public_key().clone()).collect(),
            vapid: vapid.into_iter().map(|(_, signer)| signer).collect(),
            secret: read_secret(directory, "gateway-secret", random)?,
            directory: directory.to_owned(),
        })
    }
}

impl Keys {
    /// The key that new subscriptions are made for.
    pub(crate) fn newest_vapid(&self) -> &LocalSigner {
        self.vapid.last().expect("there is always one")
    }
}

/// Reads every version of a key, oldest first, each with the second from which on it signs; where there is none, makes the first
/// with `random`. Never empty. For other crates' keys in the same directory too (the token key of `op`).
///
/// # Errors
/// [`KeyError`] when a file is unreadable or damaged; without `random`, when there is none.
pub fn load_key_versions(
    directory: &Path,
    name: &str,
    random: Option<&dyn Random>,
) -> Result<Vec<(u64, LocalSigner)>, KeyError> {
    let found = key_versions(directory, name)?;
    if found.is_empty() {
        let first = read_key(&directory.join(format!("{name}.p8")), random)?;
        return Ok(vec![(0, first.into_signer())]);
    }
    let mut keys = Vec::new();
    for one in found {
        match fs::read(&one.path) {
            Ok(der) => keys.push((one.from, parse_key(&one.path, &Zeroizing::new(der))?.into_signer())),
            // Another process removed it since it was listed: it has a successor, which is listed too. Never made anew.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(KeyError::File { path: one.path, source }),
        }
    }
    match keys.is_empty() {
        true => {
            Err(KeyError::File { path: directory.join(format!("{name}.p8")), source: io::ErrorKind::NotFound.into() })
        }
        false => Ok(keys),
    }
}

/// The newest, and those before it.
fn newest(mut all: Vec<(u64, LocalSigner)>) -> (LocalSigner, Vec<(u64, LocalSigner)>) {
    let (_, newest) = all.pop().expect("there is always one");
    (newest, all)
}

/// A public key as it is published: with the members that JOSE libraries choose by (RFC 7517 §4).
pub fn published(key: &PublicKey) -> serde_json::Value {
    let mut jwk = serde_json::json!(key);
    jwk["kid"] = serde_json::json!(key.thumbprint());
    jwk["alg"] = "ES256".into();
    jwk["use"] = "sig".into();
    jwk
}

/// A new P-256 key in PKCS#8.
pub fn new_key(random: &dyn Random) -> Zeroizing<Vec<u8>> {
    let key = PrivateKey::generate(random);
    let der = SecretKey::from_slice(key.expose_bytes().as_slice())
        .ok()
        .and_then(|secret| secret.to_pkcs8_der().ok())
        .expect("a PrivateKey's scalar is in range, and PKCS#8 has room for it");
    der.to_bytes()
}

fn read_key(path: &Path, random: Option<&dyn Random>) -> Result<PrivateKey, KeyError> {
    let der = match random {
        Some(random) => read_or_make(path, || new_key(random))?,
        None => read_file(path)?,
    };
    parse_key(path, &der)
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    fs::read(path).map(Zeroizing::new).map_err(|source| KeyError::File { path: path.to_owned(), source })
}

fn parse_key(path: &Path, der: &[u8]) -> Result<PrivateKey, KeyError> {
    let damaged = || KeyError::Damaged { path: path.to_owned() };
    let secret = SecretKey::from_pkcs8_der(der).map_err(|_| damaged())?;
    let scalar = Zeroizing::new(<[u8; 32]>::from(secret.to_bytes()));
    PrivateKey::from_bytes(&scalar).map_err(|_| damaged())
}

/// Reads `<name>.secret` (32 bytes as base64url) from the directory, or makes it.
///
/// # Errors
/// [`KeyError`] when the file is unreadable or damaged.
pub fn load_or_create_secret(
    directory: &Path,
    name: &str,
    random: &dyn Random,
) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    read_secret(directory, name, Some(random))
}

fn read_secret(directory: &Path, name: &str, random: Option<&dyn Random>) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let path = directory.join(format!("{name}.secret"));
    let text = match random {
        Some(random) => read_or_make(&path, || {
            let bytes = Zeroizing::new(random::bytes::<32>(random));
            Zeroizing::new(base64url::encode(bytes.as_slice()).into_bytes())
        })?,
        None => read_file(&path)?,
    };
    std::str::from_utf8(&text)
        .ok()
        .and_then(|text| base64url::decode_array::<32>(text.trim_end()).ok())
        .map(Zeroizing::new)
        .ok_or(KeyError::Damaged { path })
}

/// Reads a key file of another form from the directory, or makes it of what `make` returns (mode 0600).
///
/// # Errors
/// [`KeyError`] when the file can't be read or written. What is in it is the caller's to judge.
pub fn load_or_create_file(
    directory: &Path,
    name: &str,
    make: impl FnOnce() -> Zeroizing<Vec<u8>>,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    read_or_make(&directory.join(name), make)
}

/// The key manifests beside the keys, by their sequence.
pub(crate) fn manifest_files(directory: &Path) -> Result<BTreeMap<u64, String>, KeyError> {
    let failed = |path: &Path, source| KeyError::File { path: path.to_owned(), source };
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(|error| failed(directory, error))? {
        let path = entry.map_err(|error| failed(directory, error))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let digits = name.and_then(|name| name.strip_prefix("manifest.")?.strip_suffix(".jws"));
        if let Some(sequence) = digits.and_then(|digits| digits.parse().ok()) {
            let text = fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
            found.insert(sequence, text);
        }
    }
    Ok(found)
}

/// Keeps a manifest beside the keys, unless there is one of this sequence; returns the one that is there now.
pub(crate) fn keep_manifest(directory: &Path, sequence: u64, text: &str) -> Result<String, KeyError> {
    let name = format!("manifest.{sequence}.jws");
    let bytes = load_or_create_file(directory, &name, || Zeroizing::new(text.as_bytes().to_vec()))?;
    String::from_utf8(bytes.to_vec()).map_err(|_| KeyError::Damaged { path: directory.join(name) })
}

/// The file's bytes. A missing file is written under another name first and then linked into place, so that a crash leaves
/// no half a key, and of two processes that start together both end up with the same one.
fn read_or_make(path: &Path, make: impl FnOnce() -> Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let failed = |source| KeyError::File { path: path.to_owned(), source };
    match fs::read(path) {
        Ok(bytes) => return Ok(Zeroizing::new(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    create_private_directory(directory).map_err(failed)?;
    let unfinished = path.with_extension(format!("new-{}", std::process::id()));
    let written = write_private(&unfinished, &make()).and_then(|()| match fs::hard_link(&unfinished, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::File::open(directory)?.sync_all(),
    });
    let _ = fs::remove_file(&unfinished);
    written.map_err(failed)?;
    fs::read(path).map(Zeroizing::new).map_err(failed)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn create_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use countersign_jose::key::Signer as _;

    use super::*;
    use countersign_testing::CountingRandom;

    #[test]
    fn a_second_start_finds_the_same_keys() {
        let home = tempfile::tempdir().expect("a directory");
        let directory = home.path().join("keys");
        let first = Keys::load_or_create(&directory, &CountingRandom::seeded(1)).expect("made");
        let second = Keys::load_or_create(&directory, &CountingRandom::seeded(2)).expect("read");
        assert_eq!(first.root.public_key(), second.root.public_key());
        assert_eq!(first.signing.public_key(), second.signing.public_key());
        assert_eq!(first.newest_vapid().public_key(), second.newest_vapid().public_key());
        assert_eq!(*first.secret, *second.secret);
        assert_ne!(first.root.public_key(), first.signing.public_key());
    }

    #[test]
    fn a_damaged_key_is_reported_and_kept() {
        let home = tempfile::tempdir().expect("a directory");
        Keys::load_or_create(home.path(), &CountingRandom::seeded(1)).expect("made");
        let path = home.path().join("gateway.p8");
        fs::write(&path, b"not a key").expect("written");
        assert!(matches!(Keys::load_or_create(home.path(), &CountingRandom::seeded(2)), Err(KeyError::Damaged { .. })));
        assert_eq!(fs::read(&path).expect("still there"), b"not a key");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_the_files() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().expect("a directory");
        Keys::load_or_create(home.path(), &CountingRandom::seeded(1)).expect("made");
        for file in fs::read_dir(home.path()).expect("listed") {
            let file = file.expect("an entry");
            assert_eq!(file.metadata().expect("metadata").permissions().mode() & 0o777, 0o600, "{:?}", file.path());
        }
    }
}
