//! The provider in process: its router, a real SQLite file, a clock in the test's hand, and seeded randomness.

mod after_tokens;
mod attacks;
mod auth0;
mod bound_tokens;
mod client_errors;
mod client_key;
mod client_proofs;
mod directory;
mod discovery;
mod document;
mod fapi_ciba;
mod hiding;
mod hints;
mod metrics;
mod notifications;
mod operating_guide;
mod operator_events;
mod out_of_order;
mod polling;
mod refresh;
mod registration;
mod request_rows;
mod requests;
mod resource;
mod rotation;
mod rows;
mod signed_requests;
mod story;
mod tls;
mod token_algs;
mod tokens;
mod user_codes;
mod userinfo;

mod world;
