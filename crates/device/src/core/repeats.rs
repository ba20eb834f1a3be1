//! Requests that are like one which this device approved a moment ago: a till that lost a reply asks again, and the person is
//! told so.

use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::challenge::{Challenge, VerifiedChallenge};
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::manifest::TrustedKeys;
use countersign_protocol::transcript::{Payment, payments};

use super::Core;
use super::inbox::Inbox;
use crate::account::Account;
use crate::ports::vault::{ApprovedClient, Change, RECENT_MS, RecentApproval, Stage};
use crate::transcript::Repeat;

/// What this device approved within the last ten minutes, the oldest first.
#[derive(Default)]
pub(super) struct RecentApprovals(Vec<Approved>);

struct Approved {
    challenge: ChallengeId,
    likeness: Likeness,
    /// Milliseconds since the epoch.
    at: u64,
    approval_ref: ApprovalRef,
}

/// What makes two requests alike: the client, and amount and payee of every payment, in order.
#[derive(PartialEq, Eq)]
struct Likeness {
    client: ApprovedClient,
    payments: Vec<Payment>,
}

impl Core {
    /// Records that something of this client was approved.
    pub(super) fn know_client(&mut self, client: ApprovedClient) {
        if self.inbox.approved.insert(client.clone()) {
            self.change(Change::AddApprovedClient(client));
        }
    }
}

/// The client that asks.
pub(super) fn client_of(challenge: &VerifiedChallenge) -> ApprovedClient {
    let claims = challenge.claims();
    ApprovedClient { provider: claims.provider.issuer.as_str().to_owned(), id: claims.client.id.clone() }
}

impl Likeness {
    /// `None` where nothing is to be paid: to sign in twice within ten minutes is nothing unusual.
    fn of(challenge: &VerifiedChallenge) -> Option<Likeness> {
        let payments = payments(challenge);
        (!payments.is_empty()).then(|| Likeness { client: client_of(challenge), payments })
    }
}

impl RecentApprovals {
    /// Those of an earlier run. One that no longer verifies is left out.
    pub(super) fn open(account: &Account, keys: &TrustedKeys, recent: &[RecentApproval]) -> RecentApprovals {
        let on_behalf_of = account.on_behalf_of();
        let verified = recent.iter().filter_map(|approval| {
            let compact = Compact::<Challenge>::from_text(approval.challenge.compact.clone());
            let (device, subject) = (&account.device_id, &account.subject);
            let challenge = Challenge::verify_signed(&compact, device, subject, &on_behalf_of, keys).ok()?;
            Approved::new(&challenge, approval.at)
        });
        RecentApprovals(verified.collect())
    }

    /// The latest approval that a request is like.
    pub(super) fn repeated_by(&self, challenge: &VerifiedChallenge) -> Option<Repeat> {
        let likeness = Likeness::of(challenge)?;
        let asked_at = challenge.claims().iat.saturating_mul(1000);
        let is_recent = |approved: &&Approved| asked_at <= approved.at.saturating_add(RECENT_MS);
        let mut alike = self.0.iter().rev().filter(|approved| approved.likeness == likeness).filter(is_recent);
        let Approved { at, approval_ref, .. } = alike.find(|approved| approved.challenge != *challenge.id())?;
        // Both to the second, as requests say it.
        Some(Repeat { approval_ref: *approval_ref, seconds: challenge.claims().iat.saturating_sub(*at / 1000) })
    }
}

impl Approved {
    fn new(challenge: &VerifiedChallenge, at: u64) -> Option<Approved> {
        Some(Approved {
            challenge: challenge.id().clone(),
            likeness: Likeness::of(challenge)?,
            at,
            approval_ref: ApprovalRef::of(&challenge.claims().approval),
        })
    }
}

impl Inbox {
    /// Remembers that this open request was approved just now (milliseconds since the epoch), and marks the others that are like
    /// it. A mark stays as it is from then on: lines must not change before a person's eyes.
    pub(super) fn remember_approved(&mut self, id: &ChallengeId, at: u64) {
        let verified = self.open.get(id).and_then(|open| open.verified.as_ref());
        let Some(approved) = verified.and_then(|challenge| Approved::new(challenge, at)) else { return };
        self.recent.0.retain(|earlier| earlier.at.saturating_add(RECENT_MS) >= at);
        self.recent.0.push(approved);
        self.mark_repeats();
    }

    /// Forgets an approval that came to nothing, and the marks that nobody has seen yet.
    pub(super) fn forget_approved(&mut self, id: &ChallengeId) {
        let Some(at) = self.recent.0.iter().position(|approved| approved.challenge == *id) else { return };
        let forgotten = self.recent.0.remove(at).approval_ref;
        for open in self.open.values_mut().filter(|open| open.kept.stage == Stage::Received) {
            open.repeat = open.repeat.filter(|repeat| repeat.approval_ref != forgotten);
        }
        self.mark_repeats();
    }

    fn mark_repeats(&mut self) {
        for open in self.open.values_mut().filter(|open| open.kept.stage <= Stage::Shown && open.repeat.is_none()) {
            open.repeat = open.verified.as_ref().and_then(|challenge| self.recent.repeated_by(challenge));
        }
    }
}
