//! Views of requests and accounts for listeners: the verified challenge's members, and the transcript to show.

use countersign_jose::clock::Timestamp;
use countersign_protocol::challenge::{Client, Party};
use countersign_protocol::discovery::Support;
use countersign_protocol::id::{ChallengeId, DeviceId, Subject};
use countersign_protocol::interaction::{InteractionType, UserVerification};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::kind::Kind;
use countersign_protocol::limits;
use countersign_protocol::push::PushState;
use countersign_protocol::registration::{DeviceClass, KeyProtection};
use countersign_protocol::transcript::Transcript;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::account::{Account, AccountId, AccountStatus};
use crate::device_event::OfflineReason;
use crate::ports::vault::Stage;
use crate::transcript::{self, Locale, RenderedRequest, RenderedTranscript};

/// A verified request that waits for an answer, rendered in one language.
#[derive(Clone, Debug, Serialize)]
pub struct ChallengeView {
    /// The account it was sent to.
    pub account: AccountId,
    /// The user's id at the provider, for whom it is.
    pub subject: Subject,
    /// The user's name, not escaped.
    pub subject_label: String,
    /// The challenge's id.
    pub id: ChallengeId,
    /// What is asked for.
    pub kind: Kind,
    /// The client that asks.
    pub client: Client,
    /// The provider that issues the tokens.
    pub provider: Party,
    /// The client's message, verbatim; a terminal shows the transcript's line, which is escaped.
    pub binding_message: Option<String>,
    /// The client's details, byte for byte.
    pub authorization_details: Option<Box<RawValue>>,
    /// The scope, as the client sent it.
    pub scope: Option<String>,
    /// The till or counter it comes from, in the client's words.
    pub terminal: Option<String>,
    /// The interaction that binds the answer to the screen where the request began.
    pub interaction: InteractionView,
    /// Whether approving needs user verification.
    pub user_verification: UserVerification,
    /// When the challenge was issued, seconds since the epoch.
    pub issued_at: u64,
    /// Answers that arrive at this time or later do not count; seconds since the epoch, by the provider's clock.
    pub expires_at: u64,
    /// Held back because of limits: listed, but never notified.
    pub held: bool,
    /// Whether it is practice: nothing comes of it, whatever is answered.
    pub practice: bool,
    /// Whether the provider is for tests.
    pub test: bool,
    /// How far it has come on this device.
    pub stage: Stage,
    /// Milliseconds until it expires by the provider's clock, at the time of rendering; `None` while that clock is not
    /// known, for the device's own may be wrong.
    #[serde(skip)]
    pub left_ms: Option<u64>,
    /// Whether nothing of this client was ever approved on this account.
    #[serde(skip)]
    pub first_request: bool,
    /// Whether it is like one that was approved a moment ago.
    #[serde(skip)]
    pub repeated: bool,
    /// Whether some of its details are of a type that this version has no template for.
    #[serde(skip)]
    pub unrecognised: bool,
    /// The lines to show; an answer signs their hash.
    #[serde(skip)]
    pub transcript: Transcript,
}

/// The interaction's type and what it needs of the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InteractionView {
    /// The type.
    #[serde(rename = "type")]
    pub kind: InteractionType,
    /// The numbers to choose from, for `number_choose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choices: Option<Vec<String>>,
    /// How many digits to type, for `input_manual`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
}

impl ChallengeView {
    /// Renders a verified challenge in a language, at a time.
    pub fn render(
        account: &AccountId,
        asked: &RenderedRequest<'_>,
        stage: Stage,
        locale: Locale,
        now: Option<Timestamp>,
    ) -> ChallengeView {
        let RenderedRequest { challenge, statement, facts } = *asked;
        let claims = challenge.claims();
        let RenderedTranscript { transcript, unrecognised } = transcript::render(asked, locale);
        let details = claims.authorization_details_json.clone();
        ChallengeView {
            account: account.clone(),
            subject: statement.sub.clone(),
            subject_label: statement.subject_label.clone().unwrap_or_else(|| statement.sub.to_string()),
            id: claims.jti.clone(),
            kind: claims.kind,
            client: claims.client.clone(),
            provider: claims.provider.clone(),
            binding_message: claims.binding_message.clone(),
            // Verified details are JSON, so that this keeps them; white space around them is not part of a raw value.
            authorization_details: details.and_then(|text| RawValue::from_string(text.trim().to_owned()).ok()),
            scope: claims.scope.clone(),
            terminal: claims.terminal().map(str::to_owned),
            interaction: InteractionView {
                kind: claims.interaction.kind,
                choices: claims.interaction.choices.clone(),
                length: claims.interaction.length,
            },
            user_verification: claims.user_verification,
            issued_at: claims.iat,
            expires_at: claims.exp,
            held: claims.held,
            practice: claims.practice,
            test: facts.test,
            stage,
            // Never more than its whole life, whatever the clocks say.
            left_ms: now.map(|now| {
                let life_ms = claims.exp.saturating_sub(claims.iat).saturating_mul(1000);
                Timestamp::from_seconds(claims.exp).millis_since(now).min(life_ms)
            }),
            first_request: facts.first_request,
            repeated: facts.repeat.is_some(),
            unrecognised,
            transcript,
        }
    }
}

impl ChallengeView {
    /// For how long Approve is inert after the request appears, in milliseconds.
    pub const fn inert_ms(&self) -> u64 {
        if self.repeated { limits::REPEAT_INERT_MILLISECONDS } else { limits::APPROVE_INERT_MILLISECONDS }
    }
}

/// An account, with what is known of its provider at this moment.
#[derive(Clone, Debug, Serialize)]
pub struct AccountView {
    /// Its id on this device.
    pub account: AccountId,
    /// The provider.
    pub issuer: Issuer,
    /// The user's id at the provider.
    pub subject: Subject,
    /// The user's name, not escaped.
    pub subject_label: String,
    /// This device's id at the provider.
    pub device_id: DeviceId,
    /// What the person called this device.
    pub device_name: String,
    /// Whether a person or a program answers.
    pub device_class: DeviceClass,
    /// What protects the approval key.
    pub key_protection: KeyProtection,
    /// Whether the approval key still exists; ten wrong PINs destroy it.
    pub can_approve: bool,
    /// Whether the provider knows this device.
    #[serde(flatten)]
    pub status: AccountStatus,
    /// Why this account can't be used on this device, in English, where it can't. Nothing of it was changed or removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
    /// Whether several people use this device, each with a PIN of their own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// Whether the provider is for tests.
    pub test: bool,
    /// Since when the provider is offline (seconds since the epoch), if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline_since: Option<u64>,
    /// Why it is offline, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline_why: Option<OfflineReason>,
    /// When the provider last replied since the start, by this device's clock (seconds since the epoch).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<u64>,
    /// How many requests wait for an answer.
    pub pending: usize,
    /// The provider's time by the best estimate; `None` before the first reply since the enrollment.
    #[serde(skip)]
    pub provider_time: Option<Timestamp>,
    /// The provider's support contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support: Option<Support>,
    /// Whether the provider wakes this device.
    #[serde(skip)]
    pub push: PushView,
}

/// Whether a provider wakes this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushView {
    /// Whether it took an address of this device.
    pub told: bool,
    /// Whether it had an endpoint for that at the enrollment.
    pub supported: bool,
    /// What it says; `None` before the first fetch since the start.
    pub state: Option<PushState>,
}

impl AccountView {
    /// Renders an account.
    pub fn render(
        account: &Account,
        can_approve: bool,
        offline: Option<(u64, OfflineReason)>,
        pending: usize,
    ) -> AccountView {
        AccountView {
            account: account.id.clone(),
            issuer: account.issuer.clone(),
            subject: account.subject.clone(),
            subject_label: account.subject_label.clone(),
            device_id: account.device_id.clone(),
            device_name: account.device_name.clone(),
            device_class: account.device_class,
            key_protection: account.key_protection,
            can_approve,
            status: account.status.clone(),
            unusable: None,
            shared: account.shared,
            test: account.test,
            offline_since: offline.map(|(since, _)| since),
            offline_why: offline.map(|(_, why)| why),
            checked_at: None,
            pending,
            provider_time: None,
            support: account.support.clone(),
            push: PushView {
                told: account.push_told.is_some(),
                supported: account.endpoints.device.is_some(),
                state: None,
            },
        }
    }

    /// The same, with what the provider says of this device's push address.
    pub fn pushed(self, state: Option<PushState>) -> AccountView {
        AccountView { push: PushView { state, ..self.push }, ..self }
    }

    /// The same, with when the provider last replied.
    pub fn checked(self, at: Option<u64>) -> AccountView {
        AccountView { checked_at: at, ..self }
    }

    /// The same, with the provider's time.
    pub fn at(self, provider_time: Option<Timestamp>) -> AccountView {
        AccountView { provider_time, ..self }
    }

    /// Why this account gets no requests and its answers don't count, and what to do, in English; `None` where it takes
    /// part or waits for its confirmation code.
    pub fn no_part(&self) -> Option<&str> {
        self.unusable.as_deref().or_else(|| self.status.no_part())
    }

    /// The same, with why the account can't be used, if it can't.
    pub fn unusable(self, why: Option<String>) -> AccountView {
        AccountView { unusable: why, ..self }
    }
}
