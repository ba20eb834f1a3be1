//! This provider's own tables in the gateway's file. No other module here has SQL in it.

mod authentication_requests;
mod columns;
pub(crate) mod directory_entries;
pub(crate) mod outbox;
mod refresh_families;
mod replay;
mod request_trace;
mod revoked_tokens;
mod user_code_guesses;

use countersign_gateway::Schema;

pub(crate) use authentication_requests::{
    AuthRequest, Pace, Real, cancel, find, forget_old, insert, note_poll, pending_of_client, pending_of_user, redeem,
};
pub(crate) use refresh_families::{
    Family, KeptFamily, begin_family, clients_with_families, end_families_of_client, end_family, family_of,
    forget_families, has_family_ended, rotate,
};
pub(crate) use replay::{forget_used, use_once};
pub use request_trace::RequestTrace;
pub(crate) use request_trace::{trace_of_approval, trace_of_request};
pub(crate) use revoked_tokens::{forget_revoked, is_revoked, revoke_token};
pub(crate) use user_code_guesses::{Guess, Turn, forget_guesses, guess, right as guessed_right};

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
