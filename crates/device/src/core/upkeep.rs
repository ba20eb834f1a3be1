//! Upkeep of an account: newer key manifests when an unknown key appears, a new credential from half of its lifetime.

use std::collections::BTreeSet;

use countersign_jose::key::Thumbprint;
use countersign_protocol::json;
use countersign_protocol::limits;
use countersign_protocol::manifest::ManifestChain;
use countersign_protocol::registration::CredentialResponse;
use url::Url;

use super::backoff::Backoff;
use super::clock::Moment;
use super::session::{CallDraft, CallPurpose};
use super::{Core, REPLY_TIMEOUT_MS};
use crate::account::Lifetime;
use crate::core::Tick;
use crate::ports::transport::{Method, Reply};

/// The state of fetching manifests and renewing the credential.
#[derive(Default)]
pub(super) struct Upkeep {
    manifest_wanted: bool,
    manifest: Backoff,
    /// Keys that the last fetched manifests did not list.
    unlisted: BTreeSet<Thumbprint>,
    fetched_at: Option<Tick>,
    renewal: Backoff,
    /// The renewal after a 401; all other calls wait for it. A second 401 is then believed.
    renewal_after_401: RenewalAfter401,
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
    /// Whether one of these keys is unknown and newer manifests may list it. They are fetched at most once a minute.
    pub(super) fn needs_manifest(&mut self, at: Moment, kids: &[Thumbprint]) -> bool {
        let minute_over = self.may_refetch_at().is_none_or(|then| then <= at.tick);
        let needed =
            kids.iter().any(|kid| !self.trusted.lists(kid) && (minute_over || !self.upkeep.unlisted.contains(kid)));
        self.upkeep.manifest_wanted |= needed;
        needed
    }

    /// Requests newer manifests where this key is unknown. Returns whether it is.
    pub(super) fn want_manifest_for(&mut self, kid: Option<Thumbprint>) -> bool {
        let unknown = kid.is_some_and(|kid| !self.trusted.lists(&kid));
        self.upkeep.manifest_wanted |= unknown;
        unknown
    }

    fn may_refetch_at(&self) -> Option<Tick> {
        self.upkeep.fetched_at.map(|then| then.plus_millis(limits::KEY_REFETCH_SECONDS * 1000))
    }

    /// When the manifests are to be fetched, if at all.
    pub(super) fn manifest_due(&self) -> Option<Tick> {
        let wanted = self.upkeep.manifest_wanted && !self.has_pending_call(|purpose| purpose == CallPurpose::Manifest);
        wanted.then(|| self.upkeep.manifest.next().max(self.may_refetch_at().unwrap_or_default()))
    }

    pub(super) fn manifest_request(&self) -> Option<CallDraft> {
        Some(CallDraft {
            method: Method::Get,
            url: Url::parse(&self.account.endpoints.manifest).ok()?,
            body: None,
            headers: vec![("accept", "application/json".to_owned())],
            timeout_ms: REPLY_TIMEOUT_MS,
        })
    }

    pub(super) fn manifest_fetched(&mut self, at: Moment, reply: &Reply) {
        let chain = match json::parse::<ManifestChain>(&reply.body) {
            Ok(chain) if reply.status == 200 => chain,
            _ => {
                self.unexpected_reply(at, reply);
                return self.manifest_not_fetched(at, reply.retry_after.unwrap_or(0) * 1000);
            }
        };
        self.upkeep.manifest_wanted = false;
        self.upkeep.manifest.succeeded();
        self.upkeep.fetched_at = Some(at.tick);
        match chain.verify(&self.account.issuer, &self.account.root, Some(self.trusted.head())) {
            Ok(trusted) => {
                if trusted.head() != self.trusted.head() {
                    self.account.manifests = chain;
                    self.change_account();
                    self.probe_now();
                }
                self.trusted = trusted;
            }
            Err(_) => self.ignore("key manifests"),
        }
        self.upkeep.unlisted = self.parked_kids().into_iter().filter(|kid| !self.trusted.lists(kid)).collect();
        self.apply_parked(at);
    }

    pub(super) fn manifest_not_fetched(&mut self, at: Moment, at_least_ms: u64) {
        self.upkeep.manifest.failed(at.tick, at_least_ms, &*self.random);
    }

    /// Whether to renew the credential now: half of its lifetime has passed, or a 401 refused it.
    pub(super) fn renewal_due(&self, at: Moment) -> bool {
        let half_over = self.clock.now(at).is_some_and(|now| now.seconds() >= self.account.credential_lifetime.half());
        let wanted = half_over || self.upkeep.renewal_after_401 == RenewalAfter401::Wanted;
        wanted && self.upkeep.renewal.is_due(at.tick) && !self.has_pending_call(|purpose| purpose == CallPurpose::Renew)
    }

    /// Whether all other calls wait for a new credential.
    pub(super) fn awaits_renewal(&self) -> bool {
        self.upkeep.renewal_after_401 == RenewalAfter401::Wanted
    }

    /// When a renewal that all calls wait for is tried again.
    pub(super) fn renewal_deadline(&self) -> Option<Tick> {
        let waiting = self.awaits_renewal() && !self.has_pending_call(|purpose| purpose == CallPurpose::Renew);
        waiting.then(|| self.upkeep.renewal.next())
    }

    /// Requests a renewal because the provider refused the credential. Returns false where a renewal has not helped
    /// before.
    pub(super) fn may_renew_after_401(&mut self) -> bool {
        match self.upkeep.renewal_after_401 {
            RenewalAfter401::NotAsked => {
                self.upkeep.renewal_after_401 = RenewalAfter401::Wanted;
                true
            }
            RenewalAfter401::Wanted => true,
            RenewalAfter401::Tried => false,
        }
    }

    pub(super) fn credential_works(&mut self) {
        self.upkeep.renewal_after_401 = RenewalAfter401::NotAsked;
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
        let Ok(sealed) = self.keys.seal(&self.account.id, &renewed.device_credential) else {
            // The earlier credential stays valid until the new one is used.
            return self.not_renewed(at, 60_000);
        };
        let for_401 = self.awaits_renewal();
        self.account.credential = sealed;
        self.account.credential_lifetime =
            Lifetime { from: self.clock.or_own(at).seconds(), seconds: renewed.expires_in };
        self.credential = renewed.device_credential;
        self.count_credential();
        self.change_account();
        self.upkeep.renewal.succeeded();
        self.upkeep.renewal_after_401 = if for_401 { RenewalAfter401::Tried } else { RenewalAfter401::NotAsked };
        self.back_online();
    }

    pub(super) fn not_renewed(&mut self, at: Moment, at_least_ms: u64) {
        if self.awaits_renewal() {
            self.upkeep.renewal_after_401 = RenewalAfter401::Tried;
        }
        self.upkeep.renewal.failed(at.tick, at_least_ms, &*self.random);
    }
}
