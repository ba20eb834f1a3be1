//! The tests of the device's core, transcripts, interactions and PIN counting, compiled for wasm32: the same functions that run
//! natively, exported by the attribute `test` of `tests/wasm/attribute`. `suite.mjs` calls them, each in an instance of its own.

#![cfg(target_arch = "wasm32")]

#[macro_use]
extern crate countersign_wasm_test;

use std::sync::Mutex;

// For what it exports.
use countersign_device as _;

#[path = "../../../crates/protocol/tests/attacks.rs"]
mod protocol_attacks;
#[path = "../../../crates/protocol/tests/transcript.rs"]
mod protocol_transcript;

/// The message of this instance's panic. An instance runs one test: a panic ends it.
static PANIC: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Keeps the message of a panic. To be called before a test.
#[unsafe(no_mangle)]
pub extern "C" fn prepare() {
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut kept) = PANIC.lock() {
            *kept = panic.to_string().into_bytes();
        }
    }));
}

/// Address of the panic's message in this instance's memory.
#[unsafe(no_mangle)]
pub extern "C" fn panic_at() -> *const u8 {
    PANIC.lock().map_or(std::ptr::null(), |kept| kept.as_ptr())
}

/// Length of the panic's message, in bytes of UTF-8; 0 without a panic.
#[unsafe(no_mangle)]
pub extern "C" fn panic_length() -> usize {
    PANIC.lock().map_or(0, |kept| kept.len())
}

/// Panics, so that the caller can check that it would notice.
#[unsafe(no_mangle)]
pub extern "C" fn fails_on_purpose() {
    assert_eq!(1, 2, "on purpose");
}
