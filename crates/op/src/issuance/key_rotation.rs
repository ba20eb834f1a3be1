//! Key rotation: `op keys` lists and rotates the provider's keys; the serving process reloads them when the folder
//! changes.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_gateway::keys::{self, KeyError, REGISTRATION, SIGNING, VAPID, VAPID_KEEP_SECONDS};
use countersign_gateway::{Gateway, Keys, ManifestError, Ports};
use countersign_jose::clock::Timestamp;
use tokio::task::JoinHandle;

use crate::issuance::token_keys::{EC, KeySet, PUBLISHED_AFTER, PUBLISHED_BEFORE, RSA};
use crate::issuance::token_signer::TokenSigner;

/// How often the folder of keys is checked for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// How long former keys of the gateway and of enrollment links are kept, in seconds: longer than a link is valid and
/// than any command runs.
const KEEP_SECONDS: u64 = 3600;

/// The folder of keys, and its files when the keys were last loaded.
pub(crate) struct KeyFolder {
    path: PathBuf,
    seen: Mutex<BTreeSet<OsString>>,
}

/// The provider's keys and their rotation.
pub(crate) struct KeyRotation {
    pub(crate) folder: KeyFolder,
    pub(crate) gateway: Gateway,
    pub(crate) tokens: Arc<TokenSigner>,
    pub(crate) ports: Ports,
}

/// One of the provider's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Base name of its files: `token`, `token-rsa`, `gateway`, `registration`, `vapid` or `evidence-root`.
    pub name: &'static str,
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// Phase of its rotation.
    pub state: KeyState,
    /// Start of signing, in seconds since the epoch; `None` for the first key.
    pub from: Option<u64>,
    /// End of signing, in seconds since the epoch.
    pub until: Option<u64>,
}

/// Phase of a key's rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, not signing yet.
    Next,
    /// Signing.
    Signs,
    /// Not signing any more; its signatures are still accepted.
    Former,
    /// Its later signatures are refused.
    Revoked,
}

impl KeyState {
    /// Name in listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyState::Next => "next",
            KeyState::Signs => "signs",
            KeyState::Former => "former",
            KeyState::Revoked => "revoked",
        }
    }
}

/// Why keys were not rotated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// The folder or a file in it can't be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The gateway's manifest can't be read or signed.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The keys of the last rotation do not sign yet.
    #[error(
        "the last rotation is still under way: its keys sign from {} on; rotate again after that, or with --compromised if keys have leaked", moment(*.from)
    )]
    UnderWay {
        /// Seconds since the epoch.
        from: u64,
    },
}

/// A time in words: RFC 3339, in UTC.
fn moment(seconds: u64) -> String {
    let moment = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| seconds.to_string(), |moment| moment.to_string())
}

impl RotateError {
    /// Stable code in snake_case, as the CLI prints it.
    pub const fn code(&self) -> &'static str {
        match self {
            RotateError::UnderWay { .. } => "rotating",
            RotateError::Key(_) | RotateError::Manifest(_) => "provider",
        }
    }
}

impl KeyFolder {
    pub(crate) fn new(path: &Path) -> KeyFolder {
        KeyFolder { path: path.to_owned(), seen: Mutex::new(key_files(path)) }
    }

    /// Whether key files were added or removed since the keys were last loaded.
    fn has_changed(&self) -> bool {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) != key_files(&self.path)
    }
}

/// Removes former keys whose signatures have all expired.
///
/// # Errors
/// [`KeyError`] if a file can't be removed.
pub(crate) fn remove_former_keys(folder: &Path, now: Timestamp) -> Result<(), KeyError> {
    for (name, keep_seconds) in [
        (EC, PUBLISHED_AFTER),
        (RSA, PUBLISHED_AFTER),
        (SIGNING, KEEP_SECONDS),
        (REGISTRATION, KEEP_SECONDS),
        (VAPID, VAPID_KEEP_SECONDS),
    ] {
        keys::remove_expired_versions(folder, name, keep_seconds, now.seconds())?;
    }
    Ok(())
}

/// Names of the key files. An unreadable folder has none; loading the keys reports the error.
fn key_files(path: &Path) -> BTreeSet<OsString> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.file_name());
    entries.filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "p8")).collect()
}

impl KeyRotation {
    /// All keys, those of a name from the oldest to the newest.
    ///
    /// # Errors
    /// [`ManifestError`] when the stored manifest can't be read.
    pub(crate) fn keys(&self) -> Result<Vec<KeyRecord>, ManifestError> {
        let now = self.ports.clock.now().seconds();
        let state = |from: u64, until: Option<u64>| match until {
            Some(until) if until <= now => KeyState::Former,
            _ if from > now => KeyState::Next,
            _ => KeyState::Signs,
        };
        let some = |from: u64| (from > 0).then_some(from);
        let tokens = self.tokens.keys().current_with_rsa().records().into_iter();
        let mut listed: Vec<KeyRecord> = tokens
            .map(|key| KeyRecord {
                name: key.name,
                kid: key.kid,
                state: state(key.from, key.until),
                from: some(key.from),
                until: key.until,
            })
            .collect();
        let of_gateway = self.gateway.listed_keys()?;
        let newest = of_gateway.len().saturating_sub(1);
        listed.extend(of_gateway.into_iter().enumerate().map(|(n, key)| KeyRecord {
            name: SIGNING,
            kid: key.kid.to_string(),
            state: match key.revoked_at {
                Some(_) => KeyState::Revoked,
                None if n == newest => KeyState::Signs,
                None => KeyState::Former,
            },
            from: some(key.from),
            until: key.revoked_at.or((n != newest).then_some(key.until)),
        }));
        let unrotated = |name, kid: String, state| KeyRecord { name, kid, state, from: None, until: None };
        let (signing, former) = self.gateway.registration_keys();
        listed.extend(former.into_iter().map(|kid| unrotated(REGISTRATION, kid.to_string(), KeyState::Former)));
        listed.push(unrotated(REGISTRATION, signing.to_string(), KeyState::Signs));
        let (former, newest) = self.gateway.vapid_keys();
        listed.extend(former.into_iter().map(|kid| unrotated(VAPID, kid.to_string(), KeyState::Former)));
        listed.push(unrotated(VAPID, newest.to_string(), KeyState::Signs));
        listed.push(unrotated("evidence-root", self.gateway.evidence_root().to_string(), KeyState::Signs));
        Ok(listed)
    }

    /// Changes the key that push services know the gateway by, and nothing else. The former one signs for the addresses that were made for
    /// it until their devices have subscribed anew, at most 60 days; where it is `compromised` not at all.
    ///
    /// # Errors
    /// [`RotateError`].
    pub(crate) fn rotate_push_key(&self, compromised: bool) -> Result<(), RotateError> {
        self.add_successor(VAPID)?;
        if compromised {
            self.remove_all_but_newest(&[VAPID])?;
        }
        remove_former_keys(&self.folder.path, self.ports.clock.now())?;
        self.reload(false)
    }

    /// Adds the next version of a key that signs at once.
    fn add_successor(&self, name: &str) -> Result<(), KeyError> {
        let (folder, random, now) = (&self.folder.path, &*self.ports.random, self.ports.clock.now().seconds());
        // The newest needs the highest number, even if the clock was set back.
        let last = keys::key_versions(folder, name)?.last().map_or(0, |last| last.from);
        keys::add_key_version(folder, name, now.max(last + 1), || keys::new_key(random))
    }

    fn remove_all_but_newest(&self, names: &[&str]) -> Result<(), KeyError> {
        for name in names {
            let mut all = keys::key_versions(&self.folder.path, name)?;
            all.pop();
            all.iter().try_for_each(keys::remove_key_version)?;
        }
        Ok(())
    }

    /// Rotates every key but the evidence root and, unless they are `compromised`, the one for push services, which every device's
    /// subscription is made for. New token keys are published at once and sign ten minutes later; the
    /// others sign at once. Earlier signatures stay valid, unless the former keys are `compromised`: then they are
    /// removed and revoked, and their tokens and links are refused.
    ///
    /// The process that serves the same home reloads within seconds. Blocks the thread.
    ///
    /// # Errors
    /// [`RotateError`].
    pub(crate) fn rotate_keys(&self, compromised: bool) -> Result<(), RotateError> {
        let (folder, random, now) = (&self.folder.path, &*self.ports.random, self.ports.clock.now().seconds());
        let last = keys::key_versions(folder, EC)?.last().map_or(0, |last| last.from);
        if last > now && !compromised {
            return Err(RotateError::UnderWay { from: last });
        }
        let from = if compromised { now } else { now + PUBLISHED_BEFORE };
        if compromised {
            // A key that does not sign yet may be compromised too; its future start would make it count as the newest.
            for name in [EC, RSA] {
                for later in keys::key_versions(folder, name)?.into_iter().filter(|one| one.from >= now) {
                    keys::remove_key_version(&later)?;
                }
            }
        }
        self.tokens.keys().add(from, random)?;
        let leaked: &[&str] = if compromised { &[VAPID] } else { &[] };
        [SIGNING, REGISTRATION].iter().chain(leaked).try_for_each(|name| self.add_successor(name))?;
        if compromised {
            self.remove_all_but_newest(&[EC, RSA, SIGNING, REGISTRATION, VAPID])?;
        }
        remove_former_keys(folder, self.ports.clock.now())?;
        self.reload(compromised)
    }

    /// Reloads the keys when their folder changes, checked every two seconds.
    pub(crate) fn watch_key_folder(rotation: Arc<KeyRotation>) -> JoinHandle<()> {
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(CHECK_INTERVAL);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let rotation = rotation.clone();
                match tokio::task::spawn_blocking(move || rotation.reload_keys()).await {
                    Ok(Ok(true)) => tracing::info!("the folder of keys has changed; the keys were reloaded"),
                    Ok(Ok(false)) => {}
                    Ok(Err(error)) => {
                        tracing::error!(%error, "the keys could not be reloaded; the former ones stay in use")
                    }
                    Err(_) => return,
                }
            }
        })
    }
}

impl KeyRotation {
    /// Reloads the keys if key files were added or removed; whether they were. Blocks the thread.
    ///
    /// # Errors
    /// [`RotateError`]; then the former keys stay in use.
    pub(crate) fn reload_keys(&self) -> Result<bool, RotateError> {
        if !self.folder.has_changed() {
            return Ok(false);
        }
        self.reload(false)?;
        Ok(true)
    }

    fn reload(&self, compromised: bool) -> Result<(), RotateError> {
        let folder = &self.folder;
        let seen = key_files(&folder.path);
        self.gateway.renew_keys(Keys::load(&folder.path)?, compromised)?;
        self.tokens.keys().reload()?;
        *folder.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(())
    }

    /// The JWKS document.
    pub(crate) async fn published_keys(&self) -> String {
        self.token_keys().await.published(self.ports.clock.now())
    }

    /// The token signing keys, with an RSA key that another process may have created. While none is loaded, the folder
    /// is read off the async runtime.
    pub(crate) async fn token_keys(&self) -> Arc<KeySet> {
        let keys = self.tokens.keys().current();
        if keys.has_rsa() {
            return keys;
        }
        let tokens = self.tokens.clone();
        tokio::task::spawn_blocking(move || tokens.keys().current_with_rsa()).await.unwrap_or(keys)
    }
}
