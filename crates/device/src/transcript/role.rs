//! What a line of a transcript is about, so that a screen can put it in its place. The words are the line's own.

use countersign_protocol::transcript::Transcript;
use serde::Serialize;

/// Where a line belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// The provider is for tests.
    Test,
    /// What the request is about, in a word.
    Kind,
    /// It is held back, and why.
    Held,
    /// Nothing of this client was approved here before.
    FirstRequest,
    /// Who asks.
    Client,
    /// Who issues the tokens.
    Provider,
    /// Its address.
    ProviderAddress,
    /// The provider that passes the request on, where it is another.
    ByWayOf,
    /// How much is to be paid.
    Amount,
    /// Who is to be paid.
    Payee,
    /// Something else of the client's details.
    Detail,
    /// A heading above details.
    Section,
    /// The client's message.
    Message,
    /// Which number is to be entered or chosen.
    Number,
    /// What to ask oneself before answering.
    Warning,
    /// What the client asks for beside a sign-in.
    Scope,
    /// The assurance the client wants.
    Assurance,
    /// What the client or the provider says about the person's side.
    Context,
    /// The client's id.
    ClientId,
    /// When it was asked.
    AskedAt,
    /// When the time is over.
    AnswerUntil,
}

/// A transcript, and what a screen needs to lay it out.
#[derive(Clone, Debug)]
pub struct RenderedTranscript {
    /// The lines, whose hash an answer signs.
    pub transcript: Transcript,
    /// One for each line.
    pub roles: Vec<Role>,
    /// Whether something in it is of a type that this version has no template for: to be confirmed once more.
    pub unrecognised: bool,
}
