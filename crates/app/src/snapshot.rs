//! Everything a page shows, at one moment. A page draws this and invents nothing.

use countersign_device::account::AccountStatus;
use countersign_device::device_event::OfflineReason;
use countersign_device::transcript::{Locale, Role};
use countersign_device::view::{AccountView, ChallengeView};
use countersign_protocol::discovery;
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::kind::Kind;
use countersign_protocol::registration::KeyProtection;
use countersign_protocol::text::escape;
use countersign_protocol::transcript::{Line as TranscriptLine, LineValue};
use serde::Serialize;

use crate::appearance::Appearance;
use crate::failure::Failure;
use crate::results::RequestResult;

/// Everything at one moment.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Snapshot {
    /// Grows with each snapshot of one run; an older one that comes late is to be dropped.
    #[cfg_attr(test, ts(type = "number"))]
    pub revision: u64,
    /// The version of the app.
    pub version: String,
    /// The language of what is shown.
    #[cfg_attr(test, ts(type = "\"en\" | \"de\""))]
    pub locale: Locale,
    /// Light or dark.
    pub appearance: Appearance,
    /// Why there is no device, where it could not be opened.
    pub trouble: Option<Failure>,
    /// Whether a link waits that was given from outside.
    pub link_waiting: bool,
    /// Grows with each link that was given from outside.
    pub link_revision: u32,
    /// What this device could be called.
    pub suggested_device_name: String,
    /// All accounts, oldest first.
    pub accounts: Vec<AccountLine>,
    /// What waits for an answer, the oldest deadline first; what is held back is among it.
    pub requests: Vec<PendingRequest>,
    /// Answers that were signed and are still to be taken by a provider.
    pub kept: Vec<RequestResult>,
    /// What ended since the start, newest first, 20 at most.
    pub results: Vec<RequestResult>,
}

/// One account.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AccountLine {
    /// Its id on this device.
    pub account: String,
    /// The provider's address.
    pub issuer: String,
    /// Its host.
    pub host: String,
    /// Its registrable domain.
    pub domain: String,
    /// Who the account is of.
    pub subject_label: String,
    /// What this device is called there.
    pub device_name: String,
    /// Whether the provider knows this device.
    #[cfg_attr(test, ts(type = "\"unconfirmed\" | \"active\" | \"not_known\" | \"suspended\" | \"revoked\""))]
    pub status: &'static str,
    /// Since when, for `not_known`, `suspended` and `revoked`; seconds since the epoch.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub since: Option<u64>,
    /// Why it can't be used on this device, in English words, where it can't.
    pub unusable: Option<String>,
    /// Whether its approval key still exists.
    pub can_approve: bool,
    /// What keeps the approval key.
    #[cfg_attr(test, ts(type = "string"))]
    pub key_protection: KeyProtection,
    /// Whether its provider is for tests.
    pub test: bool,
    /// Since when the provider is offline, seconds since the epoch.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub offline_since: Option<u64>,
    /// Why.
    #[cfg_attr(test, ts(type = "\"unreachable\" | \"not_the_provider\" | \"no_reply\" | \"unwell\" | null"))]
    pub offline_why: Option<OfflineReason>,
    /// When the provider last replied, seconds since the epoch.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub checked_at: Option<u64>,
    /// How many requests wait.
    pub pending: usize,
    /// The code to type where the link came from, while it is not confirmed.
    pub confirmation_code: Option<String>,
    /// The provider's own help line.
    pub support: Option<Support>,
}

/// A provider's help line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Support {
    /// A telephone number.
    pub phone: Option<String>,
    /// A web page, to be shown and not followed.
    pub url: Option<String>,
}

/// A request that waits for an answer.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PendingRequest {
    /// Its id.
    pub id: String,
    /// Whose.
    pub account: String,
    /// What it is about.
    #[cfg_attr(test, ts(type = "\"login\" | \"payment\" | \"consent\" | \"device\" | \"other\""))]
    pub kind: Kind,
    /// Whether a person saw it.
    pub seen: bool,
    /// Muted: to be listed apart.
    pub held: bool,
    /// Whether its provider is for tests.
    pub test: bool,
    /// Whether nothing of this client was ever approved on this account.
    pub first_request: bool,
    /// Who asks.
    pub client_name: String,
    /// Whether the operator vouches for that name.
    pub client_verified: bool,
    /// Who issues the tokens.
    pub provider_name: String,
    /// Where.
    pub provider_host: String,
    /// How the person proves that they look at the right request.
    pub interaction: Interaction,
    /// Whether approving will ask for the PIN.
    pub needs_pin: bool,
    /// Milliseconds left by the provider's clock, at the moment of the snapshot.
    #[cfg_attr(test, ts(type = "number"))]
    pub left_ms: u64,
    /// Whether some of its details are of an unknown type, which is to be confirmed once more.
    pub unrecognised: bool,
    /// The hash of what is shown, to be handed back with the answer.
    pub display_hash: String,
    /// The language of the lines.
    pub locale: String,
    /// What is to be shown.
    pub lines: Vec<Line>,
}

/// How the person proves that they look at the right request.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Interaction {
    /// Which way.
    #[serde(rename = "type")]
    #[cfg_attr(test, ts(type = "\"boolean\" | \"number_choose\" | \"input_manual\""))]
    pub kind: InteractionType,
    /// The numbers to choose from.
    pub choices: Option<Vec<String>>,
    /// How many digits to type.
    pub length: Option<u32>,
}

/// One line of a transcript and where it belongs.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(
    test,
    ts(
        type = "{ label: string, prominence: 1 | 2 | 3, role: Role } & ({ type: \"text\" | \"date\" | \"account\" | \"section\", value: string } | { type: \"money\", value: Money })"
    )
)]
pub struct Line {
    /// What it is about.
    pub role: Role,
    /// Label, type, value and prominence.
    #[serde(flatten)]
    pub line: TranscriptLine,
}

impl AccountLine {
    pub(crate) fn render(view: AccountView, code: Option<String>) -> AccountLine {
        let (status, since) = match view.status {
            AccountStatus::Unconfirmed => ("unconfirmed", None),
            AccountStatus::Active => ("active", None),
            AccountStatus::NotKnown { since } => ("not_known", Some(since)),
            AccountStatus::Suspended { since } => ("suspended", Some(since)),
            AccountStatus::Revoked { at } => ("revoked", Some(at)),
        };
        AccountLine {
            account: view.account.to_string(),
            host: view.issuer.host(),
            domain: countersign_device::domain::Domain::of(&view.issuer).shown,
            issuer: view.issuer.as_str().to_owned(),
            subject_label: escape(&view.subject_label),
            device_name: escape(&view.device_name),
            status,
            since,
            unusable: view.unusable,
            can_approve: view.can_approve,
            key_protection: view.key_protection,
            test: view.test,
            offline_since: view.offline_since,
            offline_why: view.offline_why,
            checked_at: view.checked_at,
            pending: view.pending,
            confirmation_code: code,
            support: view.support.as_ref().map(Support::from),
        }
    }
}

impl From<&discovery::Support> for Support {
    fn from(support: &discovery::Support) -> Support {
        let shown = |text: &Option<String>| text.as_deref().map(escape);
        Support { phone: shown(&support.phone), url: shown(&support.url) }
    }
}

impl PendingRequest {
    pub(crate) fn render(view: ChallengeView, needs_pin: bool) -> PendingRequest {
        let display_hash = view.transcript.freeze().hash().to_string();
        let locale = view.transcript.locale;
        let lines = view.roles.into_iter().zip(view.transcript.lines);
        PendingRequest {
            id: view.id.to_string(),
            account: view.account.to_string(),
            kind: view.kind,
            seen: view.stage != countersign_device::ports::vault::Stage::Received,
            held: view.held,
            test: view.test,
            first_request: view.first_request,
            client_name: escape(&view.client.name),
            client_verified: view.client.verified,
            provider_name: escape(&view.provider.name),
            provider_host: view.provider.issuer.host(),
            interaction: Interaction {
                kind: view.interaction.kind,
                choices: view.interaction.choices,
                length: view.interaction.length,
            },
            needs_pin,
            left_ms: view.left_ms,
            unrecognised: view.unrecognised,
            display_hash,
            locale,
            lines: lines.map(|(role, line)| Line { role, line }).collect(),
        }
    }
}

/// The amount at first sight among lines.
pub(crate) fn amount_of(lines: &[TranscriptLine]) -> Option<countersign_protocol::transcript::Money> {
    lines.iter().find_map(|line| match &line.value {
        LineValue::Money(money) if line.prominence == 1 => Some(money.clone()),
        _ => None,
    })
}
