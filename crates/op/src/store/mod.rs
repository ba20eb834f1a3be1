//! This provider's own tables in the gateway's file. No other module here has SQL in it.

mod columns;
pub(crate) mod directory;
mod guesses;
pub(crate) mod outbox;
mod refresh;
mod requests;
mod revoked;
mod trace;
mod used;

use countersign_gateway::Schema;

pub(crate) use guesses::{Guess, Turn, forget_guesses, guess, right as guessed_right};
pub(crate) use refresh::{
    Family, KeptFamily, begin_family, clients_with_families, end_families_of_client, end_family, family_of,
    forget_families, has_family_ended, rotate,
};
pub(crate) use requests::{
    AuthRequest, Pace, Real, cancel, find, forget_old, insert, note_poll, pending_of_client, pending_of_user, redeem,
};
pub(crate) use revoked::{forget_revoked, is_revoked, revoke_token};
pub use trace::RequestTrace;
pub(crate) use trace::{trace_of_approval, trace_of_request};
pub(crate) use used::{forget_used, use_once};

/// The tables, in steps; a step that was ever released never changes.
pub(crate) const SCHEMA: Schema = Schema {
    part: "op",
    steps: &[
        include_str!("schema_1.sql"),
        include_str!("schema_directory.sql"),
        include_str!("schema_used.sql"),
        include_str!("schema_called_off.sql"),
        include_str!("schema_guesses.sql"),
        include_str!("schema_outbox.sql"),
        include_str!("schema_refresh.sql"),
        include_str!("schema_resource.sql"),
        include_str!("schema_requests.sql"),
    ],
};
