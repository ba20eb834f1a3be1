//! Push addresses: which ones are accepted, and what devices and the operator hear about theirs.

use countersign_jose::base64url;
use countersign_jose::clock::Timestamp;
use countersign_jose::key::Signer as _;
use countersign_protocol::discovery::Mode;
use countersign_protocol::id::DeviceId;
use countersign_protocol::limits;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::push::{PushAddress, PushState, PushStatus, PushType};
use countersign_store::{Error as StoreError, Snapshot, Transaction};
use url::Url;

use crate::Gateway;
use crate::push_services::HTTPS;
use crate::rejection::{Rejection, reject};
use crate::store::push_addresses::{self, AddressRow, AddressState, PushCounts};

/// What is known of a device's push address, for its user and the operator. The address itself is a capability and stays in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushRecord {
    /// Whether the device can be woken.
    pub state: PushState,
    /// Whether a call of the device followed a push: then the address works.
    pub proven: bool,
    /// The push service's host.
    pub service: Option<String>,
    /// When the service last accepted a push.
    pub last_ok: Option<Timestamp>,
    /// When a push last failed.
    pub last_failure: Option<Timestamp>,
}

/// An address that was accepted.
pub(crate) struct CheckedAddress {
    address: PushAddress,
    /// The endpoint's host, and its port unless that is 443: what one queue of pushes goes to. A host whose other ports nobody answers
    /// at delays none of its pushes.
    service: String,
}

impl Gateway {
    /// Checks an address that a device offers: its kind, its form, its host.
    pub(crate) fn check_push_address(&self, address: PushAddress) -> Result<CheckedAddress, Rejection> {
        let refused = |words: &str| reject(ProblemCode::PushAddressNotAllowed, words);
        let Some(push) = &self.settings().push else { return Err(refused("This provider does not push.")) };
        if address.kind != PushType::WebPush {
            return Err(refused("This provider pushes to addresses of the type web_push."));
        }
        if serde_json::to_string(&address).map_or(true, |text| text.len() > limits::PUSH_ADDRESS_BYTES) {
            return Err(refused("The push address is larger than 2 KiB."));
        }
        let plain = || refused("The endpoint must be an https URL without user name and fragment.");
        let url = Url::parse(&address.endpoint).map_err(|_| plain())?;
        let in_test = self.settings().mode == Mode::Test && url.scheme() == "http";
        let is_url = (url.scheme() == "https" || in_test)
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let host = url.host_str().filter(|_| is_url).ok_or_else(plain)?;
        let port = url.port_or_known_default().ok_or_else(plain)?;
        let is_listed = match &push.services {
            Some(services) => services.iter().any(|one| one.includes(host, port)),
            // In test mode a push service may be on this machine.
            None => port == HTTPS || self.settings().mode == Mode::Test,
        };
        if !is_listed {
            return Err(refused("This provider does not push to this service."));
        }
        let service = if port == HTTPS { host.to_owned() } else { format!("{host}:{port}") };
        push.egress.check(&url).map_err(|_| refused("This provider does not push to this address."))?;
        Ok(CheckedAddress { address, service })
    }

    /// Keeps the device's address, made for the key that discovery names now.
    pub(crate) fn keep_push_address(
        &self,
        transaction: &Transaction<'_>,
        device: &DeviceId,
        checked: &CheckedAddress,
    ) -> Result<(), StoreError> {
        let keys = self.keys();
        let kid = keys.newest_vapid().public_key().thumbprint();
        push_addresses::set(transaction, device, &checked.address, &checked.service, kid, self.now())
    }

    /// Whether it is the device's address already.
    pub(crate) fn is_push_address(
        &self,
        snapshot: &Snapshot<'_>,
        device: &DeviceId,
        checked: &CheckedAddress,
    ) -> Result<bool, StoreError> {
        let keys = self.keys();
        push_addresses::is_kept(snapshot, device, &checked.address, keys.newest_vapid().public_key().thumbprint())
    }

    /// What a fetch says about the device's address.
    pub(crate) fn push_status(&self, snapshot: &Snapshot<'_>, device: &DeviceId) -> Result<PushStatus, StoreError> {
        if self.settings().push.is_none() {
            return Ok(PushStatus { state: PushState::Off, vapid_public_key: None });
        }
        let row = push_addresses::by_device(snapshot, device)?;
        let state = self.state_of(row.as_ref());
        let vapid_public_key = (state == PushState::Rekey).then(|| self.vapid_public_key());
        Ok(PushStatus { state, vapid_public_key })
    }

    /// Whether the device has an address that is known to work.
    pub(crate) fn is_proven(&self, snapshot: &Snapshot<'_>, device: &DeviceId) -> Result<bool, StoreError> {
        if self.settings().push.is_none() {
            return Ok(false);
        }
        let row = push_addresses::by_device(snapshot, device)?;
        Ok(self.state_of(row.as_ref()) == PushState::Ok && row.is_some_and(|row| row.looked_at.is_some()))
    }

    /// As [`Gateway::push_status`], for the operator.
    pub(crate) fn push_record(&self, snapshot: &Snapshot<'_>, device: &DeviceId) -> Result<PushRecord, StoreError> {
        let row = push_addresses::by_device(snapshot, device)?;
        let state = match self.settings().push.is_some() {
            true => self.state_of(row.as_ref()),
            false => PushState::Off,
        };
        let row = row.as_ref();
        Ok(PushRecord {
            state,
            proven: row.is_some_and(|row| row.looked_at.is_some()),
            service: row.map(|row| row.host().to_owned()),
            last_ok: row.and_then(|row| row.last_ok),
            last_failure: row.and_then(|row| row.last_failure),
        })
    }

    /// How many devices can be woken; `None`: this provider does not push.
    ///
    /// # Errors
    /// The store's.
    pub fn count_push(&self, snapshot: &Snapshot<'_>) -> Result<Option<PushCounts>, StoreError> {
        self.settings().push.is_some().then(|| push_addresses::counts(snapshot)).transpose()
    }

    fn state_of(&self, row: Option<&AddressRow>) -> PushState {
        let Some(row) = row else { return PushState::None };
        match row.state {
            AddressState::Gone => PushState::Gone,
            AddressState::Rekey => PushState::Rekey,
            AddressState::Ok if row.vapid_kid != *self.keys().newest_vapid().public_key().thumbprint() => {
                PushState::Rekey
            }
            AddressState::Ok => PushState::Ok,
        }
    }

    /// The key that subscriptions are made for (RFC 8292 §3.2): `0x04 ‖ x ‖ y` as base64url.
    pub(crate) fn vapid_public_key(&self) -> String {
        base64url::encode(self.keys().newest_vapid().public_key().sec1())
    }
}
