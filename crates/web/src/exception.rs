//! What a browser's exception says, by its name (Web IDL §2.8.1): its message is for a person at a console, and differs.

use countersign_device::ports::key_store::KeyError;

/// Why a passkey was not made or used. `aborted`: this page ended the wait by itself, after the time it gave.
///
/// A browser says `NotAllowedError` alike for a person who would not, for a system without this passkey, and after a time of its
/// own: what it does not say apart, a page must not learn (WebAuthn §14.5).
pub fn passkey_error(name: &str, aborted: bool) -> KeyError {
    match name {
        _ if aborted => KeyError::TimedOut,
        "NotAllowedError" | "AbortError" => KeyError::Declined,
        // Of `create` with residentKey or userVerification required.
        "ConstraintError" => KeyError::NoScreenLock,
        // No such algorithm; a page whose host is no name, or in a frame; no WebAuthn at all.
        "NotSupportedError" | "SecurityError" | "TypeError" => KeyError::NoPasskeys,
        other => KeyError::Storage(std::io::Error::other(format!("the browser says {}", named(other)))),
    }
}

/// Why storage or a key in it failed: names alone, for a message may hold anything.
pub fn storage_error(name: &str) -> String {
    match name {
        "QuotaExceededError" => "the browser's storage is full".to_owned(),
        other => format!("the browser says {}", named(other)),
    }
}

/// An exception's name, if it looks like one.
fn named(name: &str) -> &str {
    let is_name = (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_name { name } else { "something else" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_late_unsupported_and_without_a_screen_lock_are_told_apart() {
        let code = |name, aborted| passkey_error(name, aborted).code();
        assert_eq!(code("NotAllowedError", false), "declined");
        assert_eq!(code("AbortError", false), "declined");
        assert_eq!(code("AbortError", true), "key_store_silent");
        assert_eq!(code("ConstraintError", false), "no_screen_lock");
        for absent in ["NotSupportedError", "SecurityError", "TypeError"] {
            assert_eq!(code(absent, false), "no_passkeys", "{absent}");
        }
        assert_eq!(code("UnknownError", false), "key_store_unusable");
    }

    #[test]
    fn nothing_but_a_name_is_repeated() {
        assert_eq!(storage_error("QuotaExceededError"), "the browser's storage is full");
        assert_eq!(storage_error("UnknownError"), "the browser says UnknownError");
        for odd in ["", "https://id.example/#secret", "two words"] {
            assert_eq!(storage_error(odd), "the browser says something else");
        }
    }
}
