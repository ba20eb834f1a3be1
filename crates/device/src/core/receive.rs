//! Receiving challenges: each is verified first, and refused with a code where it does not verify.

use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_jose::json::{self, Json, Strictness};
use countersign_protocol::challenge::{Challenge, ChallengeError, ExpectedChallenge, VerifiedChallenge};
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::limits;
use countersign_protocol::refusal::RefusalCode;

use super::Core;
use super::clock::Moment;
use super::inbox::OpenChallenge;
use crate::device_event::DeviceEvent;
use crate::history::HistoryEvent;
use crate::ports::vault::{Stage, StoredChallenge};

impl Core {
    /// Handles a received challenge. Returns the id it claims.
    pub(super) fn accept(&mut self, at: Moment, compact: &Compact<Challenge>) -> Option<ChallengeId> {
        let hash = compact.hash();
        let claimed = UnverifiedClaims::read(compact);
        let id = claimed.as_ref().map(|claimed| claimed.id.clone());
        if self.inbox.refused.contains(&hash) {
            return id;
        }
        if let Some(id) = &id
            && let Some(known) = self.inbox.known.get(id)
        {
            if *known != hash {
                self.refuse(at, id, hash, RefusalCode::Conflicting);
            }
            return Some(id.clone());
        }
        match (self.verify(at, compact), claimed) {
            (Ok(verified), _) => self.receive(verified),
            (Err(error), Some(claimed)) => self.reject(at, claimed, compact, &error),
            // Without an id there is nothing to refuse.
            (Err(_), None) => self.ignore("a request without an id"),
        }
        id
    }

    fn verify(&self, at: Moment, compact: &Compact<Challenge>) -> Result<VerifiedChallenge, ChallengeError> {
        let (device, subject, keys) = (&self.account.device_id, &self.account.subject, &self.trusted);
        let on_behalf_of = &self.account.on_behalf_of()[..];
        match self.clock.now(at) {
            Some(now) => Challenge::verify(compact, &ExpectedChallenge { device, subject, on_behalf_of, keys, now }),
            // The provider's time is not known; the gateway checks the answer's arrival in any case.
            None => Challenge::verify_signed(compact, device, subject, on_behalf_of, keys),
        }
    }

    fn receive(&mut self, verified: VerifiedChallenge) {
        let claims = verified.claims();
        let kept = StoredChallenge {
            id: claims.jti.clone(),
            compact: verified.compact().as_str().to_owned(),
            issued_at: claims.iat,
            expires_at: claims.exp,
            stage: Stage::Received,
            transcript: None,
            answer: None,
            outcomes: Vec::new(),
        };
        self.inbox.known.insert(kept.id.clone(), *verified.hash());
        self.put(kept.clone());
        let open = OpenChallenge::new(
            kept,
            Some(verified),
            self.account.statement(),
            (&self.inbox.approved, &self.inbox.recent),
        );
        self.inbox.open.insert(open.kept.id.clone(), open);
    }

    /// Refuses a challenge that does not verify. One that the issuer did sign is stored, so that its outcome can be
    /// verified later.
    fn reject(&mut self, at: Moment, claimed: UnverifiedClaims, compact: &Compact<Challenge>, error: &ChallengeError) {
        let Some(code) = error.refusal() else { return };
        let UnverifiedClaims { id, iat, exp } = claimed;
        if code != RefusalCode::Unverifiable {
            let now = self.clock.or_own(at).seconds();
            let kept = StoredChallenge {
                id: id.clone(),
                compact: compact.as_str().to_owned(),
                issued_at: iat.unwrap_or(now),
                expires_at: exp.unwrap_or(u64::MAX).min(now.saturating_add(limits::REQUEST_SECONDS)),
                stage: Stage::Refused,
                transcript: None,
                answer: None,
                outcomes: Vec::new(),
            };
            self.inbox.known.insert(id.clone(), compact.hash());
            let open = OpenChallenge::new(kept.clone(), None, None, (&self.inbox.approved, &self.inbox.recent));
            self.inbox.open.insert(id, open);
            return self.refuse_kept(at, kept, code);
        }
        self.refuse(at, &id, compact.hash(), code);
    }

    /// Refuses a stored challenge, with an entry in the history.
    pub(super) fn refuse_kept(&mut self, at: Moment, kept: StoredChallenge, code: RefusalCode) {
        let (id, challenge_hash) = (kept.id.clone(), kept.hash());
        self.put(kept);
        self.append_history(
            at,
            HistoryEvent::Refused { challenge: id.clone(), challenge_hash, code: code.as_str().to_owned() },
        );
        self.refuse(at, &id, challenge_hash, code);
    }

    fn refuse(&mut self, at: Moment, id: &ChallengeId, hash: Hash, code: RefusalCode) {
        self.inbox.refused.insert(hash);
        self.post_refusal(at, id, hash, code);
        let account = self.account.id.clone();
        self.emit(DeviceEvent::Refused { account, id: id.clone(), code });
    }
}

/// Claims that can be read of a challenge, even where the rest can't. Nothing is verified.
struct UnverifiedClaims {
    id: ChallengeId,
    iat: Option<u64>,
    exp: Option<u64>,
}

impl UnverifiedClaims {
    fn read(compact: &Compact<Challenge>) -> Option<UnverifiedClaims> {
        let payload = base64url::decode(compact.as_str().split('.').nth(1)?).ok()?;
        let payload = json::read(&payload, Strictness::with_depth(limits::JSON_DEPTH)).ok()?;
        let number = |name| match payload.get(name) {
            Some(Json::Number(literal)) => literal.parse().ok(),
            _ => None,
        };
        let id = payload.get("jti").and_then(Json::as_str)?.parse().ok()?;
        Some(UnverifiedClaims { id, iat: number("iat"), exp: number("exp") })
    }
}
