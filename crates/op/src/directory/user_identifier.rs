//! How a hint names a user.

use countersign_jose::hash::Hash;

use crate::config::folded;

/// What somebody is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UserIdentifier {
    /// A subject, or anything the person's entry lists: e-mail address, phone number, card number.
    Name(String),
    /// A subject at this provider.
    Subject(String),
}

impl UserIdentifier {
    /// Stands for the name where nobody may learn whether it is anybody's: the same for all ways of writing it.
    pub(crate) fn digest(&self) -> Hash {
        match self {
            UserIdentifier::Name(name) | UserIdentifier::Subject(name) => Hash::of(folded(name)),
        }
    }
}
