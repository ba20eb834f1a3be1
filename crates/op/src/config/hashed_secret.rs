//! Client secrets: read once, stored as a salted hash, compared in constant time, never printed.

use std::path::Path;

use countersign_jose::hash::Hash;
use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_private_files::{SecretError, read_secret};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A client's secret in plain text. Has no `Debug`; zeroized when dropped.
#[derive(Clone)]
pub struct ClientSecret(Secret);

/// SHA-256 over a random salt and the secret. Enough against a memory dump or a copy of the database, because a secret has at least
/// 128 bits; a slow hash would only slow the token endpoint. Has no `Debug`.
#[derive(Clone)]
pub(crate) struct HashedSecret {
    salt: [u8; 16],
    digest: [u8; 32],
}

/// A secret in plain text or hashed. Has no `Debug`.
#[derive(Clone)]
pub(crate) enum StoredSecret {
    /// From the configuration; hashed before the provider opens.
    Read(ClientSecret),
    /// In memory while the provider runs, and in the store.
    Hashed(HashedSecret),
}

impl StoredSecret {
    pub(crate) fn hashed(self, random: &dyn Random) -> StoredSecret {
        match self {
            StoredSecret::Read(secret) => StoredSecret::Hashed(secret.hashed(random)),
            hashed @ StoredSecret::Hashed(_) => hashed,
        }
    }

    /// Whether `candidate` is the secret, in time that doesn't depend on where they differ.
    pub(crate) fn matches(&self, candidate: &[u8]) -> bool {
        match self {
            StoredSecret::Read(ClientSecret(secret)) => {
                Hash::of(secret.expose()).as_bytes().ct_eq(Hash::of(candidate).as_bytes()).into()
            }
            StoredSecret::Hashed(hashed) => hashed.matches(candidate),
        }
    }
}

/// Why a string can't be a client's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecretFormatError {
    /// Fewer than 128 bits, estimated from its length and character classes.
    Short,
    /// Not printable ASCII (RFC 6749 appendix A.2).
    Characters,
}

/// Minimum entropy of a secret, in bits.
const MIN_ENTROPY_BITS: f64 = 128.0;

impl ClientSecret {
    pub(super) fn parse(text: &str) -> Result<ClientSecret, SecretFormatError> {
        if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(SecretFormatError::Characters);
        }
        match max_entropy_bits(text) < MIN_ENTROPY_BITS {
            true => Err(SecretFormatError::Short),
            false => Ok(ClientSecret(Secret::new(text))),
        }
    }

    /// A new secret of 256 bits.
    pub(crate) fn random(random: &dyn Random) -> ClientSecret {
        ClientSecret(Secret::random(random))
    }

    /// The plain text, to hand to the client.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    pub(crate) fn hashed(&self, random: &dyn Random) -> HashedSecret {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        HashedSecret { salt, digest: salted(&salt, self.0.expose().as_bytes()) }
    }
}

impl HashedSecret {
    /// From stored salt and digest.
    pub(crate) const fn of_parts(salt: [u8; 16], digest: [u8; 32]) -> HashedSecret {
        HashedSecret { salt, digest }
    }

    /// Salt and digest to store.
    pub(crate) const fn parts(&self) -> (&[u8; 16], &[u8; 32]) {
        (&self.salt, &self.digest)
    }

    /// Whether `candidate` is the secret, in time that doesn't depend on where they differ.
    pub(crate) fn matches(&self, candidate: &[u8]) -> bool {
        salted(&self.salt, candidate).ct_eq(&self.digest).into()
    }
}

/// Upper bound of a secret's entropy in bits: its length times that of a random character of the classes that occur in it.
pub(crate) fn max_entropy_bits(text: &str) -> f64 {
    let has = |kind: fn(&u8) -> bool| text.bytes().any(|byte| kind(&byte));
    let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let alphabet = match (hexadecimal, has(u8::is_ascii_lowercase) || has(u8::is_ascii_uppercase)) {
        (true, false) => 10,
        (true, true) => 16,
        (false, _) => {
            26 * u32::from(has(u8::is_ascii_lowercase))
                + 26 * u32::from(has(u8::is_ascii_uppercase))
                + 10 * u32::from(has(u8::is_ascii_digit))
                + 2 * u32::from(has(|byte| !byte.is_ascii_alphanumeric()))
        }
    };
    let mut distinct: Vec<u8> = text.bytes().collect();
    distinct.sort_unstable();
    distinct.dedup();
    // "aaaa…" is long, but not random.
    if distinct.len() < 8 { 0.0 } else { text.len() as f64 * f64::from(alphabet).log2() }
}

fn salted(salt: &[u8; 16], secret: &[u8]) -> [u8; 32] {
    *Hash::of_parts(&[salt, secret]).as_bytes()
}

/// Reads a secret's file; a line feed at its end is not part of the secret.
///
/// # Errors
/// In words, which begin with the file.
pub(super) fn read_file(path: &Path) -> Result<Zeroizing<String>, String> {
    let mut text = Zeroizing::new(read_secret(path).map_err(|error| match error {
        SecretError::Permissions(error) => format!("the secret's file {error}"),
        error => format!(
            "the secret's file {} can't be read: {error}; check the path (relative paths begin at the configuration's folder) and who may read it",
            path.display()
        ),
    })?);
    let secret = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(secret);
    Ok(text)
}
