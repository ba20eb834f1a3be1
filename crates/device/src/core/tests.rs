//! The core, event by event.

mod answers;
mod diligence;
mod fetches;
mod interleavings;
mod standing;
mod taken_back;
mod time;
