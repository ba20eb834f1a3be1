//! `auth_req_id` (CIBA Core §7.3) and its key in the store.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::random::Random;
use countersign_protocol::id::{self, TIME_DIGITS};

const PREFIX: &str = "ar_";

/// Length of the time in an id's key, in bytes.
const TIME: usize = TIME_DIGITS / 2;

/// Generates an id: the time, then 256 random bits.
pub(crate) fn new(now: Timestamp, random: &dyn Random) -> String {
    id::time_ordered(PREFIX, now, random)
}

/// Key of an id in the store: its SHA-256, whose first bytes are replaced by the id's time, so that concurrent requests
/// share the pages of an index. The id can't be recovered from it. An id of another form has its plain hash as key.
pub(crate) fn key(auth_req_id: &str) -> Hash {
    let hash = Hash::of(auth_req_id);
    match time(auth_req_id) {
        Some(time) => {
            let mut key = *hash.as_bytes();
            key[..TIME].copy_from_slice(&time.to_be_bytes()[size_of::<u64>() - TIME..]);
            Hash::from(key)
        }
        None => hash,
    }
}

fn time(auth_req_id: &str) -> Option<u64> {
    let digits = auth_req_id.strip_prefix(PREFIX)?.get(..TIME_DIGITS)?;
    let plain = digits.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
    plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn keys_sort_by_time_and_differ_for_different_ids() {
        let at = |millis| Timestamp::from_millis(millis);
        let (one, other) = (format!("ar_019ac3f1b2c4{}", "A".repeat(43)), format!("ar_019ac3f1b2c4{}", "B".repeat(43)));
        assert_ne!(key(&one), key(&other));
        assert_eq!(key(&one).as_bytes()[..TIME], [0x01, 0x9a, 0xc3, 0xf1, 0xb2, 0xc4]);
        assert_eq!(key(&one).as_bytes()[TIME..], Hash::of(&one).as_bytes()[TIME..]);
        let (early, late) = (new(at(1_000), &Fixed(0xff)), new(at(1_001), &Fixed(0)));
        assert!(early < late && key(&early).as_bytes() < key(&late).as_bytes());
    }

    #[test]
    fn every_string_a_client_may_send_has_a_key() {
        for id in
            ["", "ar_", "ar_x", "ar_019ac3f1b2c", "ar_019ac3f1b2cZ", "ar_019AC3F1B2C4", "ar_äääääää", "ar_+19ac3f1b2c4"]
        {
            assert_eq!(key(id), Hash::of(id), "{id}");
        }
    }
}
