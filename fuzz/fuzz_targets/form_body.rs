//! The body of a client's request, under any media type. What comes before the first line feed is the media type.
#![no_main]

use std::sync::LazyLock;

use countersign_fuzz::reader;
use countersign_op::fuzzing::Reader;
use libfuzzer_sys::fuzz_target;

static READER: LazyLock<Reader> = LazyLock::new(reader);

fuzz_target!(|bytes: &[u8]| {
    READER.form(Some("application/x-www-form-urlencoded"), bytes);
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    if let (Some(Ok(media_type)), Some(body)) = (parts.next().map(std::str::from_utf8), parts.next()) {
        READER.form(Some(media_type), body);
    }
});
