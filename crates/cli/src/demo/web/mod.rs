//! The demo's web pages, served by the demo's own process beside the provider: a till, a call centre, a bike station, an agent.

mod api;
mod book;
mod cheat;
mod guard;
mod links;
mod pages;
mod proof;
mod records;
mod server;
mod steps;
mod window;

pub use server::{Offer, Web};
