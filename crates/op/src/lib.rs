//! An OpenID provider with CIBA (poll mode) on top of the Countersign gateway: it knows users and clients, the gateway knows
//! devices, and they meet in one approval per authentication request.

mod client_auth;
pub mod config;
pub mod details;
mod http;
