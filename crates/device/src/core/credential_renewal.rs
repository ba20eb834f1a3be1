//! Credential renewal: from half of the credential's lifetime, or once after a 401.

use countersign_jose::secret::Secret;
use countersign_protocol::json;
use countersign_protocol::registration::CredentialResponse;
use url::Url;

use super::backoff::Backoff;
use super::clock::Moment;
use super::effect::Effect;
use super::session::{CallDraft, CallPurpose};
use super::{Core, REPLY_TIMEOUT_MS};
use crate::account::Lifetime;
use crate::core::Tick;
use crate::ports::key_store::KeyError;
use crate::ports::transport::{Method, Reply};

/// How long to wait after a new credential could not be encrypted, in milliseconds.
const NOT_SEALED_MS: u64 = 60_000;

/// The state of renewing the credential.
#[derive(Default)]
pub(super) struct CredentialRenewal {
    backoff: Backoff,
    /// The renewal after a 401; all other calls wait for it. A second 401 is then believed.
    after_401: RenewalAfter401,
    /// A new credential that is being encrypted. It is used once it is stored.
    sealing: Option<(Secret, Lifetime)>,
}

/// The state of a renewal after a 401.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum RenewalAfter401 {
    #[default]
    NotAsked,
    Wanted,
    Tried,
}

impl Core {
    /// Whether to renew the credential now: half of its lifetime has passed, or a 401 refused it.
    pub(super) fn renewal_due(&self, at: Moment) -> bool {
        let half_over = self.clock.now(at).is_some_and(|now| now.seconds() >= self.account.credential_lifetime.half());
        let wanted = half_over || self.credential_renewal.after_401 == RenewalAfter401::Wanted;
        wanted
            && self.credential_renewal.sealing.is_none()
            && self.credential_renewal.backoff.is_due(at.tick)
            && !self.has_pending_call(|purpose| purpose == CallPurpose::Renew)
    }

    /// Whether all other calls wait for a new credential.
    pub(super) fn awaits_renewal(&self) -> bool {
        self.credential_renewal.after_401 == RenewalAfter401::Wanted
    }

    /// When a renewal that all calls wait for is tried again.
    pub(super) fn renewal_deadline(&self) -> Option<Tick> {
        let sealing = self.credential_renewal.sealing.is_some();
        let waiting =
            self.awaits_renewal() && !sealing && !self.has_pending_call(|purpose| purpose == CallPurpose::Renew);
        waiting.then(|| self.credential_renewal.backoff.next())
    }

    /// Requests a renewal because the provider refused the credential. Returns false where a renewal has not helped
    /// before.
    pub(super) fn may_renew_after_401(&mut self) -> bool {
        match self.credential_renewal.after_401 {
            RenewalAfter401::NotAsked => {
                self.credential_renewal.after_401 = RenewalAfter401::Wanted;
                true
            }
            RenewalAfter401::Wanted => true,
            RenewalAfter401::Tried => false,
        }
    }

    pub(super) fn credential_works(&mut self) {
        self.credential_renewal.after_401 = RenewalAfter401::NotAsked;
    }

    pub(super) fn renewal_request(&self) -> Option<CallDraft> {
        Some(CallDraft {
            method: Method::Post,
            url: Url::parse(&self.account.endpoints.credential).ok()?,
            body: None,
            headers: vec![("accept", "application/json".to_owned())],
            timeout_ms: REPLY_TIMEOUT_MS,
        })
    }

    pub(super) fn renewed(&mut self, at: Moment, reply: &Reply) {
        let renewed = match json::parse::<CredentialResponse>(&reply.body) {
            Ok(renewed) if reply.status == 200 => renewed,
            _ => return self.not_renewed(at, reply.retry_after.unwrap_or(60) * 1000),
        };
        let lifetime = Lifetime { from: self.clock.or_own(at).seconds(), seconds: renewed.expires_in };
        self.step.effects.push(Effect::Seal(renewed.device_credential.clone()));
        self.credential_renewal.sealing = Some((renewed.device_credential, lifetime));
    }

    /// Whether a new credential is being encrypted.
    pub(super) fn is_sealing(&self) -> bool {
        self.credential_renewal.sealing.is_some()
    }

    /// Handles the key store's reply: the new credential is stored and used from now on.
    pub(super) fn sealed(&mut self, at: Moment, sealed: Result<String, KeyError>) {
        let Some((credential, lifetime)) = self.credential_renewal.sealing.take() else { return };
        let Ok(sealed) = sealed else {
            // The earlier credential stays valid until the new one is used.
            return self.not_renewed(at, NOT_SEALED_MS);
        };
        let for_401 = self.awaits_renewal();
        self.account.credential = sealed;
        self.account.credential_lifetime = lifetime;
        self.credential = credential;
        self.count_credential();
        self.change_account();
        self.credential_renewal.backoff.succeeded();
        self.credential_renewal.after_401 = if for_401 { RenewalAfter401::Tried } else { RenewalAfter401::NotAsked };
        self.back_online();
    }

    pub(super) fn not_renewed(&mut self, at: Moment, at_least_ms: u64) {
        if self.awaits_renewal() {
            self.credential_renewal.after_401 = RenewalAfter401::Tried;
        }
        self.credential_renewal.backoff.failed(at.tick, at_least_ms, &*self.random);
    }
}
