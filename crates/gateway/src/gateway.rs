//! The gateway itself: opening, its parts, and the verdicts it gives.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign_jose::clock::{Clock, Timestamp};
use countersign_jose::key::{Signer as _, Thumbprint};
use countersign_jose::random::Random;
use countersign_protocol::discovery::Mode;
use countersign_protocol::id::ApprovalId;
use countersign_protocol::jws::Compact;
use countersign_protocol::manifest::ManifestKey;
use rusqlite::Connection;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::dpop_nonce::Nonces;
use crate::enrollment::RegistrationRate;
use crate::event_sink::{EventSink, NoopSink};
use crate::in_process::InProcessApprover;
use crate::keys::Keys;
use crate::manifest::ManifestError;
use crate::settings::{Settings, Urls};
use crate::store::approvals::PendingCount;
use crate::store::devices::EnrollmentCount;
use crate::store::{Store, StoreError, WriteError, approvals, challenges, devices};
use crate::verdict::{Approval, NotRedeemable, SignedAnswer, Verdict};

/// How often writes of other processes are detected; overdue approvals are ended at every fifth.
const DETECT_EVERY: Duration = Duration::from_millis(200);
const SWEEP_EVERY: u32 = 5;
/// How often old feed entries are purged, in milliseconds.
const FEED_PURGE_EVERY: u64 = 3_600_000;

/// Time and randomness, as they are passed in.
#[derive(Clone)]
pub struct Ports {
    /// Tells the time. Everything about expiry is judged by it.
    pub clock: Arc<dyn Clock>,
    /// Cryptographically secure random bytes.
    pub random: Arc<dyn Random>,
}

/// The provider's side of the device. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    urls: Urls,
    store: Store,
    /// Changed when one is followed by another.
    keys: RwLock<Arc<Keys>>,
    ports: Ports,
    event_sink: Arc<dyn EventSink>,
    nonces: Nonces,
    registrations: RegistrationRate,
    approver: Option<Arc<dyn InProcessApprover>>,
    closing: AtomicBool,
    /// When old feed entries were last purged, milliseconds since the epoch.
    feed_purged: AtomicU64,
}

/// The gateway could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key manifest does not fit the keys.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl Gateway {
    /// Starts a gateway over a store; makes the first key manifest, or the next one if the signing key is new.
    ///
    /// # Errors
    /// [`OpenError`] when the store fails, or when its manifest belongs to other keys or another issuer.
    pub fn open(settings: Settings, store: Store, keys: Keys, ports: Ports) -> Result<Gateway, OpenError> {
        Gateway::open_with(settings, store, keys, ports, Arc::new(NoopSink), None)
    }

    /// As [`Gateway::open`]; `event_sink` records each event in the transaction that made it.
    ///
    /// # Errors
    /// As [`Gateway::open`].
    pub fn open_with_event_sink(
        settings: Settings,
        store: Store,
        keys: Keys,
        ports: Ports,
        event_sink: Arc<dyn EventSink>,
    ) -> Result<Gateway, OpenError> {
        Gateway::open_with(settings, store, keys, ports, event_sink, None)
    }

    /// As [`Gateway::open_with_event_sink`], with an approver in a device's place: for measuring, see [`InProcessApprover`].
    ///
    /// # Errors
    /// As [`Gateway::open`].
    pub fn open_with_approver(
        settings: Settings,
        store: Store,
        keys: Keys,
        ports: Ports,
        event_sink: Arc<dyn EventSink>,
        approver: Arc<dyn InProcessApprover>,
    ) -> Result<Gateway, OpenError> {
        Gateway::open_with(settings, store, keys, ports, event_sink, Some(approver))
    }

    fn open_with(
        settings: Settings,
        store: Store,
        keys: Keys,
        ports: Ports,
        event_sink: Arc<dyn EventSink>,
        approver: Option<Arc<dyn InProcessApprover>>,
    ) -> Result<Gateway, OpenError> {
        let now = ports.clock.now();
        crate::manifest::bring_up_to_date(&store, &keys, &settings.issuer, now, false)?;
        let keys = RwLock::new(Arc::new(keys));
        let nonces = Nonces::new(&*ports.random, now);
        let registrations = RegistrationRate::new(settings.registrations_per_link);
        let urls = Urls::of(&settings.issuer);
        let closing = AtomicBool::new(false);
        let feed_purged = AtomicU64::new(0);
        let inner = Inner {
            settings,
            urls,
            store,
            keys,
            ports,
            event_sink,
            nonces,
            registrations,
            approver,
            closing,
            feed_purged,
        };
        Ok(Gateway { inner: Arc::new(inner) })
    }

    /// The store, for callers whose own tables are in the same file.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The configuration.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The verdict of an approval now. One whose time is over has expired, whether or not it was swept yet.
    ///
    /// # Errors
    /// What SQLite said; [`rusqlite::Error::QueryReturnedNoRows`] for an approval that never was.
    pub fn verdict(&self, connection: &Connection, approval: &ApprovalId) -> rusqlite::Result<Verdict> {
        let row = approvals::by_id(connection, approval)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let reason = row.resolution.as_ref().and_then(|decided| decided.reason);
        Ok(match row.status {
            approvals::Status::Pending if self.now() >= row.answer_until => Verdict::Expired,
            approvals::Status::Pending => Verdict::Pending,
            // An approval without a signature counts only while an in-process approver is configured.
            approvals::Status::Approved => {
                self.approval_from(connection, row)?.map_or(Verdict::Cancelled, Verdict::Approved)
            }
            approvals::Status::Denied => Verdict::Denied { reason },
            approvals::Status::Expired => Verdict::Expired,
            approvals::Status::Mismatch => Verdict::Mismatch,
            approvals::Status::Refused => Verdict::Refused,
            approvals::Status::Cancelled => Verdict::Cancelled,
            approvals::Status::DeviceRevoked => Verdict::DeviceRevoked,
        })
    }

    /// Checks once more, at the moment of redemption, that the approval is good: approved, not disputed, by a device that is
    /// still the user's, with the keys it had.
    ///
    /// # Errors
    /// [`NotRedeemable`].
    pub fn redeemable(&self, connection: &Connection, approval: &ApprovalId) -> Result<Approval, NotRedeemable> {
        let Verdict::Approved(given) = self.verdict(connection, approval)? else {
            return Err(NotRedeemable::NotApproved);
        };
        self.still_valid(connection, &given)?;
        Ok(given)
    }

    /// Whether an approval that was given is still worth something: not disputed, and by a device that is still the user's.
    ///
    /// # Errors
    /// [`NotRedeemable`].
    pub fn still_valid(&self, connection: &Connection, given: &Approval) -> Result<(), NotRedeemable> {
        if given.disputed {
            return Err(NotRedeemable::Disputed);
        }
        let Some(signed) = &given.signed else { return Ok(()) };
        match devices::by_id(connection, &signed.device_id)? {
            Some(device) if device.state == devices::DeviceState::Active => Ok(()),
            _ => Err(NotRedeemable::DeviceRevoked),
        }
    }

    fn approval_from(
        &self,
        connection: &Connection,
        row: approvals::ApprovalRow,
    ) -> rusqlite::Result<Option<Approval>> {
        let missing = || rusqlite::Error::QueryReturnedNoRows;
        let decided = row.resolution.ok_or_else(missing)?;
        let signed = match &decided.challenge {
            Some(challenge) => {
                let challenge = challenges::by_id(connection, challenge)?.ok_or_else(missing)?;
                let device = devices::by_id(connection, &challenge.device)?.ok_or_else(missing)?;
                Some(SignedAnswer {
                    challenge_hash: challenge.hash,
                    answer_hash: decided.answer_hash.ok_or_else(missing)?,
                    device_id: device.id,
                    device_class: device.class,
                    acr: decided.acr.ok_or_else(missing)?,
                    amr: decided.amr,
                })
            }
            None if self.approves_in_process(&row.subject) => None,
            None => return Ok(None),
        };
        Ok(Some(Approval {
            id: row.id,
            signed,
            details_hash: row.details_hash,
            interaction: row.interaction,
            auth_time: decided.auth_time.unwrap_or(decided.at),
            disputed: row.disputed_at.is_some(),
        }))
    }

    /// How many approvals wait for an answer.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn pending_approvals(&self, connection: &Connection) -> rusqlite::Result<PendingCount> {
        approvals::count_pending(connection, self.now())
    }

    /// How many people have a device that takes part. Reads every device: for commands.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn count_enrolled(&self, connection: &Connection) -> rusqlite::Result<EnrollmentCount> {
        devices::count_active(connection)
    }

    /// How many approvals ended since then, by their outcome. Reads every one of them: for commands.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn count_ended(&self, connection: &Connection, since: Timestamp) -> rusqlite::Result<Vec<(String, u64)>> {
        approvals::count_ended(connection, since)
    }

    /// Returns as soon as the approval has a verdict, or after `at_most`. The caller reads [`Gateway::verdict`] afterwards.
    ///
    /// # Errors
    /// What the store said.
    pub async fn verdict_changed(&self, approval: &ApprovalId, at_most: Duration) -> Result<(), StoreError> {
        let until = Instant::now() + at_most;
        let listener = self.store().notifier().listen(approval.as_str());
        loop {
            let changed = listener.changed();
            let (gateway, id) = (self.clone(), approval.clone());
            let verdict = self.store().read(move |connection| gateway.verdict(connection, &id)).await?;
            let has_ended = verdict != Verdict::Pending || self.is_closing();
            // A wake-up only says "look again": another process may have written something else.
            if has_ended || timeout_at(until, changed).await.is_err() {
                return Ok(());
            }
        }
    }

    /// Ends what has expired: approvals whose time is over, links whose code was never typed; forgets old records and feed
    /// entries. Runs by itself in [`Gateway::run_background`]; tests with a clock in their hand call it.
    ///
    /// # Errors
    /// What the store said.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        const AT_ONCE: usize = 64;
        loop {
            let now = self.now();
            let overdue = self.store().read(move |connection| approvals::overdue(connection, now, AT_ONCE)).await?;
            let is_last = overdue.len() < AT_ONCE;
            let gateway = self.clone();
            let ended = self.store().write(move |tx| {
                overdue
                    .iter()
                    .try_for_each(|approval| gateway.end_if_pending(tx, approval, approvals::Status::Expired).map(drop))
            });
            match ended.await {
                Ok(()) if is_last => break,
                Ok(()) => {}
                Err(WriteError::Store(error)) => return Err(error),
                // The approvals stay, and are tried again at the next sweep.
                Err(WriteError::Refused(error)) => {
                    tracing::error!(%error, "expired approvals could not be ended");
                    break;
                }
            }
        }
        self.abandon_unconfirmed().await?;
        self.forget_old_records().await?;
        // Once an hour: it reads the whole old end of the feed, where enrollment statements stay for good.
        let now = self.now().millis();
        if now.saturating_sub(self.inner.feed_purged.load(Ordering::Relaxed)) < FEED_PURGE_EVERY {
            return Ok(());
        }
        self.inner.feed_purged.store(now, Ordering::Relaxed);
        self.forget_old_feed().await
    }

    /// Starts the sweeper and the detection of writes by other processes; they end when the handle is aborted or the store closes.
    pub fn run_background(&self) -> JoinHandle<()> {
        let gateway = self.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(DETECT_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let mut count = 0_u32;
            loop {
                ticks.tick().await;
                if let Err(error) = gateway.store().detect_external_writes().await {
                    tracing::warn!(%error, "writes of other processes could not be detected");
                    if matches!(error, StoreError::Closed) {
                        return;
                    }
                }
                count = count.wrapping_add(1);
                if count.is_multiple_of(SWEEP_EVERY)
                    && let Err(error) = gateway.sweep().await
                {
                    tracing::warn!(%error, "could not end what has expired");
                }
            }
        })
    }

    /// Ends every stream and long poll, so that a server can stop without waiting for them. Devices come again.
    pub fn close(&self) {
        self.inner.closing.store(true, Ordering::SeqCst);
        self.store().notifier().notify_all();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.inner.closing.load(Ordering::SeqCst)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.ports.clock.now()
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.inner.ports.random
    }

    /// Signs with these keys from now on; those they follow end soon, or at once where they are in the wrong hands
    /// (`revoke_others`). Every process over the same store calls this when a key was followed by another. Blocks the thread.
    ///
    /// # Errors
    /// [`ManifestError`]; then the former keys stay in use.
    pub fn renew_keys(&self, keys: Keys, revoke_others: bool) -> Result<(), ManifestError> {
        crate::manifest::bring_up_to_date(self.store(), &keys, &self.settings().issuer, self.now(), revoke_others)?;
        *self.inner.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// The keys that sign for devices, those of the past included, as the newest manifest lists them.
    ///
    /// # Errors
    /// [`ManifestError`] when the stored chain can't be read.
    pub fn listed_keys(&self) -> Result<Vec<ManifestKey>, ManifestError> {
        let chain = crate::manifest::chain(self.store())?;
        let last = chain.manifests.last().map(Compact::peek).transpose();
        let last = last.map_err(|why| ManifestError::Foreign(why.into()))?;
        Ok(last.map(|last| last.keys).unwrap_or_default())
    }

    /// The thumbprints of the key that signs enrollment links, and of those before it.
    pub fn registration_keys(&self) -> (Thumbprint, Vec<Thumbprint>) {
        let keys = self.keys();
        let former = keys.former_registration.iter().map(|key| *key.thumbprint());
        (*keys.registration.public_key().thumbprint(), former.collect())
    }

    /// The thumbprint that devices pin, and by which evidence is verified.
    pub fn evidence_root(&self) -> Thumbprint {
        *self.keys().root.public_key().thumbprint()
    }

    pub(crate) fn keys(&self) -> Arc<Keys> {
        self.inner.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn event_sink(&self) -> &dyn EventSink {
        &*self.inner.event_sink
    }

    pub(crate) fn urls(&self) -> &Urls {
        &self.inner.urls
    }

    pub(crate) fn nonces(&self) -> &Nonces {
        &self.inner.nonces
    }

    pub(crate) fn approver(&self) -> Option<&dyn InProcessApprover> {
        self.inner.approver.as_deref()
    }

    pub(crate) fn registrations(&self) -> &RegistrationRate {
        &self.inner.registrations
    }

    /// Automated devices answer in test mode, and where the user's entry allows it.
    pub(crate) fn allows_automated(&self, subject_allows: bool) -> bool {
        self.settings().mode == Mode::Test || subject_allows
    }
}
