//! User codes (CIBA Core §7.1): so short that only a slow hash and a limit on guesses protect them.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use countersign_jose::random::{self, Random};
use countersign_jose::secret::Secret;
use subtle::ConstantTimeEq as _;

/// Argon2id parameters of a new hash: 19 MiB and two passes (OWASP's minimum).
const COST: Cost = Cost { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

/// Largest accepted parameters of a hash in the configuration.
const MAX_COST: Cost = Cost { memory_kib: 64 * 1024, passes: 10, lanes: 4 };

/// Length of a code, in characters.
pub(crate) const LENGTH: std::ops::RangeInclusive<usize> = 4..=64;

/// A user code in plain text or hashed. Its `Debug` output does not contain it.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(StoredCode);

#[derive(Clone, PartialEq, Eq)]
enum StoredCode {
    Read(Secret),
    Hashed(SlowHash),
}

/// Argon2id over a random salt and a code.
#[derive(Clone, PartialEq, Eq)]
struct SlowHash {
    cost: Cost,
    salt: Vec<u8>,
    digest: [u8; 32],
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Why a string can't be a user code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserCodeError {
    /// Too short, too long, or not printable ASCII without spaces.
    #[error("a user code is 4 to 64 printable ASCII characters without spaces")]
    Code,
    /// Begins with `$`, but is not an accepted Argon2id hash.
    #[error(
        "this is not a hash of a user code: it must be $argon2id$v=19$m=...,t=...,p=...$salt$hash with at most m=65536, t=10 and p=4, and 32 bytes of hash"
    )]
    Hash,
}

impl UserCodeError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            UserCodeError::Code => "user_code_malformed",
            UserCodeError::Hash => "user_code_hash",
        }
    }
}

impl UserCode {
    /// Reads a code, or its hash in PHC form (`$argon2id$…`).
    ///
    /// # Errors
    /// [`UserCodeError`].
    pub fn parse(text: &str) -> Result<UserCode, UserCodeError> {
        if text.starts_with('$') {
            return SlowHash::parse(text).map(StoredCode::Hashed).map(UserCode).ok_or(UserCodeError::Hash);
        }
        if !LENGTH.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UserCodeError::Code);
        }
        Ok(UserCode(StoredCode::Read(Secret::new(text))))
    }

    /// The hash in PHC form, for a configuration or the store. Slow (Argon2id).
    pub fn to_hash(&self, random: &dyn Random) -> String {
        self.hashed(random).to_string()
    }

    /// The same code, hashed. Slow (Argon2id).
    pub(crate) fn to_hashed(&self, random: &dyn Random) -> UserCode {
        UserCode(StoredCode::Hashed(self.hashed(random)))
    }

    /// Whether this is the code. As slow for a plain-text code as for a hash; never called on the async runtime's threads.
    pub(crate) fn matches(&self, code: &Secret) -> bool {
        match &self.0 {
            StoredCode::Hashed(hash) => hash.matches(code.expose().as_bytes()),
            StoredCode::Read(written) => {
                let _ = digest(COST, &[0; 16], code.expose().as_bytes());
                written == code
            }
        }
    }

    /// A code that nothing matches: checking it takes as long as checking a real one.
    pub(crate) fn decoy(random: &dyn Random) -> UserCode {
        let (salt, digest) = (random::bytes::<16>(random).to_vec(), random::bytes(random));
        UserCode(StoredCode::Hashed(SlowHash { cost: COST, salt, digest }))
    }

    fn hashed(&self, random: &dyn Random) -> SlowHash {
        match &self.0 {
            StoredCode::Read(code) => SlowHash::of(code.expose(), random),
            StoredCode::Hashed(hash) => hash.clone(),
        }
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("UserCode")
    }
}

impl SlowHash {
    fn of(code: &str, random: &dyn Random) -> SlowHash {
        let salt = random::bytes::<16>(random);
        SlowHash { cost: COST, digest: digest(COST, &salt, code.as_bytes()), salt: salt.to_vec() }
    }

    fn matches(&self, code: &[u8]) -> bool {
        digest(self.cost, &self.salt, code).ct_eq(&self.digest).into()
    }

    fn parse(text: &str) -> Option<SlowHash> {
        let ["", "argon2id", "v=19", cost, salt, digest] = text.split('$').collect::<Vec<_>>()[..] else { return None };
        let mut numbers = cost.split(',');
        let mut number = |name: &str| numbers.next()?.strip_prefix(name)?.parse::<u32>().ok();
        let cost = Cost { memory_kib: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
        let affordable =
            cost.memory_kib <= MAX_COST.memory_kib && cost.passes <= MAX_COST.passes && cost.lanes <= MAX_COST.lanes;
        let salt = STANDARD_NO_PAD.decode(salt).ok().filter(|salt| (8..=48).contains(&salt.len()))?;
        let digest = STANDARD_NO_PAD.decode(digest).ok()?.try_into().ok()?;
        let valid = numbers.next().is_none() && affordable && parameters(cost).is_some();
        valid.then_some(SlowHash { cost, salt, digest })
    }
}

impl fmt::Display for SlowHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let (salt, digest) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(self.digest));
        write!(out, "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${digest}")
    }
}

fn parameters(cost: Cost) -> Option<Params> {
    Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).ok()
}

fn digest(cost: Cost, salt: &[u8], code: &[u8]) -> [u8; 32] {
    let parameters = parameters(cost).expect("a cost is checked where it is read");
    let mut digest = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(code, salt, &mut digest)
        .expect("a salt of 8 bytes or more, and 32 bytes of output");
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the reference implementation: printf 4711 | argon2 somesalt1234 -id -t 2 -k 4096 -p 1 -l 32 -e
    const REFERENCE: &str = include_str!("user_code_hash.phc");

    #[test]
    fn a_hash_of_the_reference_implementation_is_understood() {
        let Ok(UserCode(StoredCode::Hashed(hash))) = UserCode::parse(REFERENCE.trim()) else { panic!("a hash") };
        assert!(hash.matches(b"4711") && !hash.matches(b"4712"));
        assert_eq!(hash.to_string(), REFERENCE.trim());
    }

    #[test]
    fn what_is_neither_code_nor_hash_is_refused() {
        for text in ["", "123", "12 34", "über", &"1".repeat(65)] {
            assert_eq!(UserCode::parse(text), Err(UserCodeError::Code), "{text}");
        }
        let salt = "c29tZXNhbHQxMjM0";
        let digest = STANDARD_NO_PAD.encode([7; 32]);
        assert!(UserCode::parse(&format!("$argon2id$v=19$m=4096,t=2,p=1${salt}${digest}")).is_ok());
        for text in [
            "$2b$12$abcdefghijklmnopqrstuv".to_owned(),
            format!("$argon2i$v=19$m=4096,t=2,p=1${salt}${digest}"),
            format!("$argon2id$v=16$m=4096,t=2,p=1${salt}${digest}"),
            format!("$argon2id$v=19$m=1048576,t=2,p=1${salt}${digest}"),
            format!("$argon2id$v=19$m=4096,t=99,p=1${salt}${digest}"),
            format!("$argon2id$v=19$m=4,t=2,p=1${salt}${digest}"),
            format!("$argon2id$v=19$m=4096,t=2,p=1,x=1${salt}${digest}"),
            format!("$argon2id$v=19$m=4096,t=2,p=1$c2hvcnQ${digest}"),
            format!("$argon2id$v=19$m=4096,t=2,p=1${salt}$c2hvcnQ"),
        ] {
            assert_eq!(UserCode::parse(&text), Err(UserCodeError::Hash), "{text}");
        }
    }

    #[test]
    fn a_code_shows_up_in_no_debug_output() {
        let code = UserCode::parse("4711-sesame").expect("a code");
        assert_eq!(format!("{code:?}"), "UserCode");
    }
}
