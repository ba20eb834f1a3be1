//! The gateway itself: opening, and its parts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use countersign_jose::clock::{Clock, Timestamp};
use countersign_jose::random::Random;
use countersign_protocol::discovery::Mode;
use countersign_store::{Error as StoreError, Store};

use crate::approver::InProcessApprover;
use crate::awaited_looks::AwaitedLooks;
use crate::decoy::DeviceCounts;
use crate::dpop_nonce::Nonces;
use crate::ended_devices::EndedDevices;
use crate::event_sink::{EventSink, NoopSink};
use crate::feed_positions::FeedPositions;
use crate::held_calls::HeldCalls;
use crate::hourly_limit::HourlyLimit;
use crate::keys::Keys;
use crate::manifest::{self, ManifestError};
use crate::registration_rate::RegistrationRate;
use crate::settings::{Settings, Urls};
use crate::vapid::VapidTokens;

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
    resume_nonces: Nonces,
    registrations: RegistrationRate,
    held_streams: HeldCalls,
    held_polls: HeldCalls,
    approver: Option<Arc<dyn InProcessApprover>>,
    closing: AtomicBool,
    ended_devices: EndedDevices,
    /// For the decoys.
    device_counts: DeviceCounts,
    /// Whether every device was told on whose behalf this gateway asks, by the configuration of this start.
    is_restated: AtomicBool,
    /// When old feed entries were last purged, milliseconds since the epoch.
    feed_purged: AtomicU64,
    /// Of what ended before, unanswered requests have no content any more; milliseconds since the epoch.
    unanswered_until: AtomicU64,
    positions: FeedPositions,
    vapid_tokens: VapidTokens,
    awaited_looks: AwaitedLooks,
    push_tests: HourlyLimit,
    renames: HourlyLimit,
    practices: HourlyLimit,
    new_addresses: HourlyLimit,
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

impl OpenError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            OpenError::Store(error) => error.code(),
            OpenError::Manifest(error) => error.code(),
        }
    }
}

impl Gateway {
    /// Starts a gateway over a store that was opened with the [gateway's schema](crate::SCHEMA); makes the first key manifest, or the next one if the signing key is new.
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
        manifest::bring_up_to_date(&store, &keys, &settings.issuer, now, false)?;
        let keys = RwLock::new(Arc::new(keys));
        let nonces = Nonces::new(&*ports.random, now);
        let resume_nonces = Nonces::of_resumptions(&*ports.random, now);
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
            resume_nonces,
            registrations,
            held_streams: HeldCalls::default(),
            held_polls: HeldCalls::default(),
            approver,
            closing,
            ended_devices: EndedDevices::default(),
            device_counts: DeviceCounts::default(),
            is_restated: AtomicBool::new(false),
            feed_purged,
            unanswered_until: AtomicU64::new(0),
            positions: FeedPositions::default(),
            vapid_tokens: VapidTokens::default(),
            awaited_looks: AwaitedLooks::default(),
            push_tests: HourlyLimit::new(3),
            renames: HourlyLimit::new(3),
            practices: HourlyLimit::new(3),
            new_addresses: HourlyLimit::new(10),
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

    pub(crate) fn keys(&self) -> Arc<Keys> {
        self.inner.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs with these keys from now on.
    pub(crate) fn replace_keys(&self, keys: Keys) {
        *self.inner.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    pub(crate) fn event_sink(&self) -> &dyn EventSink {
        &*self.inner.event_sink
    }

    /// When old feed entries were last purged, milliseconds since the epoch.
    pub(crate) fn feed_purged(&self) -> &AtomicU64 {
        &self.inner.feed_purged
    }

    pub(crate) fn ended_devices(&self) -> &EndedDevices {
        &self.inner.ended_devices
    }

    /// How many devices users have.
    pub(crate) fn device_counts(&self) -> &DeviceCounts {
        &self.inner.device_counts
    }

    /// Whether every device was told on whose behalf this gateway asks.
    pub(crate) fn is_restated(&self) -> &AtomicBool {
        &self.inner.is_restated
    }

    /// Of what ended before, unanswered requests have no content any more; milliseconds since the epoch.
    pub(crate) fn unanswered_until(&self) -> &AtomicU64 {
        &self.inner.unanswered_until
    }

    pub(crate) fn urls(&self) -> &Urls {
        &self.inner.urls
    }

    /// The nonces of registrations without a link.
    pub(crate) fn resume_nonces(&self) -> &Nonces {
        &self.inner.resume_nonces
    }

    /// The nonces of devices' calls.
    pub(crate) fn nonces(&self) -> &Nonces {
        &self.inner.nonces
    }

    pub(crate) fn approver(&self) -> Option<&dyn InProcessApprover> {
        self.inner.approver.as_deref()
    }

    pub(crate) fn registrations(&self) -> &RegistrationRate {
        &self.inner.registrations
    }

    pub(crate) fn held_streams(&self) -> &HeldCalls {
        &self.inner.held_streams
    }

    pub(crate) fn held_polls(&self) -> &HeldCalls {
        &self.inner.held_polls
    }

    /// How far each device is known to have read its feed.
    pub(crate) fn positions(&self) -> &FeedPositions {
        &self.inner.positions
    }

    /// What identifies the gateway to push services.
    pub(crate) fn vapid_tokens(&self) -> &VapidTokens {
        &self.inner.vapid_tokens
    }

    /// Pushes that no call has followed yet.
    pub(crate) fn awaited_looks(&self) -> &AwaitedLooks {
        &self.inner.awaited_looks
    }

    /// The test pushes of each device.
    pub(crate) fn push_tests(&self) -> &HourlyLimit {
        &self.inner.push_tests
    }

    /// The new names that each device gave itself.
    pub(crate) fn renames(&self) -> &HourlyLimit {
        &self.inner.renames
    }

    /// The new push addresses of each device.
    pub(crate) fn new_addresses(&self) -> &HourlyLimit {
        &self.inner.new_addresses
    }

    /// The practice requests of each device.
    pub(crate) fn practices(&self) -> &HourlyLimit {
        &self.inner.practices
    }

    /// Automated devices answer in test mode, and where the user's entry allows it.
    pub(crate) fn allows_automated(&self, subject_allows: bool) -> bool {
        self.settings().mode == Mode::Test || subject_allows
    }
}
