//! The CBOR of a creation, written byte for byte: another writer than the one whose reader is tested.

use countersign_jose::key::PublicKey;

/// A COSE_Key of ES256 on P-256 (RFC 9053 §7.1.1).
pub fn cose_key(key: &PublicKey) -> Vec<u8> {
    let (x, y) = key.sec1()[1..].split_at(32);
    [&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20][..], x, &[0x22, 0x58, 0x20], y].concat()
}

/// An attestation object of this format with an empty statement.
pub fn attestation_object(format: &str, authenticator_data: &[u8]) -> Vec<u8> {
    attestation_object_with(format, &map(&[]), authenticator_data)
}

/// An attestation object of this format with a statement.
pub fn attestation_object_with(format: &str, statement: &[u8], authenticator_data: &[u8]) -> Vec<u8> {
    map(&[("fmt", text(format)), ("attStmt", statement.to_vec()), ("authData", bytes(authenticator_data))])
}

/// A map whose keys are strings, of values that are written.
pub(super) fn map(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let written = members.iter().map(|(name, value)| [text(name), value.clone()].concat()).collect::<Vec<_>>();
    [head(5, members.len()), written.concat()].concat()
}

/// An array of values that are written.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn array(values: &[Vec<u8>]) -> Vec<u8> {
    [head(4, values.len()), values.concat()].concat()
}

pub(super) fn bytes(content: &[u8]) -> Vec<u8> {
    [head(2, content.len()), content.to_vec()].concat()
}

pub(super) fn text(content: &str) -> Vec<u8> {
    [head(3, content.len()), content.as_bytes().to_vec()].concat()
}

#[cfg(not(target_arch = "wasm32"))]
pub(super) fn integer(number: i64) -> Vec<u8> {
    let (major, number) = if number < 0 { (1, -1 - number) } else { (0, number) };
    head(major, usize::try_from(number).expect("it is not negative"))
}

/// A major type with its number, as short as it can be.
fn head(major: u8, number: usize) -> Vec<u8> {
    let with = |short: u8, rest: &[u8]| [&[major << 5 | short], rest].concat();
    match (u8::try_from(number), u16::try_from(number)) {
        (Ok(short @ ..24), _) => with(short, &[]),
        (Ok(one), _) => with(24, &[one]),
        (_, Ok(two)) => with(25, &two.to_be_bytes()),
        _ => with(26, &u32::try_from(number).expect("short").to_be_bytes()),
    }
}
