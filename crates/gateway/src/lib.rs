//! The provider's side of the device: devices, challenges, answers, verdicts, outcomes.
//!
//! A library over one SQLite file. It is asked by an [`ApprovalRequest`], answers by a [`Verdict`], and knows nothing of who
//! asks and what the verdict is for. [`Gateway::router`] is everything a device calls.

mod accept;
mod answer_check;
mod asking;
mod dispute;
mod dpop_gate;
mod dpop_nonce;
mod enrollment;
mod error;
mod feed;
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod http;
mod in_process;
mod interaction;
mod judge;
pub mod keys;
mod manifest;
mod outcome;
mod record;
mod refusal;
mod request;
mod retention;
mod settings;
pub mod store;
mod trace;
mod verdict;
pub mod wake;
mod witness;

pub use enrollment::{ConfirmError, Confirmed, DeviceRecord, IssuedLink, LinkError, LinkRequest, RevokeError};
pub use gateway::{Gateway, OpenError, Ports};
pub use in_process::InProcessApprover;
pub use keys::{KeyError, Keys};
pub use manifest::ManifestError;
pub use outcome::EndError;
pub use record::Asked;
pub use request::{Accepted, ApprovalRequest, Interactions, Limits, RequestRefused};
pub use settings::Settings;
pub use store::approvals::PendingApprovals;
pub use store::devices::Enrolled;
pub use store::links::LinkState;
pub use store::{Schema, Standing, Store, StoreError, Transaction, WriteError};
pub use trace::{ApprovalTrace, AskedDevice};
pub use verdict::{Approval, NotRedeemable, Signed, Verdict};
pub use witness::{Happening, Nobody, Witness};

#[cfg(test)]
#[path = "../tests/support/ports.rs"]
mod testing;
