//! Accepts requests: checks what devices will show, decides interaction and muting, and stores one signed challenge per device.

use countersign_jose::clock::Timestamp;
use countersign_protocol::challenge::{Challenge, TERMINAL};
use countersign_protocol::id::{ApprovalId, ChallengeId, Subject};
use countersign_protocol::interaction::{self, Interaction, InteractionType, UserVerification};
use countersign_protocol::jws::Compact;
use countersign_protocol::kind::Kind;
use countersign_protocol::registration::DeviceClass;
use countersign_protocol::{limits, text};
use countersign_store::Transaction;

use crate::Gateway;
use crate::challenge_parts::{self, SharedPart};
use crate::decoy::Decoy;
use crate::interaction::{Capabilities, InteractionError, SHORT_LIFETIME};
use crate::prompt_limit::PromptHistory;
use crate::request::{AcceptError, AcceptedRequest, ApprovalRequest, ChallengeTarget};
use crate::store::approvals::{self, ApprovalRow, Status};
use crate::store::devices::{self, DeviceToAsk};
use crate::store::{challenge_contents, challenges, feed, prompt_history};

/// Longest scope, `acr_values` and context value, in characters.
const LINE_CHARACTERS: usize = 1000;
/// Longest client id, in characters.
const CLIENT_ID_CHARACTERS: usize = 255;
/// Challenges end this long before the last poll would come, in seconds.
const LAST_POLL_MARGIN: u64 = 2;

impl Gateway {
    /// Accepts a request inside the caller's transaction: the approval and its challenges commit or roll back with the caller's own
    /// rows. Devices are woken after the commit.
    ///
    /// # Errors
    /// [`AcceptError`]; nothing was changed.
    pub fn accept(
        &self,
        transaction: &Transaction<'_>,
        request: &ApprovalRequest,
    ) -> Result<AcceptedRequest, AcceptError> {
        self.check(request)?;
        let decided_here = self.approves_in_process(&request.subject);
        let devices = if decided_here { Vec::new() } else { self.devices_to_ask(transaction, request)? };
        let subject = &request.subject;
        let prompted = Prompted { subject, devices, is_decoy: false, decided_here };
        self.prompt(transaction, request, &prompted)
    }

    /// As [`Gateway::accept`], for a client that must not learn whether there is such a user, or what devices they have: if
    /// nobody can be asked, the request asks the devices of `decoy`, which nobody holds. Both cost the same reads, rows and
    /// signatures, now and until the request ends. `may_ask` is false for a user who is unknown or locked.
    ///
    /// # Errors
    /// [`AcceptError`], the same whoever the request is about; nothing was changed.
    pub fn accept_undisclosed(
        &self,
        transaction: &Transaction<'_>,
        request: &ApprovalRequest,
        may_ask: bool,
        decoy: &Decoy,
    ) -> Result<AcceptedRequest, AcceptError> {
        if may_ask && self.approves_in_process(&request.subject) {
            return self.accept(transaction, request);
        }
        self.check(request)?;
        let subject = if may_ask { &request.subject } else { decoy.subject() };
        let own = self.that_may_answer(devices::to_ask(transaction, subject)?, request);
        let is_decoy = own.is_empty() || choose(request, false, &types_of(&own)).is_err();
        // Read in either case.
        let others = self.decoy_devices(transaction, decoy, is_decoy)?;
        let (subject, devices) = if is_decoy { (decoy.subject(), others) } else { (subject, own) };
        let prompted = Prompted { subject, devices, is_decoy, decided_here: false };
        self.prompt(transaction, request, &prompted)
    }

    /// Decides muting and interaction, and stores the approval with one signed challenge per device.
    fn prompt(
        &self,
        transaction: &Transaction<'_>,
        request: &ApprovalRequest,
        prompted: &Prompted<'_>,
    ) -> Result<AcceptedRequest, AcceptError> {
        let Prompted { subject, decided_here, .. } = *prompted;
        let (now, kind) = (self.now(), kind_of(request));
        let client = request.client.id.as_str();
        let terminal = request.context.get(TERMINAL).filter(|_| request.client.verified);
        let terminal = terminal.map(|terminal| terminal.value.clone());
        let pending = approvals::pending_unheld(transaction, subject, client, terminal.as_deref())?;
        let mut history = prompt_history::load(transaction, subject, client)?;
        let before = history.clone();
        let mut shared = None;
        let mut held = history.admit(now, pending, &request.limits);
        if let Some(limits) = request.limits.unvouched.filter(|_| !held) {
            let pending = approvals::pending_unvouched(transaction, subject)?;
            let mut all = prompt_history::load(transaction, subject, prompt_history::UNVOUCHED)?;
            held = all.admit_unvouched(now, pending, &limits);
            if held {
                // The client's own budget pays for what was shown alone.
                history = before;
            }
            shared = Some(all);
        }
        // A request that lives longer than a number may is not raised to one.
        let raised = held && request.ttl_seconds <= SHORT_LIFETIME.as_secs();
        let types = match decided_here {
            // What approves in a device's place can do no more than a tap.
            true => vec![&[InteractionType::Boolean][..]],
            false => types_of(&prompted.devices),
        };
        let effective = choose(request, raised, &types)?;
        let (interaction, opening) = match interaction::generate(effective, self.random()) {
            Some((interaction, opening)) => (interaction, Some(opening)),
            None => (Interaction::boolean(), None),
        };

        let approval = ApprovalRow {
            id: ApprovalId::new(now, self.random()),
            is_decoy: prompted.is_decoy,
            subject: subject.clone(),
            client_id: client.to_owned(),
            status: Status::Pending,
            held,
            terminal,
            unvouched: request.limits.unvouched.is_some(),
            is_practice: false,
            interaction: effective,
            opening,
            user_verification: verification(request.user_verification, kind),
            allow_automated: self.allows_automated(request.subject_allows_automated),
            details_hash: request.authorization_details.as_ref().map(|details| details.hash()),
            requested_at: request.requested_at,
            expires_at: request.requested_at.plus_seconds(request.ttl_seconds),
            answer_until: answer_until(request, now),
            not_me_hold: request.limits.not_me_hold_seconds.saturating_mul(1000),
            resolution: None,
            disputed_at: None,
        };
        approvals::insert(transaction, &approval)?;
        let asked = prompted.devices.iter().filter(|device| device.interaction_types.contains(&effective));
        let mut shared_part: Option<SharedPart> = None;
        for device in asked {
            let challenge = self.challenge(request, &approval, kind, &interaction, device, now);
            let part = self.issue_challenge(transaction, &challenge)?;
            match &shared_part {
                None => shared_part = Some(part),
                Some(first) if *first == part => {}
                Some(_) => return Err(AcceptError::NotKept),
            }
        }
        if decided_here {
            // No device is asked; the tokens need the details all the same.
            shared_part = request.authorization_details.as_ref().map(|_| SharedPart::default());
        }
        if let Some(part) = &shared_part {
            let details = request.authorization_details.as_ref().map(|details| details.as_str());
            challenge_contents::insert(transaction, &approval.id, part, details)?;
        }
        if decided_here {
            self.approve_in_process(transaction, &approval)?;
            history.approved();
            shared.iter_mut().for_each(PromptHistory::approved_unvouched);
        }
        if !held || decided_here {
            prompt_history::save(transaction, subject, client, &history)?;
            if let Some(all) = &shared {
                prompt_history::save(transaction, subject, prompt_history::UNVOUCHED, all)?;
            }
        }
        Ok(AcceptedRequest {
            approval: approval.id,
            subject: approval.subject,
            interaction: effective,
            interaction_value: approval.opening.map(|opening| opening.value),
            expires_at: approval.expires_at,
            held,
            is_decoy: prompted.is_decoy,
        })
    }

    /// What can be checked without knowing the user.
    fn check(&self, request: &ApprovalRequest) -> Result<(), AcceptError> {
        check_texts(request)?;
        self.check_size(request, kind_of(request))
    }

    fn devices_to_ask(
        &self,
        transaction: &Transaction<'_>,
        request: &ApprovalRequest,
    ) -> Result<Vec<DeviceToAsk>, AcceptError> {
        let devices = self.that_may_answer(devices::to_ask(transaction, &request.subject)?, request);
        if !devices.is_empty() {
            return Ok(devices);
        }
        let ever = devices::all(transaction, &request.subject)?;
        let all_revoked = !ever.is_empty() && ever.iter().all(|device| device.state == devices::DeviceState::Revoked);
        Err(if all_revoked { AcceptError::DevicesRevoked } else { AcceptError::NoDevice })
    }

    fn that_may_answer(&self, mut devices: Vec<DeviceToAsk>, request: &ApprovalRequest) -> Vec<DeviceToAsk> {
        let automated_too = self.allows_automated(request.subject_allows_automated);
        devices.retain(|device| device.class == DeviceClass::Interactive || automated_too);
        devices
    }

    fn challenge(
        &self,
        request: &ApprovalRequest,
        approval: &ApprovalRow,
        kind: Kind,
        interaction: &Interaction,
        device: &DeviceToAsk,
        now: Timestamp,
    ) -> Challenge {
        let target = ChallengeTarget {
            aud: device.id.clone(),
            sub: approval.subject.clone(),
            jti: ChallengeId::new(now, self.random()),
            iat: now.seconds(),
            exp: approval.answer_until.seconds(),
            approval: approval.id.clone(),
            interaction: interaction.clone(),
            user_verification: approval.user_verification,
            held: approval.held,
        };
        request.challenge(&self.settings().issuer, kind, target)
    }

    /// Signs one device's challenge, once, and stores its own part before anybody can fetch it. Returns the part that all
    /// challenges of the approval share.
    pub(crate) fn issue_challenge(
        &self,
        transaction: &Transaction<'_>,
        challenge: &Challenge,
    ) -> Result<SharedPart, AcceptError> {
        let signed = Compact::sign(challenge, &self.keys().signing).map_err(|_| AcceptError::Sign)?;
        if signed.as_str().len() > limits::CHALLENGE_BYTES {
            return Err(AcceptError::TooLarge);
        }
        let (id, device) = (&challenge.jti, &challenge.aud);
        let details = challenge.authorization_details_json.as_deref();
        let parts = challenge_parts::split(signed.as_str(), device, id, challenge.iat, details);
        let (shared, own) = parts.ok_or(AcceptError::NotKept)?;
        let n = feed::append(transaction, device, "challenge", id.as_str(), self.now(), self.random())?;
        challenges::insert(transaction, id, &challenge.approval, device, &own, &signed.hash(), n)?;
        if !challenge.held {
            self.wake_for_challenge(transaction, device)?;
        }
        Ok(shared)
    }
}

/// Whom a request asks.
struct Prompted<'a> {
    subject: &'a Subject,
    devices: Vec<DeviceToAsk>,
    /// Nobody holds these devices.
    is_decoy: bool,
    /// An in-process approver decides in the devices' place.
    decided_here: bool,
}

fn types_of(devices: &[DeviceToAsk]) -> Vec<&[InteractionType]> {
    devices.iter().map(|device| device.interaction_types.as_slice()).collect()
}

fn choose(
    request: &ApprovalRequest,
    raised: bool,
    types: &[&[InteractionType]],
) -> Result<InteractionType, InteractionError> {
    request.interaction_policy.choose(kind_of(request), raised, Capabilities::Known(types))
}

fn kind_of(request: &ApprovalRequest) -> Kind {
    let scope = request.scope.as_deref();
    match &request.authorization_details {
        Some(details) => Kind::of(details.types(), scope),
        None => Kind::of([], scope),
    }
}

/// Admitting another device always takes verification.
fn verification(asked: UserVerification, kind: Kind) -> UserVerification {
    if kind == Kind::Device { UserVerification::Required } else { asked }
}

/// The end of the challenges: the request's, less min(interval + 2 s, a fifth of its lifetime), in whole seconds as a JWT has them.
fn answer_until(request: &ApprovalRequest, now: Timestamp) -> Timestamp {
    let life = request.ttl_seconds.saturating_mul(1000);
    let margin = request.interval_seconds.saturating_add(LAST_POLL_MARGIN).saturating_mul(1000).min(life / 5);
    let end = request.requested_at.plus_millis(life - margin);
    Timestamp::from_seconds(end.seconds().max(now.seconds() + 1))
}

fn check_texts(request: &ApprovalRequest) -> Result<(), AcceptError> {
    if let Some(message) = &request.binding_message {
        text::check(message, limits::BINDING_MESSAGE_CHARACTERS).map_err(AcceptError::BindingMessage)?;
    }
    let refused = |member: &str| {
        let member = member.to_owned();
        move |why| AcceptError::Text { member, why }
    };
    text::check(&request.provider.name, limits::NAME_CHARACTERS).map_err(refused("provider name"))?;
    text::check(&request.client.name, limits::NAME_CHARACTERS).map_err(refused("client name"))?;
    text::check(&request.client.id, CLIENT_ID_CHARACTERS).map_err(refused("client_id"))?;
    for (member, line) in [("scope", &request.scope), ("acr_values", &request.acr_values)] {
        if let Some(line) = line {
            text::check_inner(line, LINE_CHARACTERS).map_err(refused(member))?;
        }
    }
    for (member, context) in &request.context {
        text::check(member, limits::NAME_CHARACTERS).map_err(refused("context"))?;
        text::check(&context.value, LINE_CHARACTERS).map_err(refused(member))?;
    }
    if request.ttl_seconds == 0 || request.ttl_seconds > limits::REQUEST_SECONDS {
        return Err(AcceptError::Lifetime);
    }
    Ok(())
}
