//! Authenticator data from anybody: refused, or read to its last byte; and a passkey's signature over it that nobody made holds nothing.
#![no_main]

use countersign_jose::hash::Hash;
use countersign_protocol::webauthn::{Assertion, AuthenticatorData};
use countersign_testing::TestPasskey;
use countersign_testing::fixture::private_key;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(data) = AuthenticatorData::parse(bytes) {
        assert!(bytes.len() >= 37);
        let longer = [bytes, &[0]].concat();
        assert!(AuthenticatorData::parse(&longer).is_err(), "nothing may follow");
        assert_eq!(data.attested().is_some(), bytes[32] & 0x40 != 0);
    }
    let passkey = TestPasskey::new(private_key(9), "https://id.acme.example");
    let challenge = Hash::of("an answer");
    let sound = passkey.get(&challenge);
    let assertion = Assertion { authenticator_data: bytes.to_vec(), ..sound.clone() };
    let verified = assertion.verify(&challenge, passkey.public_key(), &passkey.stated());
    assert_eq!(verified.is_ok(), assertion == sound, "what the passkey signed and nothing else");
    if let Ok(read) = Assertion::from_third_part(bytes) {
        assert_eq!(read.to_third_part().as_bytes(), bytes, "a third part has one form");
    }
});
