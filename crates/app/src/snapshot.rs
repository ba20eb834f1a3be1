//! Snapshot: everything a page shows, at one moment. A page renders it and derives no facts of its own.

use countersign_device::account::AccountStatus;
use countersign_device::device_event::OfflineReason;
use countersign_device::transcript::{Locale, Role};
use countersign_device::view::{AccountView, ChallengeView};
use countersign_protocol::discovery;
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::kind::Kind;
use countersign_protocol::push::PushState;
use countersign_protocol::registration::KeyProtection;
use countersign_protocol::text::escape;
use countersign_protocol::transcript::{Line as TranscriptLine, LineValue};
use serde::Serialize;

use crate::appearance::Appearance;
use crate::failure::Failure;
use crate::results::RequestResult;
use crate::waking_state::Waking;

/// Everything a page shows, at one moment.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Snapshot {
    /// Grows with each snapshot of one run. A page drops one that is older than the last it got.
    #[cfg_attr(test, ts(type = "number"))]
    pub revision: u64,
    /// The app's version.
    pub version: String,
    /// The language to show everything in.
    #[cfg_attr(test, ts(type = "\"en\" | \"de\""))]
    pub locale: Locale,
    /// The window's appearance.
    pub appearance: Appearance,
    /// Why there is no device, where it could not be opened.
    pub trouble: Option<Failure>,
    /// Whether a link was offered from outside.
    pub link_waiting: bool,
    /// Grows with each link that is offered from outside.
    pub link_revision: u32,
    /// A suggestion for the device's name.
    pub suggested_device_name: String,
    /// All accounts in the order of their enrollment.
    pub accounts: Vec<AccountLine>,
    /// Requests that wait for an answer, the earliest expiry first, those held back included.
    pub requests: Vec<PendingRequest>,
    /// Answered requests without an outcome yet.
    pub kept: Vec<RequestResult>,
    /// Requests that ended since the start, newest first, 20 at most.
    pub results: Vec<RequestResult>,
}

/// An account.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AccountLine {
    /// The account's id on this device.
    pub account: String,
    /// The provider's issuer.
    pub issuer: String,
    /// The issuer's host.
    pub host: String,
    /// The issuer's registrable domain.
    pub domain: String,
    /// The user's name.
    pub subject_label: String,
    /// The device's name at the provider.
    pub device_name: String,
    /// Whether the provider knows this device.
    #[cfg_attr(test, ts(type = "\"unconfirmed\" | \"active\" | \"not_known\" | \"suspended\" | \"revoked\""))]
    pub status: &'static str,
    /// Since when, for `not_known`, `suspended` and `revoked`; seconds since the epoch.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub since: Option<u64>,
    /// Why it can't be used on this device, in English, where it can't.
    pub unusable: Option<String>,
    /// Whether its approval key still exists.
    pub can_approve: bool,
    /// What protects the approval key.
    #[cfg_attr(test, ts(type = "string"))]
    pub key_protection: KeyProtection,
    /// Whether its provider is for tests.
    pub test: bool,
    /// Since when the provider is offline, seconds since the epoch.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub offline_since: Option<u64>,
    /// Why the provider is offline.
    #[cfg_attr(test, ts(type = "OfflineReason | null"))]
    pub offline_why: Option<OfflineReason>,
    /// When the provider last replied, seconds since the epoch.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub checked_at: Option<u64>,
    /// How many requests wait for an answer.
    pub pending: usize,
    /// Whether the same user has another account on this device that takes part: enrolled again since.
    pub replaced: bool,
    /// The code to type where the link came from, while it is not confirmed.
    pub confirmation_code: Option<String>,
    /// The provider's support contact.
    pub support: Option<Support>,
    /// Whether the provider can wake this device; `null` where nothing wakes it.
    pub waking: Option<Waking>,
    /// What the provider says of the address where it wakes this device; `null` before it said anything.
    #[cfg_attr(test, ts(type = "\"none\" | \"ok\" | \"gone\" | \"rekey\" | \"off\" | null"))]
    pub push: Option<PushState>,
}

/// A provider's support contact.
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
    /// The challenge's id.
    pub id: String,
    /// The account's id on this device.
    pub account: String,
    /// The user's id at the provider, for whom it is.
    pub subject: String,
    /// The user's name.
    pub subject_label: String,
    /// What is asked for.
    #[cfg_attr(test, ts(type = "\"login\" | \"payment\" | \"consent\" | \"device\" | \"other\""))]
    pub kind: Kind,
    /// Whether a person has seen it.
    pub seen: bool,
    /// Held back because of limits: listed apart, never notified.
    pub held: bool,
    /// Whether its provider is for tests.
    pub test: bool,
    /// Whether nothing of this client was ever approved on this account.
    pub first_request: bool,
    /// For how long Approve is inert after the request appears, in milliseconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub inert_ms: u64,
    /// The client's name.
    pub client_name: String,
    /// Whether the provider's operator has verified that name.
    pub client_verified: bool,
    /// The name of the provider that issues the tokens.
    pub provider_name: String,
    /// That provider's host.
    pub provider_host: String,
    /// The interaction that binds the answer to the screen where the request began.
    pub interaction: Interaction,
    /// Whether approving needs the PIN now.
    pub needs_pin: bool,
    /// Milliseconds until it expires by the provider's clock, at the moment of the snapshot; `null` while that clock is not
    /// known.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub left_ms: Option<u64>,
    /// Whether some `authorization_details` are of an unknown type: the page asks the person once more.
    pub unrecognised: bool,
    /// The hash of the transcript, to be sent back with the answer.
    pub display_hash: String,
    /// The language of the lines.
    pub locale: String,
    /// The transcript's lines.
    #[cfg_attr(test, ts(type = "TranscriptLine[]"))]
    pub lines: Vec<TranscriptLine>,
}

/// The interaction that binds the answer to the screen where the request began.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Interaction {
    /// The interaction's type.
    #[serde(rename = "type")]
    #[cfg_attr(test, ts(type = "\"boolean\" | \"number_choose\" | \"input_manual\""))]
    pub kind: InteractionType,
    /// The numbers to choose from, for `number_choose`.
    pub choices: Option<Vec<String>>,
    /// How many digits to type, for `input_manual`.
    pub length: Option<u32>,
}

impl AccountLine {
    pub(crate) fn render(
        view: AccountView,
        replaced: bool,
        code: Option<String>,
        waking: Option<Waking>,
    ) -> AccountLine {
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
            replaced,
            confirmation_code: code,
            support: view.support.as_ref().map(Support::from),
            waking,
            push: view.push.state,
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
        let (display_hash, inert_ms) = (view.transcript.freeze().hash().to_string(), view.inert_ms());
        let locale = view.transcript.locale;
        let lines = view.transcript.lines;
        PendingRequest {
            id: view.id.to_string(),
            account: view.account.to_string(),
            subject: escape(view.subject.as_str()),
            subject_label: escape(&view.subject_label),
            kind: view.kind,
            seen: view.stage != countersign_device::ports::vault::Stage::Received,
            held: view.held,
            test: view.test,
            first_request: view.first_request,
            inert_ms,
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
            lines,
        }
    }
}

/// The first amount of a payment.
pub(crate) fn amount_of(lines: &[TranscriptLine]) -> Option<countersign_protocol::transcript::Money> {
    lines.iter().find_map(|line| match &line.value {
        LineValue::Money(money) if line.role == Role::Amount => Some(money.clone()),
        _ => None,
    })
}
