//! The tests of the device's core, transcripts, interactions and PIN counting, compiled for wasm32: the same functions that run
//! natively, exported by the attribute `test` of `tests/wasm/attribute`, so that none is dead code.

#![cfg(target_arch = "wasm32")]

#[macro_use]
extern crate countersign_wasm_test;

// For what it exports.
use countersign_device as _;

#[path = "../../../crates/protocol/tests/attacks.rs"]
mod protocol_attacks;
#[path = "../../../crates/protocol/tests/transcript.rs"]
mod protocol_transcript;
