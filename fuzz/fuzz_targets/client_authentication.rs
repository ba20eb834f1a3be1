//! The `Authorization` header, and the form beside it after the first line feed: credentials, or words why there are none.
#![no_main]

use std::sync::LazyLock;

use countersign_fuzz::reader;
use countersign_op::fuzzing::Reader;
use libfuzzer_sys::fuzz_target;

static READER: LazyLock<Reader> = LazyLock::new(reader);

fuzz_target!(|text: &str| {
    let (authorization, body) = text.split_once('\n').unwrap_or((text, ""));
    let _ = READER.credentials(Some(authorization), body.as_bytes());
    let _ = READER.credentials(None, body.as_bytes());
});
