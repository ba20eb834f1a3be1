//! Lists of gateways: each provider on whose behalf the gateway says that it asks is asked, at its own host, whether it does. At
//! enrollment and daily; an answer is good for seven days.

use countersign_protocol::gateway_list::GatewayList;
use countersign_protocol::issuer::Issuer;
use url::Url;

use super::clock::Moment;
use super::session::{CallDraft, CallPurpose};
use super::{Core, HOURLY_MS, REPLY_TIMEOUT_MS};
use crate::account::ListedGateway;
use crate::core::Tick;
use crate::ports::transport::{Method, Reply};

/// How often a provider is asked, in seconds.
const ASK_EVERY_SECONDS: u64 = 86_400;

/// How long an answer is good, in seconds.
const GOOD_FOR_SECONDS: u64 = 7 * 86_400;

/// The provider that is asked at the moment, and when to look for another.
#[derive(Default)]
pub(super) struct GatewayLists {
    asking: Option<Issuer>,
    next: Tick,
}

impl Core {
    /// When a provider may have to be asked, if there is any.
    pub(super) fn gateway_lists_due(&self) -> Option<Tick> {
        let waits = self.gateway_lists.asking.is_none() && !self.foreign_providers().is_empty();
        waits.then_some(self.gateway_lists.next)
    }

    /// Looks at once whether somebody is to be asked: the gateway has a new statement.
    pub(super) fn hurry_gateway_lists(&mut self) {
        self.gateway_lists.next = Tick::default();
    }

    /// Asks the first provider that was not asked today.
    pub(super) fn plan_gateway_lists(&mut self, at: Moment) {
        if self.gateway_lists_due().is_none_or(|due| due > at.tick) {
            return;
        }
        let now = self.clock.or_own(at).seconds();
        let asked_at = |issuer: &Issuer| self.listed(issuer).map(|listed| listed.asked_at);
        // By a clock that was set back it may have been asked in the future.
        let is_due = |issuer: &Issuer| asked_at(issuer).is_none_or(|then| now.abs_diff(then) >= ASK_EVERY_SECONDS);
        match self.foreign_providers().into_iter().find(is_due) {
            Some(issuer) => {
                self.gateway_lists.asking = Some(issuer);
                self.send(at, CallPurpose::GatewayList);
            }
            None => self.gateway_lists.next = at.tick.plus_millis(HOURLY_MS),
        }
    }

    pub(super) fn gateway_list_request(&self) -> Option<CallDraft> {
        Some(CallDraft {
            method: Method::Get,
            url: Url::parse(&GatewayList::url(self.gateway_lists.asking.as_ref()?)).ok()?,
            body: None,
            headers: vec![("accept", "application/json".to_owned())],
            timeout_ms: REPLY_TIMEOUT_MS,
        })
    }

    /// Handles a provider's reply. One that is overloaded or unwell has not answered.
    pub(super) fn gateway_list_fetched(&mut self, at: Moment, reply: &Reply) {
        if reply.status == 429 || reply.status >= 500 {
            return self.gateway_list_not_fetched(at);
        }
        let Some(issuer) = self.gateway_lists.asking.take() else { return };
        let gateway = &self.account.issuer;
        let is_listed = GatewayList::confirms(reply.status, reply.media_type.as_deref(), &reply.body, gateway);
        self.account.listed.retain(|known| known.provider != issuer);
        self.account.listed.push(ListedGateway {
            provider: issuer,
            asked_at: self.clock.or_own(at).seconds(),
            is_listed,
        });
        self.change_account();
        self.hurry_gateway_lists();
    }

    /// Without a reply an earlier answer stays as good as it is, and the provider is asked again in an hour.
    pub(super) fn gateway_list_not_fetched(&mut self, at: Moment) {
        self.gateway_lists.asking = None;
        self.gateway_lists.next = at.tick.plus_millis(HOURLY_MS);
    }

    /// Whether this provider has confirmed, within the last seven days, that the gateway asks in its name.
    pub(super) fn is_confirmed(&self, at: Moment, provider: &Issuer) -> bool {
        let now = self.clock.or_own(at).seconds();
        self.listed(provider).is_some_and(|listed| listed.is_listed && now.abs_diff(listed.asked_at) < GOOD_FOR_SECONDS)
    }

    fn listed(&self, provider: &Issuer) -> Option<&ListedGateway> {
        self.account.listed.iter().find(|listed| listed.provider == *provider)
    }

    /// The other providers whose requests the gateway says that it passes on.
    fn foreign_providers(&self) -> Vec<Issuer> {
        let mut all = self.account.on_behalf_of();
        all.retain(|issuer| *issuer != self.account.issuer);
        all
    }
}
