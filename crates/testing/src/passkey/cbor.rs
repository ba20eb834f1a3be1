//! The CBOR of a creation, written byte for byte: another writer than the one whose reader is tested.

use countersign_jose::key::PublicKey;

/// A COSE_Key of ES256 on P-256 (RFC 9053 §7.1.1).
pub fn cose_key(key: &PublicKey) -> Vec<u8> {
    let (x, y) = key.sec1()[1..].split_at(32);
    [&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20][..], x, &[0x22, 0x58, 0x20], y].concat()
}

/// The head of a byte string, as short as it can be.
fn length(bytes: usize) -> Vec<u8> {
    match u8::try_from(bytes) {
        Ok(bytes) => vec![0x58, bytes],
        Err(_) => [&[0x59][..], &u16::try_from(bytes).expect("short").to_be_bytes()].concat(),
    }
}

/// An attestation object of this format with an empty statement.
pub fn attestation_object(format: &str, authenticator_data: &[u8]) -> Vec<u8> {
    let text = |text: &str| [&[0x60 + text.len() as u8], text.as_bytes()].concat();
    [
        &[0xa3][..],
        &text("fmt"),
        &text(format),
        &text("attStmt"),
        &[0xa0],
        &text("authData"),
        &length(authenticator_data.len()),
        authenticator_data,
    ]
    .concat()
}
