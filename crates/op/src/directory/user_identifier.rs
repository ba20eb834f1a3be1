//! User identifier in a hint: a subject, or any name in the user's entry.

use countersign_jose::hash::Hash;

use crate::config::folded;

/// Identifies a user, who may not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UserIdentifier {
    /// A subject, or a hint in the user's entry: e-mail address, phone number, card number.
    Name(String),
    /// A subject at this provider.
    Subject(String),
}

impl UserIdentifier {
    /// As the client wrote it.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            UserIdentifier::Name(name) | UserIdentifier::Subject(name) => name,
        }
    }

    /// Hash of the case-folded identifier: the key of rate limits, which must not depend on whether the user exists.
    pub(crate) fn digest(&self) -> Hash {
        Hash::of(folded(self.as_str()))
    }
}
