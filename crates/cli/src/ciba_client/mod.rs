//! A client of OpenID CIBA Core in poll mode: metadata, authentication request, polling, ID token validation.

mod backchannel_request;
mod http_client;
mod id_token_check;
mod provider_metadata;
mod token_poll;

pub use backchannel_request::{Acknowledgement, AuthenticationRequest, request};
pub use http_client::{CallError, HttpClient, OauthError};
pub use id_token_check::{ExpectedClaims, IdTokenError, signed_payload, verify};
pub use provider_metadata::discover;
pub use token_poll::{PendingNews, PollResult, poll};
