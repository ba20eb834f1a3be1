#![doc = include_str!("../README.md")]
#![cfg_attr(target_arch = "wasm32", allow(clippy::arc_with_non_send_sync, reason = "one thread there, many natively"))]

pub mod device_name;
pub mod exception;

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
pub use browser::*;
