//! The ports in a browser, and the page's way to the app.

mod clock;
mod database;
mod device_lock;
mod downloads;
mod fetch;
mod js;
mod keys;
mod page;
mod passkeys;
mod push_service;
mod randomness;
mod runtime;
mod state;
mod vault;
mod web_crypto;
mod worker;

pub use page::WebApp;
pub use worker::WokenDevice;
