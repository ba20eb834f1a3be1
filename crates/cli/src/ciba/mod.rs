//! The client's side of CIBA (OpenID CIBA Core, poll mode): find the provider, ask, poll, check the ID token.

mod ask;
mod discovery;
mod http;
mod id_token;
mod poll;

pub use ask::{Acknowledged, Ask, ask};
pub use discovery::discover;
pub use http::{Http, NoReply, Refused};
pub use id_token::{Expected, signed_payload, verify};
pub use poll::{Polled, poll};
