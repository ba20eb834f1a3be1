//! Searches bytes for a secret, raw and in the encodings in which it could be written.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A secret, and the forms it could be written in.
pub struct Canary {
    /// Its name in failure messages.
    pub name: &'static str,
    forms: Vec<Vec<u8>>,
    /// For digits alone: found only between characters that are neither digits nor letters, since six digits occur by chance.
    whole_word: bool,
}

impl Canary {
    /// A secret string: as it is, and as base64 of its bytes.
    pub fn text(name: &'static str, text: &str) -> Canary {
        let mut canary = Canary::bytes(name, text.as_bytes());
        canary.whole_word = text.bytes().all(|byte| byte.is_ascii_digit());
        if canary.whole_word {
            canary.forms.truncate(1);
        }
        canary
    }

    /// Secret bytes: raw, as base64 of both alphabets, as hex and as a list of numbers, as `Debug` prints them.
    ///
    /// # Panics
    /// If there are too few of them to be recognised.
    pub fn bytes(name: &'static str, bytes: &[u8]) -> Canary {
        assert!(bytes.len() >= 6, "{name} is too short not to occur by chance");
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let numbers = bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        let forms = vec![
            bytes.to_vec(),
            URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
            STANDARD_NO_PAD.encode(bytes).into_bytes(),
            hex.to_ascii_uppercase().into_bytes(),
            hex.into_bytes(),
            numbers.into_bytes(),
        ];
        Canary { name, forms, whole_word: false }
    }

    /// Whether these bytes contain the secret, in any form.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| self.occurs(bytes, form))
    }

    fn occurs(&self, bytes: &[u8], form: &[u8]) -> bool {
        let alone = |at: usize| {
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            let after = bytes.get(at + form.len());
            let part_of_more =
                |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
            !part_of_more(before) && !part_of_more(after)
        };
        bytes.windows(form.len()).enumerate().any(|(at, window)| window == form && (!self.whole_word || alone(at)))
    }
}

/// Every file below a folder, with its bytes.
///
/// # Panics
/// If one can't be read.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder can be listed").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                found.push((path, bytes));
            }
        }
    }
    found
}
