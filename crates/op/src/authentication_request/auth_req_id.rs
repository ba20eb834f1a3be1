//! What a client calls its authentication request (`auth_req_id`, CIBA Core §7.3), and what that is stored under.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::random::Random;
use countersign_protocol::id::{self, TIME_DIGITS};

const PREFIX: &str = "ar_";

/// How many bytes the time is.
const TIME: usize = TIME_DIGITS / 2;

/// A new id: the time, then 256 random bits.
pub(crate) fn new(now: Timestamp, random: &dyn Random) -> String {
    id::time_ordered(PREFIX, now, random)
}

/// What an id is stored under: its hash, of which the first bytes give way to the id's time, so that requests of about the same
/// time stand together. The id can't be told from it. An id without a time stands under its whole hash.
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
    fn ids_of_about_the_same_time_stand_together_and_none_has_anothers_key() {
        let at = |millis| Timestamp::from_millis(millis);
        let (one, other) = (format!("ar_019ac3f1b2c4{}", "A".repeat(43)), format!("ar_019ac3f1b2c4{}", "B".repeat(43)));
        assert_ne!(key(&one), key(&other));
        assert_eq!(key(&one).as_bytes()[..TIME], [0x01, 0x9a, 0xc3, 0xf1, 0xb2, 0xc4]);
        assert_eq!(key(&one).as_bytes()[TIME..], Hash::of(&one).as_bytes()[TIME..]);
        let (early, late) = (new(at(1_000), &Fixed(0xff)), new(at(1_001), &Fixed(0)));
        assert!(early < late && key(&early).as_bytes() < key(&late).as_bytes());
    }

    #[test]
    fn whatever_a_client_sends_has_a_key() {
        for id in
            ["", "ar_", "ar_x", "ar_019ac3f1b2c", "ar_019ac3f1b2cZ", "ar_019AC3F1B2C4", "ar_äääääää", "ar_+19ac3f1b2c4"]
        {
            assert_eq!(key(id), Hash::of(id), "{id}");
        }
    }
}
