//! Roles of transcript lines, for a screen to lay them out. A line's text does not depend on its role.

use countersign_protocol::transcript::Transcript;
use serde::Serialize;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// The provider is for tests.
    Test,
    /// The kind of request, in a word.
    Kind,
    /// The request is held back, and why.
    Held,
    /// Nothing of this client was approved on this account before.
    FirstRequest,
    /// The client that asks.
    Client,
    /// The provider that issues the tokens.
    Provider,
    /// The provider's host.
    ProviderAddress,
    /// The provider that passes the request on, where it is another.
    ByWayOf,
    /// The amount of a payment.
    Amount,
    /// The payee of a payment.
    Payee,
    /// Another member of the client's `authorization_details`.
    Detail,
    /// A heading.
    Section,
    /// The client's `binding_message`.
    Message,
    /// How many digits to enter, or the numbers to choose from.
    Number,
    /// What to check before answering.
    Warning,
    /// A scope that the client asks for.
    Scope,
    /// The `acr_values` that the client asks for.
    Assurance,
    /// Context that the client or the provider adds.
    Context,
    /// The client's id.
    ClientId,
    /// When the request was made.
    AskedAt,
    /// When the request expires.
    AnswerUntil,
}

/// A transcript with its lines' roles.
#[derive(Clone, Debug)]
pub struct RenderedTranscript {
    /// The lines, whose hash an answer signs.
    pub transcript: Transcript,
    /// The role of each line.
    pub roles: Vec<Role>,
    /// Whether some `authorization_details` are of a type without a template in this version: a screen asks the person
    /// once more.
    pub unrecognised: bool,
}
