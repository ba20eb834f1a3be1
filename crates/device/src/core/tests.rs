//! The core, event by event.

mod account_status;
mod answers;
mod diligence;
mod fetches;
mod interleavings;
mod taken_back;
mod time;
