//! `[policy]` of the provider, and `[clients.policy]`, which overrides it for one client.

use std::time::Duration;

use countersign_gateway::UnvouchedLimits;
use countersign_protocol::interaction::{InteractionType, UserVerification};
use countersign_protocol::limits;

use super::section::{Section, format_duration};
use crate::authorization_details::money::Money;

/// Limits and rules of authentication requests; keys and defaults as in docs/operating.md.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Lifetime of a request without `requested_expiry`.
    pub ttl: Duration,
    /// Longest lifetime that a client may request by `requested_expiry`.
    pub max_ttl: Duration,
    /// `interval` between two polls (CIBA Core §7.3).
    pub interval: Duration,
    /// Weakest accepted interaction.
    pub interaction_minimum: InteractionType,
    /// Whether an approval needs the user's PIN or biometrics.
    pub user_verification: UserVerification,
    /// Payments above any of these amounts, or in another currency, require user verification regardless.
    pub user_verification_above: Vec<Money>,
    /// Pending requests of one client to one user, above which further ones are held.
    pub max_pending: u32,
    /// Unanswered, denied or mismatched prompts of one client to one user in a minute, above which its requests are held.
    pub prompts_per_minute: u32,
    /// Prompts to a user by all clients together that are neither first-party nor verified, above which theirs are held.
    pub unvouched_prompts: UnvouchedLimits,
    /// How long a client's requests to a user are held after the first "not me".
    pub not_me: Duration,
    /// Whether a request about an unknown user is acknowledged and expires. `None`: for clients that are not first-party.
    pub hide_unknown_users: Option<bool>,
    /// Whether `not_me` is left out of the error that a client gets.
    pub hide_not_me: bool,
    /// Longest `binding_message`, in characters.
    pub binding_message_max: u32,
    /// Authentication requests of a client in a minute, above which further ones get 429.
    pub requests_per_minute: u32,
    /// Pending requests of a client, over all users, above which further ones get 429.
    pub pending_requests: u32,
    /// Whether requests about a user with a user code need it, also from clients that are not registered to send one.
    pub require_user_code: bool,
    /// Wrong user codes of a client in an hour, over all users.
    pub user_code_guesses_per_hour: u32,
    /// Lifetime of ID tokens and access tokens.
    pub token_ttl: Duration,
    /// How long after the approval refresh tokens are accepted.
    pub refresh_ttl: Duration,
    /// How long a token response is repeated to its client; 0: never.
    pub redeem_grace: Duration,
    /// How long the token endpoint holds a poll of a pending request (long polling); 0 responds at once.
    pub token_wait: Duration,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            ttl: Duration::from_secs(300),
            max_ttl: Duration::from_secs(600),
            interval: Duration::from_secs(5),
            interaction_minimum: InteractionType::Boolean,
            user_verification: UserVerification::Required,
            user_verification_above: Vec::new(),
            max_pending: 3,
            prompts_per_minute: 5,
            unvouched_prompts: UnvouchedLimits::default(),
            not_me: Duration::from_secs(15 * 60),
            hide_unknown_users: None,
            hide_not_me: false,
            binding_message_max: BINDING_MESSAGE_CHARACTERS,
            requests_per_minute: 600,
            pending_requests: 2000,
            require_user_code: false,
            user_code_guesses_per_hour: 100,
            token_ttl: Duration::from_secs(600),
            refresh_ttl: Duration::from_secs(30 * 86_400),
            redeem_grace: Duration::ZERO,
            token_wait: Duration::from_secs(25),
        }
    }
}

impl Policy {
    /// Reads a `[policy]` table over `base`. `keep_records` is the retention of approvals, which bounds `refresh_ttl`.
    pub(super) fn read(section: Section<'_>, base: &Policy, keep_records: Duration) -> Policy {
        let second = Duration::from_secs(1);
        let day = Duration::from_secs(86_400);
        let ttl = section.duration("ttl", second..=MAX_REQUEST_LIFETIME);
        let max_ttl = section.duration("max_ttl", second..=MAX_REQUEST_LIFETIME);
        let policy = Policy {
            ttl: ttl.as_ref().map_or(base.ttl, |found| found.value),
            max_ttl: max_ttl.as_ref().map_or(base.max_ttl, |found| found.value),
            interval: section.duration("interval", second..=Duration::from_secs(60)).map_or(base.interval, |f| f.value),
            interaction_minimum: section
                .choice("interaction_minimum", INTERACTIONS)
                .map_or(base.interaction_minimum, |f| f.value),
            user_verification: section
                .choice("user_verification", USER_VERIFICATIONS)
                .map_or(base.user_verification, |f| f.value),
            user_verification_above: amounts(&section).unwrap_or_else(|| base.user_verification_above.clone()),
            max_pending: section.number("max_pending", 1..=1000).unwrap_or(base.max_pending),
            prompts_per_minute: section.number("prompts_per_minute", 1..=1000).unwrap_or(base.prompts_per_minute),
            unvouched_prompts: unvouched_prompts(&section, base),
            not_me: section.duration("not_me", Duration::from_secs(60)..=day).map_or(base.not_me, |f| f.value),
            hide_unknown_users: section.flag("hide_unknown_users").or(base.hide_unknown_users),
            hide_not_me: section.flag("hide_not_me").unwrap_or(base.hide_not_me),
            binding_message_max: section
                .number("binding_message_max", 1..=BINDING_MESSAGE_CHARACTERS)
                .unwrap_or(base.binding_message_max),
            requests_per_minute: section
                .number("requests_per_minute", 1..=100_000_000)
                .unwrap_or(base.requests_per_minute),
            pending_requests: section.number("pending_requests", 1..=10_000_000).unwrap_or(base.pending_requests),
            require_user_code: section.flag("require_user_code").unwrap_or(base.require_user_code),
            user_code_guesses_per_hour: section
                .number("user_code_guesses_per_hour", 3..=1_000_000)
                .unwrap_or(base.user_code_guesses_per_hour),
            token_ttl: section
                .duration("token_ttl", Duration::from_secs(10)..=MAX_TOKEN_LIFETIME)
                .map_or(base.token_ttl, |f| f.value),
            refresh_ttl: section
                .duration("refresh_ttl", Duration::from_secs(60)..=400 * day)
                .map_or(base.refresh_ttl, |f| f.value),
            redeem_grace: section
                .duration("redeem_grace", Duration::ZERO..=MAX_REDEEM_GRACE)
                .map_or(base.redeem_grace, |f| f.value),
            token_wait: section
                .duration("token_wait", Duration::ZERO..=MAX_TOKEN_WAIT)
                .map_or(base.token_wait, |f| f.value),
        };
        if policy.ttl > policy.max_ttl {
            let at = ttl.or(max_ttl).map_or(section.at().clone(), |found| found.at);
            let (ttl, max_ttl) = (format_duration(policy.ttl), format_duration(policy.max_ttl));
            section.report(
                &at,
                format!("`ttl` ({ttl}) is longer than `max_ttl` ({max_ttl}); shorten one or lengthen the other"),
            );
        }
        if policy.user_verification == UserVerification::Required && section.has("user_verification_above") {
            let at = section.span_of("user_verification_above");
            let message = "`user_verification_above` changes nothing where `user_verification` is \"required\" anyway; set that to \"preferred\", or remove this";
            section.report(&at, message);
        }
        if section.has("refresh_ttl") && policy.refresh_ttl > keep_records {
            let (refresh, kept) = (format_duration(policy.refresh_ttl), format_duration(keep_records));
            let message = format!(
                "`refresh_ttl` ({refresh}) is longer than `keep_records` ({kept}), after which an approval is deleted; shorten one or lengthen the other"
            );
            section.report(&section.span_of("refresh_ttl"), message);
        }
        section.finish();
        policy
    }
}

/// Longest binding message, whatever the policy says, in characters.
const BINDING_MESSAGE_CHARACTERS: u32 = limits::BINDING_MESSAGE_CHARACTERS as u32;

/// Longest long poll (CIBA Core §10.1).
const MAX_TOKEN_WAIT: Duration = Duration::from_secs(30);

/// Longest time in which a token response is repeated.
const MAX_REDEEM_GRACE: Duration = Duration::from_secs(60);

/// Longest lifetime of an access token, whatever the policy says.
pub(crate) const MAX_TOKEN_LIFETIME: Duration = Duration::from_secs(86_400);

/// Longest lifetime of a request, whatever the policy says.
const MAX_REQUEST_LIFETIME: Duration = Duration::from_secs(limits::REQUEST_SECONDS);

/// `unvouched_prompts` with what it leaves out: one for the whole provider, since it counts over clients.
fn unvouched_prompts(section: &Section<'_>, base: &Policy) -> UnvouchedLimits {
    let at = section.span_of("unvouched_prompts");
    let Some(limits) = section.section("unvouched_prompts", " in [policy.unvouched_prompts]") else {
        return base.unvouched_prompts;
    };
    let read = UnvouchedLimits {
        per_minute: limits.number("per_minute", 1..=1000).unwrap_or(base.unvouched_prompts.per_minute),
        pending: limits.number("pending", 1..=1000).unwrap_or(base.unvouched_prompts.pending),
    };
    limits.finish();
    if section.is_within("[clients.policy]") {
        section.report(&at, "`unvouched_prompts` counts over all clients; set it in [policy]");
    }
    read
}

fn amounts(section: &Section<'_>) -> Option<Vec<Money>> {
    let texts = section.strings("user_verification_above")?;
    let amounts = texts.iter().filter_map(|text| {
        let money = Money::parse(text.value);
        if money.is_none() {
            let name = section.name("user_verification_above");
            let found = text.value;
            section.report(&text.at, format!("{name} must hold amounts such as \"50.00 EUR\", not \"{found}\""));
        }
        money
    });
    Some(amounts.collect())
}

/// Interactions as configuration and requests spell them.
pub(super) const INTERACTIONS: &[(&str, InteractionType)] = &[
    ("boolean", InteractionType::Boolean),
    ("number_choose", InteractionType::NumberChoose),
    ("input_manual", InteractionType::InputManual),
];

const USER_VERIFICATIONS: &[(&str, UserVerification)] = &[
    ("required", UserVerification::Required),
    ("preferred", UserVerification::Preferred),
    ("discouraged", UserVerification::Discouraged),
];
