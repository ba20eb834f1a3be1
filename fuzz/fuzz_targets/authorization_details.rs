//! Authorization details of any type, as a client sends them: refused, or kept to the byte.
#![no_main]

use std::sync::LazyLock;

use countersign_fuzz::reader;
use countersign_op::fuzzing::Reader;
use countersign_protocol::details::Details;
use countersign_protocol::kind::Kind;
use libfuzzer_sys::fuzz_target;

static READER: LazyLock<Reader> = LazyLock::new(reader);

fuzz_target!(|text: &str| {
    let sound = READER.authorization_details(text);
    match Details::parse(text) {
        Ok(details) => {
            assert_eq!(details.as_str(), text);
            let _ = Kind::of(details.types(), Some("openid"));
        }
        Err(error) => assert!(!sound, "{error}"),
    }
});
