//! The attestation object of a creation from anybody: refused, or read to its last byte.
#![no_main]

use countersign_protocol::webauthn::AttestationObject;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(object) = AttestationObject::parse(bytes) else { return };
    let longer = [bytes, &[0]].concat();
    assert!(AttestationObject::parse(&longer).is_err(), "nothing may follow");
    if let Some(credential) = object.authenticator_data().attested() {
        assert!((1..=1023).contains(&credential.id.len()));
    }
});
