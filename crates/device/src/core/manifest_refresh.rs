//! Key manifests: fetched again when an unknown key appears, at most once a minute.

use std::collections::BTreeSet;

use countersign_jose::key::Thumbprint;
use countersign_protocol::json;
use countersign_protocol::limits;
use countersign_protocol::manifest::ManifestChain;
use url::Url;

use super::backoff::Backoff;
use super::clock::Moment;
use super::session::{CallDraft, CallPurpose};
use super::{Core, REPLY_TIMEOUT_MS};
use crate::core::Tick;
use crate::ports::transport::{Method, Reply};

/// The state of fetching key manifests.
#[derive(Default)]
pub(super) struct ManifestRefresh {
    wanted: bool,
    backoff: Backoff,
    /// Keys that the last fetched manifests did not list.
    unlisted: BTreeSet<Thumbprint>,
    fetched_at: Option<Tick>,
}

impl Core {
    /// Whether one of these keys is unknown and newer manifests may list it. They are fetched at most once a minute.
    pub(super) fn needs_manifest(&mut self, at: Moment, kids: &[Thumbprint]) -> bool {
        let minute_over = self.may_refetch_at().is_none_or(|then| then <= at.tick);
        let needed = kids
            .iter()
            .any(|kid| !self.trusted.lists(kid) && (minute_over || !self.manifest_refresh.unlisted.contains(kid)));
        self.manifest_refresh.wanted |= needed;
        needed
    }

    /// Requests newer manifests where this key is unknown. Returns whether it is.
    pub(super) fn want_manifest_for(&mut self, kid: Option<Thumbprint>) -> bool {
        let unknown = kid.is_some_and(|kid| !self.trusted.lists(&kid));
        self.manifest_refresh.wanted |= unknown;
        unknown
    }

    fn may_refetch_at(&self) -> Option<Tick> {
        self.manifest_refresh.fetched_at.map(|then| then.plus_millis(limits::KEY_REFETCH_SECONDS * 1000))
    }

    /// When the manifests are to be fetched, if at all.
    pub(super) fn manifest_due(&self) -> Option<Tick> {
        let wanted = self.manifest_refresh.wanted && !self.has_pending_call(|purpose| purpose == CallPurpose::Manifest);
        wanted.then(|| self.manifest_refresh.backoff.next().max(self.may_refetch_at().unwrap_or_default()))
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
        self.manifest_refresh.wanted = false;
        self.manifest_refresh.backoff.succeeded();
        self.manifest_refresh.fetched_at = Some(at.tick);
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
        self.manifest_refresh.unlisted =
            self.parked_kids().into_iter().filter(|kid| !self.trusted.lists(kid)).collect();
        self.apply_parked(at);
    }

    pub(super) fn manifest_not_fetched(&mut self, at: Moment, at_least_ms: u64) {
        self.manifest_refresh.backoff.failed(at.tick, at_least_ms, &*self.random);
    }
}
