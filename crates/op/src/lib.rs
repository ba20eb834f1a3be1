#![doc = include_str!("../README.md")]

mod administration;
mod auth0;
mod authentication_request;
pub mod authorization_details;
mod client_auth;
mod client_certificate;
pub mod config;
mod delivery;
mod device_page;
mod directory;
mod endpoints;
#[doc(hidden)]
#[cfg(fuzzing)]
pub mod fuzzing;
mod grant;
mod http;
mod issuance;
mod metrics;
mod operator;
mod sealed;
mod server;
mod shutdown;
mod store;

pub use administration::{AddedClient, ClientRecord, DirectoryError, UserRecord};
pub use config::{CertificateFiles, Config, ForwardedBy, OverrideError, Overrides, TrustedProxies, unusable_keys};
pub use delivery::DeliveryCount;
pub use device_page::{DevicePage, DevicePageError};
pub use http::{ClientAddress, PeerCertificate};
pub use issuance::key_rotation::{KeyRecord, KeyState, RotateError};
pub use operator::{StatusLine, Trace, back_up, check, check_warnings, counted, shared_origin};
pub use server::tls::{CertificateError, certificate_warnings};
pub use server::{OpenError, Provider};
pub use store::{RequestTrace, store_layout};
