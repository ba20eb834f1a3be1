//! Answering: verifies the user where the challenge asks for it, signs once, and waits for a verified outcome.

use std::sync::Arc;

use countersign_protocol::answer::{self, DenialReason, VerifiedUser};
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::interaction::UserVerification;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::{Ending, Outcome};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::account::{Account, AccountId};
use crate::core::{AuthorizedDecision, Core, Effect, Event, Moment};
use crate::device::{AccountHandle, Device};
use crate::error::AnswerError;
use crate::ports::key_store::SigningKey;
use crate::ports::runtime::timeout;
use crate::ports::user_verifier::{PinPrompt, UserVerifier, Verified};
use crate::ports::vault::{Stage, StoredChallenge};
use crate::unlock::{UnlockTime, UnlockedKey, expire_later, verified_user};

/// How long [`Device::answer`] waits for an outcome from a provider that is slow, in milliseconds; one that is offline is
/// not waited for.
const OUTCOME_MS: u64 = 20_000;

/// The person's choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Approve. Asks for the PIN where the challenge wants user verification.
    Approve {
        /// The number that was typed or chosen, where the request asks for one.
        value: Option<String>,
    },
    /// Deny. Never asks for the PIN.
    Deny {
        /// Why, if the person said so.
        reason: Option<DenialReason>,
    },
}

/// The result of an answer.
#[derive(Clone, Debug, Serialize)]
pub struct AnswerResult {
    /// The account.
    pub account: AccountId,
    /// The challenge's id.
    pub id: ChallengeId,
    /// What people call the approval.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub approval_ref: Option<ApprovalRef>,
    /// The decision that was signed.
    pub decision: answer::Decision,
    /// How the request ended, by a verified outcome. `None`: the answer is in the outbox and is sent until an outcome
    /// arrives.
    pub outcome: Option<Ending>,
    /// The device that answered first, where another did.
    pub by: Option<String>,
    /// After "this wasn't me": until when the provider holds this client back, seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_until: Option<u64>,
    /// Whether it was practice: nothing comes of it, and nothing of it is kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub practice: bool,
}

impl Device {
    /// Answers a request, once and for good. `verifier` is asked at most once, where an approval needs it: after
    /// [`AnswerError::WrongPin`] call again.
    ///
    /// # Errors
    /// [`AnswerError`]; then nothing was signed.
    pub async fn answer(
        &self,
        id: &ChallengeId,
        decision: Decision,
        verifier: &dyn UserVerifier,
    ) -> Result<AnswerResult, AnswerError> {
        self.decide_for(self.handle_of(None, id).await?, id, decision, verifier).await
    }

    /// As [`Device::answer`], where the account is known: ids are the providers' own, and another's request may have the same one.
    ///
    /// # Errors
    /// As [`Device::answer`].
    pub async fn answer_for(
        &self,
        account: &AccountId,
        id: &ChallengeId,
        decision: Decision,
        verifier: &dyn UserVerifier,
    ) -> Result<AnswerResult, AnswerError> {
        self.decide_for(self.handle_of(Some(account), id).await?, id, decision, verifier).await
    }

    async fn decide_for(
        &self,
        handle: AccountHandle,
        id: &ChallengeId,
        decision: Decision,
        verifier: &dyn UserVerifier,
    ) -> Result<AnswerResult, AnswerError> {
        ask_whether_it_takes_part(&handle).await?;
        let decision = match decision {
            Decision::Deny { reason } => {
                decide(&handle, id, None, AuthorizedDecision::Deny { reason }).await?;
                answer::Decision::Denied
            }
            Decision::Approve { value } => {
                self.approve(&handle, id, value, verifier).await?;
                answer::Decision::Approved
            }
        };
        self.outcome_of(&handle, id, decision).await
    }

    /// Whether approving this request would ask for the PIN now. For an unknown request: yes.
    pub async fn asks_for_pin(&self, account: &AccountId, id: &ChallengeId) -> bool {
        let Ok(handle) = self.handle_of(Some(account), id).await else { return true };
        let asked = id.clone();
        let state = move |core: &Core, at| (core.account().has_passkey(), core.verification_of(&asked), now(core, at));
        match handle.task.read(state).await {
            // A passkey asks the person itself.
            Ok((true, ..) | (_, Some(UserVerification::Discouraged), _)) => false,
            Ok((_, Some(UserVerification::Preferred), now)) => {
                !handle.unlock_cache.lock().await.as_ref().is_some_and(|unlocked| unlocked.serves(now))
            }
            _ => true,
        }
    }

    /// Disputes a request that has ended: "that wasn't me". The dispute is sent until the provider has replied.
    ///
    /// # Errors
    /// [`AnswerError::NotTaken`]: it is stored, and the provider did not take it. After any other nothing was signed.
    pub async fn dispute(&self, id: &ChallengeId) -> Result<(), AnswerError> {
        for (account, handle) in self.handles() {
            let kept = self.inner.services.vault.challenge(&account, id).await?;
            let Some(kept) = kept.filter(|kept| kept.stage == Stage::Ended) else { continue };
            ask_whether_it_takes_part(&handle).await?;
            handle.task.run(move |core, at| split(core.dispute(at, &kept))).await??;
            handle.task.wait_idle().await?;
            let status = handle.task.read(|core, _| core.account().status.clone()).await?;
            return match status.no_part() {
                Some(_) => Err(AnswerError::NotTaken { status }),
                None => Ok(()),
            };
        }
        for (account, why) in &self.inner.closed {
            if self.inner.services.vault.challenge(account, id).await?.is_some() {
                return Err(AnswerError::Unusable { why: why.clone() });
            }
        }
        Err(AnswerError::Unknown)
    }

    async fn approve(
        &self,
        handle: &AccountHandle,
        id: &ChallengeId,
        value: Option<String>,
        verifier: &dyn UserVerifier,
    ) -> Result<(), AnswerError> {
        let (asked, number) = (id.clone(), value.clone());
        let needed = handle.task.read(move |core, at| core.may_approve(at, &asked, number.as_deref())).await??;
        if needed == UserVerification::Discouraged {
            return decide(handle, id, None, AuthorizedDecision::ApproveUnverified { value }).await;
        }
        if handle.task.read(|core, _| core.account().has_passkey()).await? {
            if self.is_shared().await? {
                return Err(AnswerError::SharedDevice);
            }
            return self.approve_by_passkey(handle, id, value).await;
        }
        let (key, user, locks) = self.unlocked(handle, needed, verifier).await?;
        let id = id.clone();
        let decision = AuthorizedDecision::Approve { value, user };
        let unlocked = move |core: &mut Core, at| match core.locks() == locks {
            true => core.answer(at, &id, decision),
            false => Err(AnswerError::Locked),
        };
        handle.task.decide(Some(key), unlocked).await
    }

    /// Has the passkey sign, which asks the person for exactly this: nothing else verifies her, and nothing stays open.
    async fn approve_by_passkey(
        &self,
        handle: &AccountHandle,
        id: &ChallengeId,
        value: Option<String>,
    ) -> Result<(), AnswerError> {
        let account = handle.task.read(|core, _| core.account().id.clone()).await?;
        let key = self.inner.services.keys.open_approval(&account, &Verified::Platform { method: None }).await?;
        decide(handle, id, Some(key), AuthorizedDecision::ApproveByPasskey { value }).await
    }

    /// The approval key and the user it was opened for, and how often the device had been locked by then: opened now, or
    /// still open where the request prefers that.
    async fn unlocked(
        &self,
        handle: &AccountHandle,
        needed: UserVerification,
        verifier: &dyn UserVerifier,
    ) -> Result<(Arc<dyn SigningKey>, VerifiedUser, u64), AnswerError> {
        // The lock is held while a PIN is tried, so that tries follow one another.
        let mut unlock_cache = handle.unlock_cache.lock().await;
        let (account, before) = handle.task.read(|core, at| (core.account().clone(), now(core, at))).await?;
        let prefers = needed == UserVerification::Preferred;
        if !unlock_cache.as_ref().is_some_and(|unlocked| prefers && unlocked.serves(before)) {
            *unlock_cache = None;
            let (verified, key) = self.unlock(&account, verifier).await?;
            let (at, now) =
                handle.task.read(|core, at| (core.server_time(at).unwrap_or(at.wall), self::now(core, at))).await?;
            if now.locks != before.locks {
                return Err(AnswerError::Locked);
            }
            *unlock_cache = Some(UnlockedKey { key, user: verified_user(account.device_class, &verified, at)?, now });
        }
        let unlocked = unlock_cache.as_ref().ok_or(AnswerError::NotVerified)?;
        let opened = (Arc::clone(&unlocked.key), unlocked.user.clone(), unlocked.now.locks);
        if prefers {
            expire_later(&*self.inner.services.runtime, &handle.unlock_cache);
        } else {
            // `required` asks for the PIN each time.
            *unlock_cache = None;
        }
        Ok(opened)
    }

    /// Has the user verified, and opens the approval key.
    async fn unlock(
        &self,
        account: &Account,
        verifier: &dyn UserVerifier,
    ) -> Result<(Verified, Arc<dyn SigningKey>), AnswerError> {
        let id = account.id.clone();
        let tries_left = self.pin_gate().tries_left(&id).await?;
        let verified = verifier
            .verify(PinPrompt::Pin { account: id.clone(), tries_left })
            .await
            .ok_or(AnswerError::NotVerified)?;
        verified_user(account.device_class, &verified, self.inner.services.clock.now())?;
        let key = self.open_key(id, verified.clone()).await?;
        Ok((verified, key))
    }

    /// Opens an approval key: one at a time, for Argon2 takes tens of megabytes. In a task of its own, so that a try that
    /// has been counted is made, whoever stops waiting for it.
    pub(crate) async fn open_key(
        &self,
        account: AccountId,
        user: Verified,
    ) -> Result<Arc<dyn SigningKey>, AnswerError> {
        let (pin_gate, turn) = (self.pin_gate(), Arc::clone(&self.inner.unlock_turn));
        let (done, opened) = oneshot::channel();
        self.inner.services.runtime.spawn(Box::pin(async move {
            let _one_at_a_time = turn.lock().await;
            // Who asked may be gone.
            done.send(pin_gate.open(&account, &user).await).ok();
        }));
        opened.await.map_err(|_| AnswerError::Stopped)?
    }

    /// Waits for a verified outcome, until sending has failed several times or the provider takes no answers of this
    /// device, or for [`OUTCOME_MS`].
    async fn outcome_of(
        &self,
        handle: &AccountHandle,
        id: &ChallengeId,
        decision: answer::Decision,
    ) -> Result<AnswerResult, AnswerError> {
        let account = handle.task.read(|core, _| core.account().id.clone()).await?;
        let waited = id.clone();
        let decided = handle.task.wait_for(move |core, _| {
            let no_part = core.account().status.no_part().is_some();
            (!core.is_open(&waited) || core.is_delayed(&waited) || no_part).then_some(())
        });
        match timeout(&*self.inner.services.runtime, OUTCOME_MS, decided).await {
            Some(decided) => decided?,
            None => tracing::debug!(challenge = %id, "no outcome yet; the answer stays in the outbox"),
        }
        let ended = id.clone();
        let practised = handle.task.read(move |core, _| core.ended_practice(&ended).cloned()).await?;
        let practice = practised.is_some();
        let kept = match practised {
            Some(practised) => Some(practised),
            None => self.inner.services.vault.challenge(&account, id).await?,
        };
        let newest = kept.as_ref().and_then(last_outcome);
        let outcome = newest.as_ref().map(|outcome| outcome.outcome);
        let held_until = newest.as_ref().and_then(|outcome| outcome.held_until);
        Ok(AnswerResult {
            account,
            id: id.clone(),
            approval_ref: kept.as_ref().and_then(StoredChallenge::approval_ref),
            decision,
            outcome,
            by: newest.and_then(|outcome| outcome.by),
            held_until,
            practice,
        })
    }

    /// The account of this request; of any account, or of this one alone.
    async fn handle_of(&self, of: Option<&AccountId>, id: &ChallengeId) -> Result<AccountHandle, AnswerError> {
        let is_meant = |account: &AccountId| of.is_none_or(|of| of == account);
        let mut has_ended = false;
        for (account, handle) in self.handles().into_iter().filter(|(account, _)| is_meant(account)) {
            let asked = id.clone();
            let found = handle.task.read(move |core, _| (core.is_open(&asked), core.has_received(&asked))).await;
            let (is_open, was_received) = found.unwrap_or_default();
            if is_open {
                return Ok(handle);
            }
            has_ended |= was_received || self.inner.services.vault.challenge(&account, id).await?.is_some();
        }
        if has_ended {
            return Err(AnswerError::Ended);
        }
        for (account, why) in self.inner.closed.iter().filter(|(account, _)| is_meant(account)) {
            if self.inner.services.vault.challenge(account, id).await?.is_some() {
                return Err(AnswerError::Unusable { why: why.clone() });
            }
        }
        Err(AnswerError::Unknown)
    }
}

/// Asks the provider once more where it said that this account takes no part: that may be an hour old.
async fn ask_whether_it_takes_part(handle: &AccountHandle) -> Result<(), AnswerError> {
    if handle.task.read(|core, _| core.account().status.no_part().is_some()).await? {
        handle.task.send(Event::Wake).await?;
        handle.task.wait_idle().await?;
    }
    Ok(())
}

fn now(core: &Core, at: Moment) -> UnlockTime {
    UnlockTime { tick: at.tick, sleeps: core.sleeps(), locks: core.locks() }
}

/// Gives the core a decision, and returns when its answer is in the vault.
async fn decide(
    handle: &AccountHandle,
    id: &ChallengeId,
    key: Option<Arc<dyn SigningKey>>,
    decision: AuthorizedDecision,
) -> Result<(), AnswerError> {
    let id = id.clone();
    handle.task.decide(key, move |core, at| core.answer(at, &id, decision)).await
}

/// Splits the result: effects for the task, the error for the caller.
fn split(signed: Result<Vec<Effect>, AnswerError>) -> (Result<(), AnswerError>, Vec<Effect>) {
    match signed {
        Ok(effects) => (Ok(()), effects),
        Err(error) => (Err(error), Vec::new()),
    }
}

/// How a stored request ended, and the device that answered, where another did.
pub(crate) fn ending_of(kept: &StoredChallenge) -> Option<(Ending, Option<String>)> {
    last_outcome(kept).map(|outcome| (outcome.outcome, outcome.by))
}

/// The newest outcome of a stored request; outcomes are verified before they are stored.
fn last_outcome(kept: &StoredChallenge) -> Option<Outcome> {
    Compact::<Outcome>::from_text(kept.outcomes.last()?.clone()).peek().ok()
}
