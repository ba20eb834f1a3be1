//! An OpenID provider with CIBA (poll, ping and push) on top of the Countersign gateway: it knows users and clients, the gateway
//! knows devices, and they meet in one approval per authentication request.
//!
//! A client's request enters at `/bc-authorize` (`bc_authorize.rs`; `asked.rs` reads it), becomes one row here and one approval
//! at the gateway in the same transaction, and leaves at `/token` (`token`) or by the `outbox` once the approval has its verdict.
//! Start with [`Config::read`] and [`Provider::open`]; docs/operating.md is for whoever runs it.

mod access;
mod acr;
mod asked;
mod auth0;
mod auth_req_id;
mod backup;
mod bc_authorize;
mod budget;
mod certificate;
mod check;
mod client_auth;
mod client_keys;
pub mod config;
mod confirmation;
pub mod details;
mod directory;
mod discovery;
mod dpop;
mod fapi;
#[doc(hidden)]
#[cfg(fuzzing)]
pub mod fuzzing;
mod health;
mod hint;
mod home;
mod http;
mod introspect;
mod metrics;
mod notification_token;
mod outbox;
mod polls;
mod provider;
mod remote_keys;
mod resource;
mod revoke;
mod rotation;
mod signed_request;
mod single_use;
mod status;
mod stopping;
mod store;
mod tls;
mod token;
mod tokens;
mod trace;
mod user_code;
mod userinfo;

pub use backup::back_up;
pub use check::check;
pub use config::{Config, Overrides};
pub use directory::{AddedClient, ClientRecord, DirectoryError, UserRecord};
pub use http::{ForwardedBy, PeerCertificate, TrustedProxies};
pub use outbox::Told;
pub use provider::{OpenError, Provider};
pub use rotation::{KeyRecord, KeyState, RotateError};
pub use status::StatusLine;
pub use store::RequestTrace;
pub use tls::{CertificateError, CertificateFiles};
pub use trace::Trace;
