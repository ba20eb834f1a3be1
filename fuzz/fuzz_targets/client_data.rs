//! Client data from anybody: refused, or read; it is of one ceremony, challenge and page at most.
#![no_main]

use countersign_jose::hash::Hash;
use countersign_protocol::webauthn::{Ceremony, ClientData};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(data) = ClientData::parse(bytes) else { return };
    let challenge = Hash::of("an answer");
    let origin = data.origin().to_owned();
    let holds = |ceremony, origin: &str| data.check(ceremony, &challenge, origin).is_ok();
    assert!(!(holds(Ceremony::Get, &origin) && holds(Ceremony::Create, &origin)));
    assert!(!holds(Ceremony::Get, &format!("{origin}/")));
});
