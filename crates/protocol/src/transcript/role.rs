//! Roles of a transcript's lines: what each line is about. The table says where a role's value may come from.

use serde::{Deserialize, Serialize};

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// The provider is for tests.
    Test,
    /// The request is practice: it moves nothing.
    Practice,
    /// The kind of request, in a word.
    Kind,
    /// The request is held back, and why.
    Held,
    /// Nothing of this client was approved on this account before.
    FirstRequest,
    /// Like one that was approved just now.
    Repeat,
    /// How many digits to enter, or that a number is to be chosen.
    Number,
    /// What to check before answering.
    Warning,
    /// A heading.
    Section,
    /// For whom: the user of the account.
    Subject,
    /// The client that asks, by a name that the operator verified.
    Client,
    /// The client that asks, by a name that it gave itself.
    ClientClaimed,
    /// The client's id.
    ClientId,
    /// The provider that issues the tokens.
    Provider,
    /// The provider in whose name the gateway says that it asks.
    ProviderClaimed,
    /// The issuer of the tokens.
    ProviderAddress,
    /// The gateway that passes the request on, where it is another than the provider.
    Gateway,
    /// The client's `binding_message`.
    Message,
    /// The scope that the client asks for.
    Scope,
    /// The `acr_values` that the client asks for.
    Assurance,
    /// A number to choose from.
    Choice,
    /// The till or desk that asks.
    Terminal,
    /// Context that the client or the provider adds.
    Context,
    /// When the request was made.
    AskedAt,
    /// When the request expires.
    AnswerUntil,
    /// The amount of a payment.
    Amount,
    /// The payee of a payment.
    Payee,
    /// An account number.
    Account,
    /// Another member of known details.
    Detail,
    /// A member of the details under the client's own name for it.
    ClientDetail,
}

impl Role {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Practice => "practice",
            Self::Kind => "kind",
            Self::Held => "held",
            Self::FirstRequest => "first_request",
            Self::Repeat => "repeat",
            Self::Number => "number",
            Self::Warning => "warning",
            Self::Section => "section",
            Self::Subject => "subject",
            Self::Client => "client",
            Self::ClientClaimed => "client_claimed",
            Self::ClientId => "client_id",
            Self::Provider => "provider",
            Self::ProviderClaimed => "provider_claimed",
            Self::ProviderAddress => "provider_address",
            Self::Gateway => "gateway",
            Self::Message => "message",
            Self::Scope => "scope",
            Self::Assurance => "assurance",
            Self::Choice => "choice",
            Self::Terminal => "terminal",
            Self::Context => "context",
            Self::AskedAt => "asked_at",
            Self::AnswerUntil => "answer_until",
            Self::Amount => "amount",
            Self::Payee => "payee",
            Self::Account => "account",
            Self::Detail => "detail",
            Self::ClientDetail => "client_detail",
        }
    }
}
