//! Answering a request: verify the person where it must be, sign once, send until an outcome arrives.

use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::answer::{Decision, DenialReason};
use countersign_protocol::id::ChallengeId;
use countersign_protocol::interaction::UserVerification;
use countersign_protocol::jws::Compact;
use countersign_protocol::key::Signer;
use countersign_protocol::outcome::{Ending, Outcome};
use serde::Serialize;

use crate::account::{Account, AccountId};
use crate::core::{Core, Moment, Word};
use crate::device::{Device, Seat};
use crate::error::AnswerError;
use crate::pin::PinEntry;
use crate::ports::user_verifier::{Ask, UserVerifier};
use crate::ports::vault::{Stage, StoredChallenge};
use crate::unlock::{Now, Unlocked, forget_later, vouch};

/// How long [`Device::answer`] waits for an outcome from a provider that is slow; one that is offline is not waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a person says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approve {
        /// The number that was typed or chosen, where the request asks for one.
        value: Option<String>,
    },
    /// No. Never asks for a PIN.
    Deny {
        /// Why.
        reason: Option<DenialReason>,
    },
}

/// What came of an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Answered {
    /// Whose.
    pub account: AccountId,
    /// Which request.
    pub id: ChallengeId,
    /// What this device said.
    pub decision: Decision,
    /// How the request ended, verified. `None`: the answer is kept and will be sent until an outcome arrives.
    pub outcome: Option<Ending>,
    /// The device that answered first, where another did.
    pub by: Option<String>,
    /// After "this wasn't me": until when the provider holds this client back, seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_until: Option<u64>,
}

impl Device {
    /// Answers a request. `verifier` is asked only where a yes needs it, once: after [`AnswerError::WrongPin`] call again.
    ///
    /// # Errors
    /// [`AnswerError`]; then nothing was signed.
    pub async fn answer(
        &self,
        id: &ChallengeId,
        verdict: Verdict,
        verifier: &dyn UserVerifier,
    ) -> Result<Answered, AnswerError> {
        let seat = self.seat_of(id).await?;
        let decision = match verdict {
            Verdict::Deny { reason } => {
                say(&seat, id, move |core, at, id| core.answer(at, id, Word::Deny { reason })).await?;
                Decision::Denied
            }
            Verdict::Approve { value } => {
                self.approve(&seat, id, value, verifier).await?;
                Decision::Approved
            }
        };
        self.outcome_of(&seat, id, decision).await
    }

    /// Whether approving this request would ask for the PIN now. A request that is not here asks for one.
    pub async fn asks_for_pin(&self, id: &ChallengeId) -> bool {
        let Ok(seat) = self.seat_of(id).await else { return true };
        let asked = id.clone();
        let state = seat.running.look(move |core, at| (core.verification_of(&asked), now(core, at))).await;
        match state {
            Ok((Some(UserVerification::Discouraged), _)) => false,
            Ok((Some(UserVerification::Preferred), now)) => {
                !seat.latch.lock().await.as_ref().is_some_and(|unlocked| unlocked.serves(now))
            }
            _ => true,
        }
    }

    /// Disputes a request that ended here: "that wasn't me". It is kept and sent until the provider has replied.
    ///
    /// # Errors
    /// [`AnswerError`]; then nothing was signed.
    pub async fn dispute(&self, id: &ChallengeId) -> Result<(), AnswerError> {
        for (account, seat) in self.seats() {
            if let Some(kept) = self.inner.world.vault.challenge(&account, id)? {
                if kept.stage != Stage::Ended {
                    return Err(AnswerError::Unknown);
                }
                let signed = seat.running.with(move |core, at| split(core.dispute(at, &kept))).await?;
                signed?;
                return Ok(seat.running.settled().await?);
            }
        }
        Err(AnswerError::Unknown)
    }

    async fn approve(
        &self,
        seat: &Seat,
        id: &ChallengeId,
        value: Option<String>,
        verifier: &dyn UserVerifier,
    ) -> Result<(), AnswerError> {
        let (asked, number) = (id.clone(), value.clone());
        let needed = seat.running.look(move |core, at| core.may_approve(at, &asked, number.as_deref())).await??;
        if needed == UserVerification::Discouraged {
            return say(seat, id, move |core, at, id| core.answer(at, id, Word::ApproveUnverified { value })).await;
        }
        // Whoever holds the latch may try a PIN; everybody else waits.
        let mut latch = seat.latch.lock().await;
        let (account, now) = seat.running.look(|core, at| (core.account().clone(), now(core, at))).await?;
        let prefers = needed == UserVerification::Preferred;
        if !latch.as_ref().is_some_and(|unlocked| prefers && unlocked.serves(now)) {
            *latch = None;
            let (entry, key) = self.unlock(&account, verifier).await?;
            let (at, now) =
                seat.running.look(|core, at| (core.server_time(at).unwrap_or(at.wall), self::now(core, at))).await?;
            *latch = Some(Unlocked { key: Arc::from(key), user: vouch(account.device_class, entry.source, at)?, now });
        }
        let unlocked = latch.as_ref().ok_or(AnswerError::NotVerified)?;
        let (key, user) = (Arc::clone(&unlocked.key), unlocked.user.clone());
        if prefers {
            forget_later(&seat.latch);
        } else {
            // `required` asks each time.
            *latch = None;
        }
        say(seat, id, move |core, at, id| core.answer(at, id, Word::Approve { value, user: &user, key: &*key })).await
    }

    /// Asks for the PIN and opens the approval key with it.
    async fn unlock(
        &self,
        account: &Account,
        verifier: &dyn UserVerifier,
    ) -> Result<(PinEntry, Box<dyn Signer>), AnswerError> {
        let id = account.id.clone();
        let tries_left = self.gate().tries_left(&id)?;
        let entry =
            verifier.verify(Ask::Pin { account: id.clone(), tries_left }).await.ok_or(AnswerError::NotVerified)?;
        vouch(account.device_class, entry.source, self.inner.world.clock.now())?;
        let (gate, given) = (self.gate(), entry.clone());
        let opened = tokio::task::spawn_blocking(move || gate.open(&id, &given)).await;
        Ok((entry, opened.map_err(|_| AnswerError::Stopped)??))
    }

    /// Waits for a verified outcome, or until it is clear that the answer has to be kept for now.
    async fn outcome_of(&self, seat: &Seat, id: &ChallengeId, decision: Decision) -> Result<Answered, AnswerError> {
        let account = seat.running.look(|core, _| core.account().id.clone()).await?;
        let waited = id.clone();
        let decided =
            seat.running.until(move |core, _| (!core.is_open(&waited) || core.is_kept_back(&waited)).then_some(()));
        match tokio::time::timeout(PATIENCE, decided).await {
            Ok(decided) => decided?,
            Err(_) => tracing::debug!(challenge = %id, "no outcome yet; the answer is kept"),
        }
        let kept = self.inner.world.vault.challenge(&account, id)?;
        let verdict = kept.as_ref().and_then(last_outcome);
        let outcome = verdict.as_ref().map(|verdict| verdict.outcome);
        let held_until = verdict.as_ref().and_then(|verdict| verdict.held_until);
        Ok(Answered {
            account,
            id: id.clone(),
            decision,
            outcome,
            by: verdict.and_then(|verdict| verdict.by),
            held_until,
        })
    }

    async fn seat_of(&self, id: &ChallengeId) -> Result<Seat, AnswerError> {
        for (account, seat) in self.seats() {
            let asked = id.clone();
            if seat.running.look(move |core, _| core.is_open(&asked)).await.unwrap_or(false) {
                return Ok(seat);
            }
            if self.inner.world.vault.challenge(&account, id)?.is_some() {
                return Err(AnswerError::Ended);
            }
        }
        for (account, why) in &self.inner.closed {
            if self.inner.world.vault.challenge(account, id)?.is_some() {
                return Err(AnswerError::Unusable { why: why.clone() });
            }
        }
        Err(AnswerError::Unknown)
    }
}

fn now(core: &Core, at: Moment) -> Now {
    Now { tick: at.tick, sleeps: core.sleeps() }
}

/// Has the core sign, and returns when the answer is durable.
async fn say(
    seat: &Seat,
    id: &ChallengeId,
    sign: impl FnOnce(&mut Core, Moment, &ChallengeId) -> Result<Vec<crate::core::Effect>, AnswerError> + Send + 'static,
) -> Result<(), AnswerError> {
    let id = id.clone();
    seat.running.with(move |core, at| split(sign(core, at, &id))).await?
}

/// Parts effects from an error, for the task carries out the one and the caller gets the other.
fn split(signed: Result<Vec<crate::core::Effect>, AnswerError>) -> (Result<(), AnswerError>, Vec<crate::core::Effect>) {
    match signed {
        Ok(effects) => (Ok(()), effects),
        Err(error) => (Err(error), Vec::new()),
    }
}

/// How a kept request ended.
pub(crate) fn ending_of(kept: &StoredChallenge) -> Option<(Ending, Option<String>)> {
    last_outcome(kept).map(|outcome| (outcome.outcome, outcome.by))
}

/// The newest word about a kept request; outcomes were verified before they were stored.
fn last_outcome(kept: &StoredChallenge) -> Option<Outcome> {
    Compact::<Outcome>::from_text(kept.outcomes.last()?.clone()).peek().ok()
}
