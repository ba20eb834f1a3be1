//! The provider in process: its router, a real SQLite file, a manual clock, and seeded randomness.

mod attacks;
mod auth0;
mod backchannel_authentication;
mod ciba_core;
mod client_authentication;
mod client_errors;
mod client_keys;
mod directory;
mod discovery;
mod document_server;
mod fapi_ciba;
mod key_rotation;
mod login_hints;
mod metrics;
mod missing_parts;
mod model_based;
mod operating_guide;
mod ping_and_push;
mod polling;
mod refresh;
mod registration;
mod request_parameters;
mod resource_indicators;
mod revocation_and_introspection;
mod sender_constrained_tokens;
mod signed_requests;
mod store_failures;
mod tls;
mod token_algs;
mod tokens;
mod user_codes;
mod user_enumeration;
mod userinfo;
mod webhook;

mod world;
