//! The till as a web page, served by the demo's own process beside the provider.

mod api;
mod book;
mod cheat;
mod guard;
mod links;
mod proof;
mod server;
mod steps;
mod window;

pub use server::{Offer, Web};
