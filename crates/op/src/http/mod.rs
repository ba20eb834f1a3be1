//! What this provider's endpoints share about HTTP: strict forms in, errors out, and what surrounds every request.

mod arrival;
mod error;
mod form;
mod peer;
mod request;
mod surround;

pub(crate) use arrival::{ClientAddress, Peer, know_arrivals};
pub use arrival::{ForwardedBy, TrustedProxies};
pub(crate) use error::{Code, NO_STORE, OAuthError, PRAGMA};
pub(crate) use form::{Form, decode, parameter};
pub use peer::PeerCertificate;
pub(crate) use request::Posted;
pub(crate) use surround::surround;
