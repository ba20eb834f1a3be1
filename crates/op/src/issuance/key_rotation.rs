//! Keys that are followed by others: what `op keys` lists and does, and how the serving process notices.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_gateway::keys::{self, KeyError, REGISTRATION, SIGNING};
use countersign_gateway::{Gateway, Keys, ManifestError, Ports};
use countersign_jose::clock::Timestamp;
use tokio::task::JoinHandle;

use crate::issuance::token_keys::{ANNOUNCED, EC, KeySet, PUBLISHED_AFTER, RSA};
use crate::issuance::token_signer::TokenSigner;

/// How often the folder of keys is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// For how long, in seconds, the former keys of the gateway and of enrollment links are kept: longer than a link lives and than any
/// command signs with what it opened.
const KEPT: u64 = 3600;

/// The folder of keys, and what was in it when the keys were last read.
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
    /// Its files' name: `token`, `token-rsa`, `gateway`, `registration` or `evidence-root`.
    pub name: &'static str,
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// Where it stands.
    pub state: KeyState,
    /// Signs from then on, seconds since the epoch; `None`: from the beginning.
    pub from: Option<u64>,
    /// Signs no more from then on, seconds since the epoch.
    pub until: Option<u64>,
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Is published, and will sign.
    Next,
    /// Signs.
    Signs,
    /// Signs no more; what it signed still counts.
    Former,
    /// What it signed since counts for nothing.
    Revoked,
}

impl KeyState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyState::Next => "next",
            KeyState::Signs => "signs",
            KeyState::Former => "former",
            KeyState::Revoked => "revoked",
        }
    }
}

/// Why the keys were not followed by others.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// The folder or a file in it.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The keys that were made last do not sign yet.
    #[error(
        "the last rotation is still under way: its keys sign from {from} on (seconds since 1970); rotate again after that, or with --compromised if keys have leaked"
    )]
    UnderWay {
        /// Seconds since the epoch.
        from: u64,
    },
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
        KeyFolder { path: path.to_owned(), seen: Mutex::new(files(path)) }
    }

    /// Whether files came or went since the keys were last read.
    fn has_changed(&self) -> bool {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) != files(&self.path)
    }
}

/// Removes keys that nothing of use was signed by.
pub(crate) fn forget_former_keys(folder: &Path, now: Timestamp) -> Result<(), KeyError> {
    for (name, kept) in [(EC, PUBLISHED_AFTER), (RSA, PUBLISHED_AFTER), (SIGNING, KEPT), (REGISTRATION, KEPT)] {
        keys::remove_expired_versions(folder, name, kept, now.seconds())?;
    }
    Ok(())
}

/// Names of key files; a folder that can't be read has none, which is told when the keys are read.
fn files(path: &Path) -> BTreeSet<OsString> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.file_name());
    entries.filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "p8")).collect()
}

impl KeyRotation {
    /// Every key that signs, signed or will sign, those of a name from the oldest to the newest.
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
        let tokens = self.tokens.keys().held_with_rsa(&*self.ports.random).listed().into_iter();
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
        let once = |name, kid: String, state| KeyRecord { name, kid, state, from: None, until: None };
        let (signing, former) = self.gateway.registration_keys();
        listed.extend(former.into_iter().map(|kid| once(REGISTRATION, kid.to_string(), KeyState::Former)));
        listed.push(once(REGISTRATION, signing.to_string(), KeyState::Signs));
        listed.push(once("evidence-root", self.gateway.evidence_root().to_string(), KeyState::Signs));
        Ok(listed)
    }

    /// Has every key but the evidence root followed by a new one. The new key of tokens is published at once and signs ten minutes
    /// later; the others sign at once. What was signed before stays good, unless the former keys are `compromised`: then they are
    /// removed and revoked, and what tokens and links they signed is worth nothing any more.
    ///
    /// The process that serves the same home notices within seconds. Blocks the thread.
    ///
    /// # Errors
    /// [`RotateError`].
    pub(crate) fn rotate_keys(&self, compromised: bool) -> Result<(), RotateError> {
        let (folder, random, now) = (&self.folder.path, &*self.ports.random, self.ports.clock.now().seconds());
        let last = keys::key_versions(folder, EC)?.last().map_or(0, |last| last.from);
        if last > now && !compromised {
            return Err(RotateError::UnderWay { from: last });
        }
        let from = if compromised { now } else { now + ANNOUNCED };
        if compromised {
            // A key that does not sign yet may be known as well; its name lies in the future, so that it would count as the newest.
            for name in [EC, RSA] {
                for later in keys::key_versions(folder, name)?.into_iter().filter(|one| one.from >= now) {
                    keys::remove_key_version(&later)?;
                }
            }
        }
        self.tokens.keys().add(from, random)?;
        for name in [SIGNING, REGISTRATION] {
            // The newest has the highest number, also where the clock was set back.
            let last = keys::key_versions(folder, name)?.last().map_or(0, |last| last.from);
            keys::add_key_version(folder, name, now.max(last + 1), || keys::new_key(random))?;
        }
        if compromised {
            for name in [EC, RSA, SIGNING, REGISTRATION] {
                let mut all = keys::key_versions(folder, name)?;
                all.pop();
                all.iter().try_for_each(keys::remove_key_version)?;
            }
        }
        forget_former_keys(folder, self.ports.clock.now())?;
        self.renew_keys(compromised)
    }

    /// Looks at the folder of keys every other second.
    pub(crate) fn watch_key_folder(rotation: Arc<KeyRotation>) -> JoinHandle<()> {
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(LOOK_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let rotation = rotation.clone();
                match tokio::task::spawn_blocking(move || rotation.reload_keys()).await {
                    Ok(Ok(true)) => tracing::info!("the folder of keys has changed; they were read again"),
                    Ok(Ok(false)) => {}
                    Ok(Err(error)) => {
                        tracing::error!(%error, "the keys could not be read again; the former ones are in use")
                    }
                    Err(_) => return,
                }
            }
        })
    }
}

impl KeyRotation {
    /// Reads the keys again if files of theirs came or went; whether they did. Blocks the thread.
    ///
    /// # Errors
    /// [`RotateError`]; then the keys that were read before stay in use.
    pub(crate) fn reload_keys(&self) -> Result<bool, RotateError> {
        if !self.folder.has_changed() {
            return Ok(false);
        }
        self.renew_keys(false)?;
        Ok(true)
    }

    fn renew_keys(&self, compromised: bool) -> Result<(), RotateError> {
        let (folder, random) = (&self.folder, &*self.ports.random);
        let seen = files(&folder.path);
        self.gateway.renew_keys(Keys::load_or_create(&folder.path, random)?, compromised)?;
        self.tokens.keys().reload(random)?;
        *folder.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(())
    }

    /// The keys by which tokens are verified.
    pub(crate) async fn published_keys(&self) -> String {
        self.token_keys().await.published(self.ports.clock.now())
    }

    /// The keys that sign tokens, with the RSA key that another process may have made a moment ago. While there is none the folder
    /// is looked into, by a thread that may wait for the disk.
    pub(crate) async fn token_keys(&self) -> Arc<KeySet> {
        let held = self.tokens.keys().held();
        if held.has_rsa() {
            return held;
        }
        let (tokens, random) = (self.tokens.clone(), self.ports.random.clone());
        tokio::task::spawn_blocking(move || tokens.keys().held_with_rsa(&*random)).await.unwrap_or(held)
    }
}
