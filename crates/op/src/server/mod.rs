//! The provider: opening it, its parts, router and server.

mod background;
mod client_address;
mod connections;
mod health;
pub(crate) mod home;
mod middleware;
mod open;
mod open_error;
mod restored_copy;
mod router;
mod serve;
pub(crate) mod tls;

use std::path::PathBuf;
use std::sync::Arc;

use countersign_gateway::{Gateway, Ports};
use countersign_protocol::id::ApprovalId;
use countersign_store::Error as StoreError;

use crate::administration::Administration;
use crate::authentication_request::auth_req_id;
use crate::authentication_request::user_code_check::UserCodes;
use crate::config::Config;
use crate::delivery::{DeliveryCount, DeliveryWorker};
use crate::device_page::{CurrentPage, DevicePage, ServedPage};
use crate::endpoints::bc_authorize::BcAuthorize;
use crate::endpoints::introspect::Introspect;
use crate::endpoints::register::Register;
use crate::endpoints::revoke::Revoke;
use crate::endpoints::token::TokenEndpoint;
use crate::endpoints::userinfo::Userinfo;
use crate::issuance::Issuance;
use crate::issuance::key_rotation::KeyRotation;
use crate::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::store;
use home::HomeLock;
use tls::Tls;

pub use open_error::OpenError;

/// An OpenID provider with CIBA. Cheap to clone.
#[derive(Clone)]
pub struct Provider {
    parts: Arc<Parts>,
    device_page: CurrentPage,
}

/// The parts of a provider, assembled when it is opened.
pub(crate) struct Parts {
    pub(crate) config: Arc<Config>,
    pub(crate) ports: Ports,
    pub(crate) gateway: Gateway,
    pub(crate) home: PathBuf,
    pub(crate) keys: Arc<KeyRotation>,
    pub(crate) issuance: Arc<Issuance>,
    pub(crate) user_codes: Arc<UserCodes>,
    pub(crate) administration: Arc<Administration>,
    pub(crate) delivery: Arc<DeliveryWorker>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) shutdown: Shutdown,
    endpoints: Endpoints,
    /// Provider metadata (OpenID Connect Discovery §3), serialized.
    metadata: String,
    tls: Option<Tls>,
    /// Held by the process that serves.
    _lock: Option<HomeLock>,
}

/// The state of each endpoint's handler.
struct Endpoints {
    bc_authorize: Arc<BcAuthorize>,
    token: Arc<TokenEndpoint>,
    introspect: Arc<Introspect>,
    revoke: Arc<Revoke>,
    userinfo: Arc<Userinfo>,
    register: Arc<Register>,
}

impl Provider {
    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) fn parts_arc(&self) -> Arc<Parts> {
        self.parts.clone()
    }

    /// Serves this page below `/device/`, where otherwise a text says how to build one. With `enabled = false` in `[web_device]`
    /// it is not served.
    #[must_use]
    pub fn with_device_page(self, page: DevicePage) -> Provider {
        self.serve_device_page(page);
        self
    }

    /// As [`Provider::with_device_page`] while the provider serves, from the next request on.
    pub fn serve_device_page(&self, page: DevicePage) {
        if self.parts.config.web_device.enabled {
            self.device_page.set(ServedPage::new(page, &self.parts.config));
        }
    }

    /// The gateway, for enrollment links and devices.
    pub fn gateway(&self) -> &Gateway {
        &self.parts.gateway
    }

    /// The configuration; its clients' secrets are no longer in it.
    pub fn config(&self) -> &Config {
        &self.parts.config
    }

    /// The approval of an authentication request, for the operator; `None` for an unknown request, or one about a user who is
    /// unknown or has no device.
    ///
    /// # Errors
    /// The store's error.
    pub fn approval_of(&self, auth_req_id: &str) -> Result<Option<ApprovalId>, StoreError> {
        let gateway = &self.parts.gateway;
        gateway.store().read_blocking(|snapshot| {
            let Some(request) = store::find(snapshot, &auth_req_id::key(auth_req_id))? else { return Ok(None) };
            let approval = request.approval.id;
            Ok((!gateway.is_decoy(snapshot, &approval)?).then_some(approval))
        })
    }

    /// Delivery attempts to clients and the webhook since the provider was opened, by kind and outcome.
    pub fn delivery_counts(&self) -> Vec<DeliveryCount> {
        self.parts.delivery.metrics.all()
    }
}
