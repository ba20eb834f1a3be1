//! The provider's tables in the gateway's database. The only module of this crate with SQL.

mod authentication_requests;
mod columns;
pub(crate) mod directory_entries;
mod endings;
mod idempotency_keys;
mod kept_responses;
pub(crate) mod outbox;
mod refresh_families;
mod replay;
mod request_trace;
mod revoked_tokens;
mod user_code_guesses;

use countersign_jose::base64url;
use countersign_store::Schema;
use ring::digest;

pub(crate) use authentication_requests::{
    AuthRequest, ExistingApproval, FinalRefusal, PendingRequests, PollPace, cancel, count_pending, find, forget_old,
    has_ended, insert, note_poll, pending_ended, pending_of_client, pending_of_user, redeem, refuse,
};
pub(crate) use endings::{Owner, end_everything_of, last_ending, last_restore};
pub(crate) use idempotency_keys::{
    KeptAcknowledgement, forget_acknowledgements, keep_acknowledgement, kept_acknowledgement,
};
pub(crate) use kept_responses::{KeptResponse, forget_kept, is_kept, keep_response, kept_response, token_used};
pub(crate) use refresh_families::{
    Family, StoredFamily, begin_family, clients_with_grants, end_family, family_of, forget_families, has_family_ended,
    rotate,
};
pub(crate) use replay::{forget_used, use_once};
pub use request_trace::RequestTrace;
pub(crate) use request_trace::{trace_of_approval, trace_of_request};
pub(crate) use revoked_tokens::{forget_revoked, is_revoked, revoke_token};
pub(crate) use user_code_guesses::{GuessTurn, UserCodeGuess, confirm_guess, forget_guesses, guess};

/// This provider's tables, for [`Store::open`](countersign_store::Store::open).
pub(crate) const SCHEMA: Schema = Schema { part: "op", version: 1, sql: include_str!("schema.sql") };

/// Digest of the statements that make this provider's and the gateway's tables, without their comments: a database of other ones is
/// refused ([`OpenError`](crate::OpenError)). For who keeps a database for a single build and begins anew with the next.
pub fn store_layout() -> String {
    let mut digest = digest::Context::new(&digest::SHA256);
    for schema in [countersign_gateway::SCHEMA, SCHEMA] {
        digest.update(format!("{} {}", schema.part, schema.version).as_bytes());
        for line in schema.sql.lines() {
            digest.update(line.split("--").next().unwrap_or_default().trim().as_bytes());
        }
    }
    base64url::encode(digest.finish().as_ref())
}

/// Runs a test's closure in a transaction of a new file with these tables.
#[cfg(test)]
pub(crate) fn in_transaction(test: fn(&countersign_store::Transaction<'_>) -> Result<(), countersign_store::Error>) {
    use countersign_store::{HistoryId, Store};
    let home = tempfile::tempdir().expect("a folder");
    let fresh = HistoryId::from_bytes([1; 16]);
    let store = Store::open(&home.path().join("provider.db"), &[SCHEMA], &fresh).expect("the store opens");
    store.write_blocking(test).expect("neither an error nor a panic");
}
