//! Rendering a verified challenge as the lines a person reads: those that the protocol's table demands, and the device's own words
//! beside them. The answer signs the hash of these lines.

mod catalogue;

use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::challenge::VerifiedChallenge;
use countersign_protocol::enrollment::EnrollmentStatement;
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::kind::Kind;
use countersign_protocol::text::escape;
use countersign_protocol::transcript::{Caption, Line, Transcript, TranscriptBasis};

pub use catalogue::ending;
use catalogue::{fill, words};
pub use countersign_protocol::transcript::{Locale, Role};

/// A transcript, and what a screen must know of it beside the lines.
#[derive(Clone, Debug)]
pub struct RenderedTranscript {
    /// The lines, whose hash an answer signs.
    pub transcript: Transcript,
    /// Whether some `authorization_details` are of a type without a template in this version, or can't be read by it: a screen
    /// asks the person once more.
    pub unrecognised: bool,
}

/// What the device itself knows about a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceFacts {
    /// The provider is for tests.
    pub test: bool,
    /// Nothing of this client was ever approved on this account.
    pub first_request: bool,
    /// The provider that a gateway names has confirmed that the gateway asks in its name.
    pub is_confirmed: bool,
    /// A payment like it was approved on this account within the ten minutes before it was asked, or while it waited.
    pub repeat: Option<Repeat>,
}

/// An approval that a later request is like: same client, amounts and payees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// What people call that approval.
    pub approval_ref: ApprovalRef,
    /// How long before the request it was given, in seconds; 0: while the request waited.
    pub seconds: u64,
}

/// A request, and what is said of it beside its challenge.
#[derive(Clone, Copy, Debug)]
pub struct RenderedRequest<'r> {
    /// The challenge.
    pub challenge: &'r VerifiedChallenge,
    /// An enrollment statement that was in force since the challenge was signed: says for whom it is.
    pub statement: &'r EnrollmentStatement,
    /// What the device says in its own words.
    pub facts: DeviceFacts,
}

/// Renders a challenge in a language. Everything that the client sent is in some line, in full; text from outside is
/// escaped where it could deceive.
pub fn render(asked: &RenderedRequest<'_>, locale: Locale) -> RenderedTranscript {
    let RenderedRequest { challenge, statement, facts } = *asked;
    let asked = TranscriptBasis::new(challenge, statement);
    let mut lines = asked.lines(locale);
    if facts.is_confirmed {
        for line in lines.iter_mut().filter(|line| line.role == Role::ProviderClaimed) {
            line.role = Role::Provider;
            line.label = Caption::Provider.words(locale).to_owned();
            line.prominence = 1;
        }
    }
    let after = |lines: &[Line], roles: &[Role]| {
        lines.iter().rposition(|line| roles.contains(&line.role)).map_or(lines.len(), |at| at + 1)
    };
    if let Some(warning) = warning(challenge, facts, locale) {
        let at = lines.iter().position(|line| belongs_to_the_end(line.role)).unwrap_or(lines.len());
        lines.insert(at, warning);
    }
    if let Some(repeat) = facts.repeat {
        let at = after(&lines, &[Role::Client, Role::ClientClaimed]);
        lines.insert(at, Line::own(Role::Repeat, Caption::Repeat, locale, words(locale).like_the_one(repeat), 1));
    }
    if facts.first_request {
        let from = fill(words(locale).nothing_approved_for, &asked.client_name());
        let at = after(&lines, &[Role::Client, Role::ClientClaimed]);
        lines.insert(at, Line::own(Role::FirstRequest, Caption::FirstRequest, locale, from, 1));
    }
    if facts.test {
        lines.insert(0, Line::own(Role::Test, Caption::Test, locale, words(locale).test_only.to_owned(), 1));
    }
    let transcript = Transcript::new(challenge, locale.tag(), lines);
    RenderedTranscript { transcript, unrecognised: asked.is_unrecognised() }
}

/// What to check before answering, wherever somebody on the telephone could have asked for it.
fn warning(challenge: &VerifiedChallenge, facts: DeviceFacts, locale: Locale) -> Option<Line> {
    let claims = challenge.claims();
    let by_number = claims.interaction.kind != InteractionType::Boolean;
    let is_asked = by_number || claims.kind != Kind::Payment;
    is_asked.then(|| {
        // A foreign provider's name is what the gateway says that it is, until that provider has confirmed it.
        let is_claimed = claims.provider.issuer != claims.iss && !facts.is_confirmed;
        let name = if is_claimed { claims.iss.host() } else { escape(&claims.provider.name) };
        let words = fill(words(locale).did_you_start_this, &name);
        Line::own(Role::Warning, Caption::BeforeYouAnswer, locale, words, 2)
    })
}

/// Whether lines of this role come after everything that a person should read first.
const fn belongs_to_the_end(role: Role) -> bool {
    matches!(
        role,
        Role::Terminal
            | Role::Scope
            | Role::Assurance
            | Role::Context
            | Role::ClientId
            | Role::AskedAt
            | Role::AnswerUntil
    )
}

#[cfg(any(test, feature = "wasm-tests"))]
mod tests;
