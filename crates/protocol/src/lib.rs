#![doc = include_str!("../README.md")]

pub mod answer;
pub mod approval_ref;
pub mod blanks;
pub mod challenge;
pub mod details;
pub mod discovery;
pub mod dispute;
pub mod dpop;
pub mod enrollment;
pub mod evidence;
pub mod fetch;
pub mod gateway_list;
pub mod id;
pub mod interaction;
pub mod issuer;
pub mod json;
pub mod jws;
pub mod kind;
pub mod limits;
pub mod link;
pub mod manifest;
pub mod notice;
pub mod outcome;
pub mod problem;
pub mod push;
pub mod refusal;
pub mod registration;
pub mod revocation;
pub mod text;
pub mod transcript;
pub mod webauthn;

/// The version of this protocol, sent as `countersign_version`. A gateway sends a device nothing newer than the version with which
/// the device registered.
pub const COUNTERSIGN_VERSION: u32 = 1;
