#![doc = include_str!("../README.md")]

pub mod base64url;
pub mod clock;
pub mod hash;
pub mod json;
pub mod jws;
#[cfg(feature = "foreign-jwt")]
pub mod jwt;
pub mod key;
pub mod random;
pub mod secret;
