//! What an attestation of a passkey shows, and what not.

use countersign_protocol::registration::KeyProtection;

/// Whether such an attestation says where the key is, and nothing of who uses it: any program of that machine can have one made.
pub const fn is_of_the_place_alone(level: KeyProtection) -> bool {
    matches!(level, KeyProtection::Tpm2 | KeyProtection::Strongbox | KeyProtection::Tee)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_an_attested_chip_is_not_taken_for_a_person_that_was_verified() {
        for level in [KeyProtection::Tpm2, KeyProtection::Strongbox, KeyProtection::Tee] {
            assert!(is_of_the_place_alone(level), "{level:?}");
        }
        for level in [KeyProtection::Passkey, KeyProtection::SecureEnclave] {
            assert!(!is_of_the_place_alone(level), "{level:?}: its maker's own program asks the person");
        }
    }
}
