//! What can be wrong with a transcript.

use super::role::Role;
use super::source::Source;

/// Why a transcript does not say what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DisplayError {
    /// Over 32 KiB.
    #[error("the transcript is larger than 32 KiB")]
    TooLarge,
    /// Not strict JSON, or with a member, role, type or source that the table does not have.
    #[error("the transcript can't be read")]
    Unreadable,
    /// A version of the format other than 1.
    #[error("the transcript is of another version")]
    Version,
    /// Of another challenge or language than the answer's.
    #[error("the transcript is of another request or language than the answer")]
    OtherChallenge,
    /// A member that was asked has no line.
    #[error("{} was asked and not shown ({from})", role.as_str())]
    Missing {
        /// The role that shows it.
        role: Role,
        /// The member.
        from: Source,
    },
    /// A line whose role may not have its value from there.
    #[error("a line of the role {} has its value from {from}, which the table does not allow", role.as_str())]
    Misplaced {
        /// The line's role.
        role: Role,
        /// Where it says its value comes from.
        from: Source,
    },
    /// A second line for what has been shown.
    #[error("{} is shown twice ({from})", role.as_str())]
    Twice {
        /// The line's role.
        role: Role,
        /// The member.
        from: Source,
    },
    /// A value or type other than the member's.
    #[error("the line of {from} has another value than was asked")]
    OtherValue {
        /// The member.
        from: Source,
    },
    /// A client's or provider's name shown as verified that is not, or the other way round.
    #[error("{from} is shown as verified and is not, or the other way round")]
    Claim {
        /// The member.
        from: Source,
    },
    /// Less prominent than the table demands.
    #[error("{} is less prominent than it must be ({from})", role.as_str())]
    Folded {
        /// The line's role.
        role: Role,
        /// The member.
        from: Source,
    },
    /// The words of a caption are said to be another's than they are.
    #[error("the caption of {from} names a source that it does not have")]
    LabelFrom {
        /// The member.
        from: Source,
    },
    /// A caption that is known as another row's.
    #[error("{from} stands under the caption \"{label}\", which means something else")]
    OtherCaption {
        /// The member.
        from: Source,
        /// The caption.
        label: String,
    },
    /// A line within an element of the details that does not belong to it, or elements or choices out of order.
    #[error("the line of {from} stands where it does not belong")]
    OutOfPlace {
        /// The member.
        from: Source,
    },
    /// The device's own words where it may have none, too often, or not where it must.
    #[error("the device's own line of the role {} is there without reason, or missing", role.as_str())]
    Device {
        /// The line's role.
        role: Role,
    },
    /// Characters that deceive in a caption or in the device's own words.
    #[error("a caption or the device's words have characters that deceive")]
    Text,
}

impl DisplayError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
            Self::Version => "version",
            Self::OtherChallenge => "other_challenge",
            Self::Missing { .. } => "missing",
            Self::Misplaced { .. } => "misplaced",
            Self::Twice { .. } => "twice",
            Self::OtherValue { .. } => "other_value",
            Self::Claim { .. } => "claim",
            Self::Folded { .. } => "folded",
            Self::LabelFrom { .. } => "label_from",
            Self::OtherCaption { .. } => "other_caption",
            Self::OutOfPlace { .. } => "out_of_place",
            Self::Device { .. } => "device",
            Self::Text => "text",
        }
    }
}
