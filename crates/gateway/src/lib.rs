#![doc = include_str!("../README.md")]

mod accept;
mod answer;
mod approval_trace;
mod approver;
mod background;
mod challenge_parts;
mod challenge_record;
mod decoy;
mod device_auth;
mod dispute;
mod dpop_nonce;
mod ended_devices;
mod enrollment;
mod event_sink;
mod feed;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gateway;
mod held_calls;
mod http;
mod in_process;
mod interaction;
mod key_rotation;
pub mod keys;
mod manifest;
mod outcome;
mod peer_connection;
mod prompt_limit;
mod refusal;
mod registration_rate;
mod rejection;
mod request;
mod retention;
mod settings;
mod statistics;
mod store;
mod verdict;
mod withdrawal;

pub use approval_trace::{ApprovalTrace, AskedDevice};
pub use approver::InProcessApprover;
pub use challenge_record::ChallengeRecord;
pub use decoy::Decoy;
pub use enrollment::{
    ConfirmError, ConfirmedDevice, DeviceRecord, IssuedLink, LinkError, LinkRequest, RenameError, RevokeError,
};
pub use event_sink::{EventSink, GatewayEvent, NoopSink};
pub use gateway::{Gateway, OpenError, Ports};
pub use interaction::{InteractionError, InteractionPolicy, SHORT_LIFETIME};
pub use keys::{KeyError, Keys};
pub use manifest::ManifestError;
pub use outcome::EndError;
pub use peer_connection::{CallConnection, KeyOwner, PeerConnection};
pub use request::{AcceptError, AcceptedRequest, ApprovalRequest, Limits, UnvouchedLimits};
pub use settings::Settings;
pub use store::SCHEMA;
pub use store::approvals::PendingCount;
pub use store::devices::{DeviceState, EnrollmentCount};
pub use store::links::LinkState;
pub use verdict::{AnsweringKey, Approval, NotRedeemable, SignedAnswer, Verdict};
