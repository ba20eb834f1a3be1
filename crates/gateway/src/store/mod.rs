//! The gateway's tables in the provider's file. No other module here has SQL in it.

pub(crate) mod approvals;
pub(crate) mod challenge_contents;
pub(crate) mod challenges;
mod columns;
pub(crate) mod credentials;
pub(crate) mod decoys;
pub(crate) mod device_counts;
pub(crate) mod devices;
pub(crate) mod feed;
pub(crate) mod links;
pub(crate) mod manifests;
pub(crate) mod passkeys;
pub(crate) mod prompt_history;
pub(crate) mod push_addresses;
pub(crate) mod wakeups;

use countersign_store::Schema;

/// The gateway's tables, for [`Store::open`](countersign_store::Store::open).
pub const SCHEMA: Schema = Schema { part: "gateway", version: 2, sql: include_str!("schema.sql") };
