//! A `login_hint`: a name, taken as it is, or Auth0's JSON.
#![no_main]

use std::sync::LazyLock;

use countersign_fuzz::reader;
use countersign_op::fuzzing::Reader;
use libfuzzer_sys::fuzz_target;

static READER: LazyLock<Reader> = LazyLock::new(reader);

fuzz_target!(|hint: &str| {
    match READER.login_hint(hint) {
        Some(name) if !hint.trim_start().starts_with('{') => assert_eq!(name, hint),
        Some(subject) => assert!(subject.len() <= hint.len()),
        None => {}
    }
});
