//! A known passkey registers the page that lost its transport key: a new device with the old one's approval key, and the end of the
//! old one, in one transaction. With a link of the same user, or, where policy or the time since the enrollment allow it, without.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::key::{PublicKey, Signer as _};
use countersign_protocol::challenge::Challenge;
use countersign_protocol::discovery::ResumePolicy;
use countersign_protocol::enrollment::ConfirmedBy;
use countersign_protocol::id::{ApprovalId, ChallengeId, DeviceId, Subject};
use countersign_protocol::jws::Compact;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::registration::{RegistrationRequest, RegistrationResponse, RegistrationToken, ResumeRequest};
use countersign_protocol::revocation::RevokedBy;
use countersign_protocol::webauthn::{PasskeyProof, VerifiedAssertion, resume_challenge};
use countersign_store::{Error as StoreError, Snapshot, Transaction};

use super::description::{CheckedDescription, DeviceKeys, check_passkey_device};
use crate::outcome::EndError;
use crate::rejection::{Rejection, reject};
use crate::store::challenges::{self, PendingChallenge};
use crate::store::devices::{self, Device, DeviceState};
use crate::store::feed;
use crate::store::links::Link;
use crate::store::passkeys::{self, NewPasskey, Resumed, Successor};
use crate::{Gateway, challenge_parts};

/// How long after an enrollment a passkey registers once without a link, in seconds: a page on the home screen has another storage
/// than the tab in which it was enrolled.
const WINDOW: u64 = 15 * 60;
/// Registrations of one passkey without a link in a day.
const PER_DAY: u32 = 3;
const DAY: u64 = 86_400;

/// A known passkey whose signature holds.
pub(crate) struct KnownPasskey {
    /// The device that has it; active when it was looked up.
    device: DeviceId,
    id: Vec<u8>,
    key: PublicKey,
    assertion: VerifiedAssertion,
}

impl KnownPasskey {
    /// The public key.
    pub(super) const fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// A registration without a link whose passkey and description are verified.
pub(crate) struct VerifiedResumption {
    device: CheckedDescription,
    known: KnownPasskey,
}

impl Gateway {
    /// The passkey of a registration by a link of its own user, if its signature for this link and transport key holds.
    pub(super) async fn known_by_link(
        &self,
        token: &RegistrationToken,
        request: &RegistrationRequest,
        proof: &PasskeyProof,
    ) -> Result<KnownPasskey, Rejection> {
        check_passkey_device(&request.device)?;
        self.admit_resumptions()?;
        let challenge = resume_challenge(&request.registration_token.hash(), request.public_key.thumbprint());
        self.known_passkey(proof, &challenge, Some(&token.sub)).await?.ok_or_else(unknown_passkey)
    }

    /// Refuses every registration without a link where policy does.
    pub(crate) fn admit_resumptions(&self) -> Result<(), Rejection> {
        if self.settings().resume_policy() == ResumePolicy::Off { Err(not_allowed()) } else { Ok(()) }
    }

    /// Verifies a registration without a link: the passkey signed for the nonce and the new transport key. Whether it may is decided
    /// by [`Gateway::resume`]; an unknown passkey, a wrong signature and a forbidden one are answered alike.
    pub(crate) async fn check_resumption(
        &self,
        request: &ResumeRequest,
        page: Option<&str>,
    ) -> Result<VerifiedResumption, Rejection> {
        check_passkey_device(&request.device)?;
        let device = self.check_description(&request.public_key, &request.device, page)?;
        let challenge = resume_challenge(&Hash::of(&request.resume_nonce), request.public_key.thumbprint());
        let known = self.known_passkey(&request.approval_proof, &challenge, None).await?.ok_or_else(not_allowed)?;
        Ok(VerifiedResumption { device, known })
    }

    /// Binds the new device and ends the old one, where policy or the time since the enrollment allow it. The same transport key
    /// again gets its device and a new credential: the response may have been lost.
    pub(crate) async fn resume(&self, checked: VerifiedResumption) -> Result<RegistrationResponse, Rejection> {
        let gateway = self.clone();
        let approval_key = checked.known.key().clone();
        let mut response = self.store().write(move |tx| gateway.resume_in(tx, &checked)).await?;
        response.approval_key = Some(approval_key);
        response.evidence_root = Some(*self.keys().root.public_key().thumbprint());
        self.withdraw_from_ended_devices().await?;
        Ok(response)
    }

    fn resume_in(&self, tx: &Transaction<'_>, checked: &VerifiedResumption) -> Result<RegistrationResponse, Rejection> {
        let old = active_device(tx, &checked.known)?.ok_or_else(not_allowed)?;
        let in_window = old.confirmed_at.is_some_and(|at| self.now() < at.plus_seconds(WINDOW));
        let is_alone = old.resumed == Some(Resumed::Alone);
        let device = if is_alone && in_window && old.transport_kid == *checked.device.transport.thumbprint() {
            old
        } else if (in_window && !is_alone) || self.settings().resume_policy() == ResumePolicy::Passkey {
            self.check_day(tx, &checked.known)?;
            self.replace_device(tx, &old, &checked.known, &checked.device, None)?
        } else {
            return Err(not_allowed());
        };
        let label = subject_label(tx, &device.id)?.unwrap_or_default();
        self.registered(tx, device, label)
    }

    /// Puts a device in the place of `old`, whose passkey it has: the same approval key, a chain of statements of its own, asked anew
    /// about what is pending. The old one is revoked, and the user's others are notified.
    pub(super) fn replace_device(
        &self,
        tx: &Transaction<'_>,
        old: &Device,
        known: &KnownPasskey,
        description: &CheckedDescription,
        link: Option<&Link>,
    ) -> Result<Device, Rejection> {
        let stated = old.passkey.clone().ok_or_else(unknown_passkey)?;
        if devices::is_key_known(tx, description.transport.thumbprint())? {
            let words = "The transport key belongs to another registration: make a new one for each.";
            return Err(reject(ProblemCode::InvalidPublicKey, words));
        }
        self.note_signature(tx, old, &known.assertion)?;
        let VerifiedAssertion { sign_count, backup_state, .. } = known.assertion;
        let passkey = NewPasskey { stated, id: known.id.clone(), sign_count, backup_state, verified: old.key_verified };
        let keys = DeviceKeys {
            subject: &old.subject,
            approval_key: &known.key,
            passkey: Some(&passkey),
            link: link.map_or(&old.link, |link| &link.id),
            allow_automated: false,
            resumed: Some(if link.is_some() { Resumed::Link } else { Resumed::Alone }),
        };
        let id = self.store_device(tx, description, &keys)?;
        let stored = || devices::by_id(tx, &id).map_err(Rejection::from)?.ok_or_else(unknown_passkey);
        let label = match link {
            Some(link) => Some(link.subject_label.clone()),
            None => subject_label(tx, &old.id)?,
        };
        self.confirm_labelled(tx, &stored()?, ConfirmedBy::Passkey, label)?;
        // It asks the new one about what is pending.
        self.end_device(tx, old, DeviceState::Revoked, RevokedBy::Device)?;
        tracing::info!(device = %id, replaces = %old.id, subject = %old.subject, with_link = link.is_some(), "a known passkey registered again");
        stored()
    }

    /// Asks the device that took the place of this one, which ended, about a request that is pending, unless it was asked.
    pub(crate) fn ask_successor(
        &self,
        tx: &Transaction<'_>,
        ended: &DeviceId,
        successor: &Successor,
        approval: &ApprovalId,
    ) -> Result<(), EndError> {
        match challenges::pending_unasked(tx, ended, approval, &successor.device)? {
            Some(pending) if successor.shows.contains(&pending.interaction) => {
                self.ask_again(tx, ended, &successor.device, &pending)
            }
            _ => Ok(()),
        }
    }

    /// Asks the new device about a request that is pending at the old one: the same challenge for another device, signed now.
    fn ask_again(
        &self,
        tx: &Transaction<'_>,
        old: &DeviceId,
        new: &DeviceId,
        pending: &PendingChallenge,
    ) -> Result<(), EndError> {
        let now = self.now();
        // Signed by this gateway.
        let before =
            Compact::<Challenge>::from_text(pending.jws.as_str()).peek().map_err(|_| StoreError::MissingRow)?;
        if now.seconds() >= before.exp {
            return Ok(());
        }
        let (jti, iat) = (ChallengeId::new(now, self.random()), now.seconds().max(before.iat));
        let challenge = Challenge { aud: new.clone(), jti, iat, ..before.clone() };
        let signed = Compact::sign(&challenge, &self.keys().signing)?;
        let details = challenge.authorization_details_json.as_deref();
        let parts = |jws: &str, device: &DeviceId, id: &ChallengeId, iat| {
            challenge_parts::split(jws, device, id, iat, details).ok_or(StoreError::MissingRow)
        };
        let (shared, _) = parts(&pending.jws, old, &pending.id, before.iat)?;
        let (again, own) = parts(signed.as_str(), new, &challenge.jti, iat)?;
        if shared.frame != again.frame {
            return Err(StoreError::MissingRow.into());
        }
        let n = feed::append(tx, new, "challenge", challenge.jti.as_str(), now, self.random())?;
        challenges::insert(tx, &challenge.jti, &challenge.approval, new, &own, &signed.hash(), n)?;
        challenges::set_signed_later(tx, &challenge.jti, &again)?;
        if !challenge.held {
            self.wake_for_challenge(tx, new)?;
        }
        Ok(())
    }

    /// Without a link at most three times a day.
    fn check_day(&self, tx: &Transaction<'_>, known: &KnownPasskey) -> Result<(), Rejection> {
        let now = self.now();
        let since = Timestamp::from_millis(now.millis().saturating_sub(DAY * 1000));
        let (times, first) = passkeys::resumed_alone_since(tx, &known.id, since)?;
        if times < PER_DAY {
            return Ok(());
        }
        let mut refused = reject(ProblemCode::RateLimited, "This passkey was used three times without a link today.");
        let passed = first.map_or(0, |first| now.millis_since(first) / 1000);
        refused.retry_after = Some(DAY.saturating_sub(passed).max(1));
        Err(refused)
    }

    /// Finds an active device by its passkey, and verifies what the passkey signed.
    async fn known_passkey(
        &self,
        proof: &PasskeyProof,
        challenge: &Hash,
        subject: Option<&Subject>,
    ) -> Result<Option<KnownPasskey>, Rejection> {
        let id = proof.credential_id.clone();
        let found = self.store().read(move |snapshot| passkeys::active_device(snapshot, &id)).await?;
        let found = found.filter(|device| subject.is_none_or(|subject| device.subject == *subject));
        let Some(device) = found else { return Ok(None) };
        let key = device.approval_key()?;
        let Some(stated) = device.passkey.as_ref().filter(|stated| self.settings().takes_passkey(stated)) else {
            return Ok(None);
        };
        match proof.assertion.verify(challenge, &key, stated) {
            Ok(assertion) => {
                Ok(Some(KnownPasskey { device: device.id, id: proof.credential_id.clone(), key, assertion }))
            }
            Err(why) => {
                tracing::warn!(device = %device.id, why = why.code(), "a known passkey's signature does not hold");
                Ok(None)
            }
        }
    }
}

/// The user's name in a device's latest statement.
fn subject_label(snapshot: &Snapshot<'_>, device: &DeviceId) -> Result<Option<String>, StoreError> {
    let latest = devices::latest_statement(snapshot, device)?.and_then(|statement| statement.peek().ok());
    Ok(latest.and_then(|statement| statement.subject_label))
}

/// The device that has this passkey, where it is active.
pub(super) fn active_device(snapshot: &Snapshot<'_>, known: &KnownPasskey) -> Result<Option<Device>, StoreError> {
    Ok(devices::by_id(snapshot, &known.device)?.filter(|device| device.state == DeviceState::Active))
}

pub(super) fn unknown_passkey() -> Rejection {
    reject(ProblemCode::InvalidPublicKey, "No device of this user has this passkey.")
}

fn not_allowed() -> Rejection {
    reject(ProblemCode::ResumeNotAllowed, "This passkey can't register without a link now: open a new link.")
}
