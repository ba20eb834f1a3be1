//! DER elements with tags beyond 30, which the keys of Android's authorization lists have and `der` does not read.

/// One element: its class and form (the upper three bits of the first octet), its tag number and its content.
pub(super) struct Element<'a> {
    pub(super) form: u8,
    pub(super) tag: u32,
    pub(super) content: &'a [u8],
}

/// Context-specific and constructed: `[n] EXPLICIT`.
pub(super) const EXPLICIT: u8 = 0xa0;
/// Universal and primitive.
pub(super) const PRIMITIVE: u8 = 0x00;
/// Universal and constructed.
pub(super) const CONSTRUCTED: u8 = 0x20;

/// Reads one element off the front (X.690 §8.1 and §10.1); returns it and what follows.
pub(super) fn read(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let mut tag = u32::from(first & 0x1f);
    if tag == 0x1f {
        (tag, rest) = long_tag(rest)?;
    }
    let (length, rest) = length(rest)?;
    let (content, rest) = rest.split_at_checked(length)?;
    Some((Element { form: first & 0xe0, tag, content }, rest))
}

/// Reads elements to the end.
pub(super) fn read_all(mut bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (element, rest) = read(bytes)?;
        all.push(element);
        bytes = rest;
    }
    Some(all)
}

/// The one element that the bytes are.
pub(super) fn read_only(bytes: &[u8]) -> Option<Element<'_>> {
    read(bytes).and_then(|(element, rest)| rest.is_empty().then_some(element))
}

/// Seven bits an octet, at most three octets, without leading zeros; numbers below 31 have the short form.
fn long_tag(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let length = bytes.iter().take(3).position(|octet| octet & 0x80 == 0)? + 1;
    let (octets, rest) = bytes.split_at(length);
    let tag = octets.iter().fold(0, |tag, octet| tag << 7 | u32::from(octet & 0x7f));
    (octets[0] != 0x80 && tag > 30).then_some((tag, rest))
}

/// At most two octets of length: no statement is longer than a body.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        ..=0x7f => Some((usize::from(*first), rest)),
        0x81 => rest.split_first().filter(|(one, _)| **one > 0x7f).map(|(one, rest)| (usize::from(*one), rest)),
        0x82 => {
            let (two, rest) = rest.split_first_chunk::<2>()?;
            (two[0] > 0).then(|| (usize::from(u16::from_be_bytes(*two)), rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_element_has_one_form() {
        let (found, rest) = read(&[0xbf, 0x85, 0x3e, 0x03, 0x02, 0x01, 0x00, 0x7f]).expect("[702] EXPLICIT INTEGER 0");
        assert_eq!((found.form, found.tag, found.content, rest), (EXPLICIT, 702, &[2, 1, 0][..], &[0x7f][..]));
        assert_eq!(read_only(&[0x04, 0x01, 0x09]).map(|found| (found.form, found.tag)), Some((PRIMITIVE, 4)));
        assert_eq!(read_all(&[0x05, 0x00, 0x31, 0x00]).map(|all| all.len()), Some(2));
        for (name, bad) in [
            ("nothing", &[][..]),
            ("cut", &[0x04, 0x02, 0x01]),
            ("a length longer than it must be", &[0x04, 0x81, 0x01, 0x09]),
            ("an indefinite length", &[0x30, 0x80, 0x00, 0x00]),
            ("a long tag below 31", &[0xbf, 0x1e, 0x00]),
            ("a long tag with a leading zero", &[0xbf, 0x80, 0x3e, 0x00]),
            ("a long tag without an end", &[0xbf, 0xff, 0xff, 0xff, 0x01]),
            ("a byte after it", &[0x05, 0x00, 0x00]),
        ] {
            assert!(read_only(bad).is_none(), "{name}");
        }
    }
}
