//! What this provider's endpoints share about HTTP: strict forms in, errors out, and what surrounds every request.

mod error;
mod failure;
mod form;
mod peer;
mod posted_form;

pub(crate) use error::{ErrorCode, NO_STORE, OAuthError, PRAGMA};
pub(crate) use failure::failed;
pub(crate) use form::{Form, decode, parameter};
pub use peer::PeerCertificate;
pub(crate) use posted_form::{PostedForm, PostedFormOrJson};
