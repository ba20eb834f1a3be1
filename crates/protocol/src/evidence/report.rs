//! What verified evidence says: what was asked, from the challenge, and what was shown, each line beside the member it quotes.

use super::TrustAnchor;
use crate::answer::{Answer, Decision};
use crate::challenge::Challenge;
use crate::enrollment::EnrollmentStatement;
use crate::outcome::Ending;
use crate::transcript::{ExpectedLine, Line, LineCaption, Locale, Source, TranscriptBasis};

/// The contents of verified evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whether issuer and root are among the trusted ones.
    pub authenticated: bool,
    /// The issuer and root that signed, trusted or not, and the newest manifest of the chain.
    pub signed_by: TrustAnchor,
    /// The enrollment statement in force.
    pub statement: EnrollmentStatement,
    /// The challenge.
    pub challenge: Challenge,
    /// What was asked, line by line, from the challenge and the statement.
    pub asked: Vec<ExpectedLine>,
    /// The answer, if one was given.
    pub answer: Option<Answer>,
    /// Whether the answer is by the approval key, after user verification.
    pub by_approval_key: bool,
    /// The origin of the page that was the device: of a passkey's answer by its own client data, else by the statement. `None`: no page.
    pub page: Option<String>,
    /// Whether the passkey that signed was backed up then (BS), as its authenticator says. `None`: no passkey signed.
    pub backup_state: Option<bool>,
    /// The lines that were shown, each with what backs it.
    pub lines: Vec<ShownLine>,
    /// How it ended, if known.
    pub ending: Option<Ending>,
    /// Whether the person disputed it afterwards.
    pub disputed: bool,
    /// Whether the chain lacks the newest manifest that a trust anchor names.
    pub lacks_manifest: bool,
}

impl Report {
    /// Whether nothing is missing: there is an outcome, and every manifest that was named.
    pub const fn is_complete(&self) -> bool {
        self.ending.is_some() && !self.lacks_manifest
    }

    /// Whether the page that was the device came from the provider itself; `None`: no page.
    pub fn is_page_of_provider(&self) -> Option<bool> {
        self.page.as_ref().map(|page| *page == self.signed_by.issuer.origin())
    }

    /// Whether it ended approved and was not disputed.
    pub fn is_approved(&self) -> bool {
        let approves = self.answer.as_ref().is_some_and(|answer| answer.decision == Decision::Approved);
        approves && self.ending == Some(Ending::Approved) && !self.disputed
    }
}

/// A line that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownLine {
    /// The line, as it was shown.
    pub line: Line,
    /// What signature backs it.
    pub basis: Basis,
    /// The verifier's own caption for it in English, where the device called it something else. `None` for the device's own words.
    pub means: Option<String>,
}

/// What signature backs a line of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// Its value is the member of the challenge that it names, which the gateway signed.
    Challenge,
    /// Its value is the member of the enrollment statement that it names, which the gateway signed.
    Statement,
    /// The device's own wording, signed by the device alone.
    Device,
}

/// The lines with what backs each; they were checked before.
pub(super) fn shown(lines: Vec<Line>, asked: &TranscriptBasis<'_>) -> Vec<ShownLine> {
    let expected = asked.expected();
    let shown = lines.into_iter().map(|line| {
        let basis = match &line.from {
            Source::Challenge(_) => Basis::Challenge,
            Source::Statement(_) => Basis::Statement,
            Source::Device => Basis::Device,
        };
        let own = expected.iter().find(|own| own.from == line.from && own.value == line.value);
        let is_unknown = |own: &&ExpectedLine| match &own.caption {
            LineCaption::Member { name, path } => line.label != *name && line.label != *path,
            caption => Locale::ALL.iter().all(|locale| caption.label(*locale) != line.label),
        };
        let means = own.filter(is_unknown).map(|own| own.caption.label(Locale::En));
        ShownLine { line, basis, means }
    });
    shown.collect()
}
