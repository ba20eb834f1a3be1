//! Tests of the core, event by event.

mod account_status;
mod answers;
mod drafts;
mod fetches;
mod gateway_lists;
#[cfg(test)]
mod interleavings;
mod no_busy_loops;
mod own_calls;
mod practice;
mod restarts;
mod revoked_keys;
mod time;
