//! Strict CBOR (RFC 8949, CTAP2's canonical form but for the order of keys), read by ciborium.

use ciborium::Value;

/// Deepest nesting of arrays, maps and tags.
const DEPTH: usize = 8;

/// The bytes do not begin with one item in its one form.
pub(super) struct NotCbor;

/// Reads one item off the front; returns it and what follows. Each length and number is in its shortest form, no length is
/// indefinite, and no map has a key twice.
pub(super) fn read_prefix(bytes: &[u8]) -> Result<(Value, &[u8]), NotCbor> {
    let mut rest = bytes;
    let value: Value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEPTH).map_err(|_| NotCbor)?;
    // ciborium also reads other forms, but writes one: what it writes is compared with what was read.
    let mut written = Vec::with_capacity(bytes.len() - rest.len());
    ciborium::into_writer(&value, &mut written).map_err(|_| NotCbor)?;
    let rest = bytes.strip_prefix(written.as_slice()).ok_or(NotCbor)?;
    if has_duplicate_key(&value) { Err(NotCbor) } else { Ok((value, rest)) }
}

/// Reads one map that ends where the bytes end.
pub(super) fn read_map(bytes: &[u8]) -> Result<Vec<(Value, Value)>, NotCbor> {
    match read_prefix(bytes)? {
        (Value::Map(members), []) => Ok(members),
        _ => Err(NotCbor),
    }
}

/// The value under a key that is a string.
pub(super) fn member<'v>(map: &'v [(Value, Value)], name: &str) -> Option<&'v Value> {
    map.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

fn has_duplicate_key(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_duplicate_key),
        Value::Tag(_, inner) => has_duplicate_key(inner),
        Value::Map(members) => members.iter().enumerate().any(|(at, (key, value))| {
            members[..at].iter().any(|(other, _)| other == key) || has_duplicate_key(key) || has_duplicate_key(value)
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(bytes: &[u8]) -> bool {
        read_prefix(bytes).is_ok_and(|(_, rest)| rest.is_empty())
    }

    #[test]
    fn each_item_has_one_form() {
        for good in [&[0x00][..], &[0x18, 0x18], &[0x41, 1], &[0xa1, 0x01, 0x02], &[0x82, 0x20, 0xf6], &[0xf4]] {
            assert!(reads(good), "{good:02x?}");
        }
        for (name, bad) in [
            ("nothing", &[][..]),
            ("a number longer than it must be", &[0x18, 0x17]),
            ("a length longer than it must be", &[0x58, 0x01, 0x01]),
            ("an indefinite map", &[0xbf, 0x01, 0x02, 0xff]),
            ("indefinite bytes", &[0x5f, 0x41, 0x01, 0xff]),
            ("a key twice", &[0xa2, 0x01, 0x02, 0x01, 0x03]),
            ("a key twice, deeper", &[0x81, 0xa2, 0x01, 0x02, 0x01, 0x03]),
            ("cut", &[0xa1, 0x01]),
            ("a huge length", &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            ("a huge array", &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            ("undefined", &[0xf7]),
            ("a break", &[0xff]),
            ("text that is not UTF-8", &[0x61, 0xff]),
        ] {
            assert!(!reads(bad), "{name}");
        }
        assert!(!reads(&[&[0x81; 200][..], &[0x00]].concat()), "too deep");
    }
}
