//! A whole authentication request as a form, all its parameters read and checked.
#![no_main]

use std::sync::LazyLock;

use countersign_fuzz::reader;
use countersign_op::fuzzing::Reader;
use libfuzzer_sys::fuzz_target;

static READER: LazyLock<Reader> = LazyLock::new(reader);

fuzz_target!(|body: &[u8]| {
    READER.authentication_request(body);
});
