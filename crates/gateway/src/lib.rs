//! The provider's side of the device: devices, challenges, answers, verdicts, outcomes.
//!
//! A library over one SQLite file. It is asked by an [`ApprovalRequest`], answers by a [`Verdict`], and knows nothing of who
//! asks and what the verdict is for. [`Gateway::router`] is everything a device calls.

mod accept;
mod answer;
mod approval_trace;
mod challenge_record;
mod device_auth;
mod dispute;
mod dpop_nonce;
mod enrollment;
mod event_sink;
mod feed;
#[doc(hidden)]
#[cfg(fuzzing)]
pub mod fuzzing;
mod gateway;
mod http;
mod in_process;
mod interaction;
pub mod keys;
mod manifest;
pub mod notifier;
mod outcome;
mod prompt_limit;
mod refusal;
mod rejection;
mod request;
mod retention;
mod settings;
pub mod store;
mod verdict;

pub use approval_trace::{ApprovalTrace, AskedDevice};
pub use challenge_record::ChallengeRecord;
pub use enrollment::{ConfirmError, ConfirmedDevice, DeviceRecord, IssuedLink, LinkError, LinkRequest, RevokeError};
pub use event_sink::{EventSink, GatewayEvent, NoopSink};
pub use gateway::{Gateway, OpenError, Ports};
pub use in_process::InProcessApprover;
pub use keys::{KeyError, Keys};
pub use manifest::ManifestError;
pub use outcome::EndError;
pub use request::{AcceptError, AcceptedRequest, ApprovalRequest, InteractionPolicy, Limits};
pub use settings::Settings;
pub use store::approvals::PendingCount;
pub use store::devices::EnrollmentCount;
pub use store::links::LinkState;
pub use store::{DeviceState, Schema, Store, StoreError, Transaction, WriteError};
pub use verdict::{Approval, NotRedeemable, SignedAnswer, Verdict};
