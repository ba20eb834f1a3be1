//! Answers: the first valid one decides, the same one again gets the same reply, a second history suspends the device.

pub(crate) mod display;
pub(crate) mod verify;

use countersign_protocol::answer::{Answer, Decision, DenialReason};
use countersign_protocol::fetch::Receipt;
use countersign_protocol::id::{ChallengeId, DeviceId};
use countersign_protocol::jws::Compact;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::webauthn::VerifiedAssertion;
use countersign_store::Transaction;

use crate::Gateway;
use crate::answer::verify::{VerifiedAnswer, check_verified_at, verify_answer};
use crate::event_sink::GatewayEvent;
use crate::rejection::{Rejection, reject};
use crate::store::approvals::{self, ApprovalRow, Resolution, Status};
use crate::store::challenges::{self, ChallengeRow, SignedTexts};
use crate::store::devices::{self, Device, DeviceState};
use crate::store::{passkeys, prompt_history};

/// A reply whose changes are kept, though it may be a refusal.
type Reply = Result<Receipt, Rejection>;

impl Gateway {
    /// Receives a device's answer to one of its challenges.
    pub(crate) async fn answer(
        &self,
        device: &Device,
        id: &ChallengeId,
        compact: &Compact<Answer>,
        transcript: Option<String>,
    ) -> Result<Receipt, Rejection> {
        let (challenge, approval, texts) = self.challenge_with_texts(device, id, transcript.is_some()).await?;
        let mut checked = verify_answer(compact, &self.settings().issuer, device, &challenge, &approval)?;
        checked.transcript = display::signed(transcript, &checked.claims)?;
        if checked.transcript.is_some() && approval.status == Status::Pending {
            match display::check(id, texts, &checked)? {
                Ok(statement) => checked.statement = Some(statement),
                // A denial counts whatever was shown.
                Err(why) => checked.display_error = Some(why).filter(|_| checked.claims.decision == Decision::Approved),
            }
        }
        let gateway = self.clone();
        let device = device.id.clone();
        let id = id.clone();
        self.store().write(move |tx| gateway.record_answer(tx, &device, &id, &checked)).await?
    }

    /// The device's challenge and its approval.
    pub(crate) async fn challenge_of(
        &self,
        device: &Device,
        id: &ChallengeId,
    ) -> Result<(ChallengeRow, ApprovalRow), Rejection> {
        let (challenge, approval, _) = self.challenge_with_texts(device, id, false).await?;
        Ok((challenge, approval))
    }

    /// The device's challenge and its approval; while that is pending, with what a transcript may quote, if asked for.
    async fn challenge_with_texts(
        &self,
        device: &Device,
        id: &ChallengeId,
        is_answer: bool,
    ) -> Result<(ChallengeRow, ApprovalRow, Option<SignedTexts>), Rejection> {
        let (device, id) = (device.id.clone(), id.clone());
        let found = self.store().read(move |snapshot| {
            let Some(challenge) = challenges::of_device(snapshot, &id, &device)? else { return Ok(None) };
            let Some(approval) = approvals::by_id(snapshot, &challenge.approval)? else { return Ok(None) };
            let is_quoted = is_answer && approval.status == Status::Pending;
            let texts = is_quoted.then(|| challenges::signed_texts(snapshot, &id, display::STATEMENTS_READ));
            Ok(Some((challenge, approval, texts.transpose()?.flatten())))
        });
        let (challenge, approval, texts) = found.await?.ok_or_else(not_found)?;
        let (about, by) = (&challenge.id, &challenge.device);
        tracing::info!(approval = %approval.id, challenge = %about, device = %by, "a device speaks about a challenge");
        Ok((challenge, approval, texts))
    }

    fn record_answer(
        &self,
        tx: &Transaction<'_>,
        device: &DeviceId,
        id: &ChallengeId,
        checked: &VerifiedAnswer,
    ) -> Result<Reply, Rejection> {
        let challenge = challenges::of_device(tx, id, device)?.ok_or_else(not_found)?;
        let approval = approvals::by_id(tx, &challenge.approval)?.ok_or_else(not_found)?;
        if challenge.answer.as_ref() == Some(&checked.fingerprint) {
            return Ok(reply(&challenge, &approval, checked));
        }
        self.confirm_challenge(tx, device, id)?;
        let device = devices::by_id(tx, device)?.ok_or_else(not_found)?;
        if device.state != DeviceState::Active {
            return Err(suspended());
        }
        if device.seq.is_some_and(|used| checked.claims.seq <= used) {
            self.suspend_device(tx, &device)?;
            return Ok(Err(suspended()));
        }
        // The first time that it arrives, while it can decide: a repetition comes later.
        if approval.status == Status::Pending && self.now() < approval.answer_until {
            check_verified_at(checked, approval.user_verification, &device, self.now())?;
        }
        devices::advance(tx, &device.id, checked.claims.seq)?;
        if let Some(assertion) = &checked.assertion {
            self.note_signature(tx, &device, assertion)?;
        }
        if challenge.answer.is_none() {
            let (answer, transcript) = (checked.compact.as_str(), checked.transcript.as_deref());
            challenges::keep_answer(tx, id, &checked.fingerprint, answer, transcript, self.now())?;
        }
        if approval.status == Status::Pending {
            if self.now() >= approval.answer_until {
                self.end_if_pending(tx, &approval.id, Status::Expired)?;
            } else {
                self.decide(tx, &approval, id, checked)?;
            }
        }
        let challenge = challenges::of_device(tx, id, &device.id)?.ok_or_else(not_found)?;
        let approval = approvals::by_id(tx, &challenge.approval)?.ok_or_else(not_found)?;
        Ok(reply(&challenge, &approval, checked))
    }

    /// Keeps what a passkey's authenticator said of it. A count that does not grow is for the operator to know, and no reason to refuse: many
    /// authenticators don't count, and those that synchronize can't.
    pub(crate) fn note_signature(
        &self,
        tx: &Transaction<'_>,
        device: &Device,
        assertion: &VerifiedAssertion,
    ) -> Result<(), Rejection> {
        let (before, count) = (device.sign_count.unwrap_or_default(), assertion.sign_count);
        if count <= before && (count, before) != (0, 0) {
            let (subject, id, name) = (&device.subject, &device.id, device.name.as_str());
            let event = GatewayEvent::SignCount { subject, device: id, name, before, received: count };
            self.event_sink().record(tx, &event)?;
            tracing::warn!(device = %id, %subject, before, received = count, "a passkey's sign count did not grow: it may have been copied");
        }
        Ok(passkeys::note_signature(tx, &device.id, count, assertion.backup_state)?)
    }

    /// Makes the verdict of a pending approval, and updates the client's prompt history.
    fn decide(
        &self,
        tx: &Transaction<'_>,
        approval: &ApprovalRow,
        challenge: &ChallengeId,
        checked: &VerifiedAnswer,
    ) -> Result<(), Rejection> {
        let now = self.now();
        let claims = &checked.claims;
        if claims.decision == Decision::Approved
            && self.event_sink().has_ended(tx, &approval.id, approval.expires_at)?
        {
            self.end_if_pending(tx, &approval.id, Status::Cancelled)?;
            return Ok(());
        }
        let typed = claims.interaction_value.as_deref().unwrap_or_default();
        let status = match claims.decision {
            Decision::Denied => Status::Denied,
            // Before there is a verdict: what was not shown can't be approved.
            Decision::Approved if checked.display_error.is_some() => Status::Refused,
            Decision::Approved if approval.opening.as_ref().is_some_and(|opening| !opening.matches(typed)) => {
                Status::Mismatch
            }
            Decision::Approved => Status::Approved,
        };
        let (subject, client) = (&approval.subject, approval.client_id.as_str());
        let mut history = prompt_history::load(tx, subject, client)?;
        // Of practice no client is judged.
        let is_not_me = status == Status::Denied && claims.reason == Some(DenialReason::NotMe) && !approval.is_practice;
        let held_until = is_not_me.then(|| history.not_me(now, approval.not_me_hold));
        let resolution = Resolution {
            at: now,
            reason: claims.reason,
            challenge: Some(challenge.clone()),
            answer_hash: Some(checked.hash),
            amr: checked.amr.clone(),
            acr: Some(checked.acr.clone()),
            auth_time: checked.auth_time.map(|at| at.min(now)),
            by_approval_key: Some(checked.by_approval_key),
            statement: checked.statement,
            held_until,
        };
        if !self.end(tx, approval, status, &resolution)? {
            return Ok(());
        }
        if let Some(why) = &checked.display_error {
            return self.record_display_mismatch(tx, approval, &claims.iss, why);
        }
        match status {
            _ if approval.is_practice => return Ok(()),
            Status::Approved => {
                history.approved();
                if approval.unvouched {
                    let mut all = prompt_history::load(tx, subject, prompt_history::UNVOUCHED)?;
                    all.approved_unvouched();
                    prompt_history::save(tx, subject, prompt_history::UNVOUCHED, &all)?;
                }
            }
            Status::Mismatch => history.wrong_number(now),
            Status::Denied if is_not_me => {
                if let Some(held_until) = held_until {
                    let approval = &approval.id;
                    self.event_sink()
                        .record(tx, &GatewayEvent::NotMe { approval, subject, client_id: client, held_until })?;
                }
                tracing::warn!(%subject, client, until = ?held_until, "denied as \"this wasn't me\": the client is held for this user");
            }
            _ => return Ok(()),
        }
        prompt_history::save(tx, subject, client, &history)?;
        Ok(())
    }
}

/// What a device hears about its answer, now and whenever it sends the same again.
fn reply(challenge: &ChallengeRow, approval: &ApprovalRow, checked: &VerifiedAnswer) -> Reply {
    let decided_by = approval.resolution.as_ref().and_then(|decided| decided.challenge.as_ref());
    let is_first = challenge.answer.as_ref() == Some(&checked.fingerprint);
    let outcome = challenge.outcome.clone();
    let is_decisive = is_first && decided_by == Some(&challenge.id);
    let (code, words) = match approval.status {
        Status::Approved | Status::Denied if is_decisive => {
            return Ok(Receipt { outcome: outcome.map(Compact::from_text) });
        }
        Status::Mismatch if is_decisive => {
            (ProblemCode::InteractionMismatch, "That is not the number the client shows. The request is ended.")
        }
        Status::Refused if is_decisive => (
            ProblemCode::DisplayMismatch,
            "What the device says it showed is not what was asked. The request is ended.",
        ),
        Status::Expired => (ProblemCode::ChallengeExpired, "The answer came after the request's time was over."),
        _ => (ProblemCode::ApprovalDecided, "This request has ended already."),
    };
    Err(reject(code, words).with_outcome(outcome))
}

pub(crate) fn not_found() -> Rejection {
    reject(ProblemCode::NotFound, "There is no such challenge for this device.")
}

fn suspended() -> Rejection {
    let words = "Two different answers claim one place in this device's history: it may have been copied or restored. It is suspended; ask your provider.";
    reject(ProblemCode::DeviceSuspended, words)
}
