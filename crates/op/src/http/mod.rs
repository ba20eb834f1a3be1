//! HTTP shared by the endpoints: strict request forms, OAuth error responses, the peer's certificate.

mod error;
mod failure;
mod form;
mod peer;
mod posted_form;

pub(crate) use error::{ErrorCode, NO_STORE, OAuthError, PRAGMA};
pub(crate) use failure::server_error;
pub(crate) use form::{Form, decode, parameter};
pub use peer::{ClientAddress, PeerCertificate};
pub(crate) use posted_form::{DPOP, PostedForm, PostedFormOrJson, is_json, single_header};
