//! The model: the rules of a provider, written a second time, as simply as possible.

use super::scenario::{Action, Decision};

/// The state in the provider's store, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) devices: [Device; 3],
    pub(super) requests: Vec<Request>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) standing: DeviceStatus,
    /// The highest place in its history that an answer has taken.
    pub(super) used: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeviceStatus {
    Active,
    Suspended,
    Revoked,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Whether the provider took it.
    pub(super) made: bool,
    /// `None`: nobody was asked, and the client does not know.
    pub(super) approval: Option<Approval>,
    pub(super) redeemed: bool,
    /// A lock of the user ended it for good.
    pub(super) ended: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Approval {
    pub(super) fate: ApprovalStatus,
    pub(super) disputed: bool,
    pub(super) asked: [bool; 3],
    pub(super) refused: [bool; 3],
    /// The first answer of each device that arrived, by its number in the scenario.
    pub(super) answered: [Option<usize>; 3],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApprovalStatus {
    Open,
    Approved { answer: usize },
    Denied { answer: usize },
    Mismatch { answer: usize },
    Expired,
    Cancelled,
    DeviceRevoked,
    Refused,
}

/// What never changes about a request once it was made.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) expires_at: u64,
    /// Its end and twice the last told interval, at most a minute.
    pub(super) redeemable_until: u64,
    pub(super) answer_until: u64,
    pub(super) has_number: bool,
    /// The client must not know who exists.
    pub(super) hides: bool,
}

/// An answer that a device signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignedAnswer {
    pub(super) device: usize,
    pub(super) request: usize,
    pub(super) word: Decision,
    pub(super) seq: u64,
}

/// Everything that is fixed while a step happens.
pub(super) struct Facts<'a> {
    pub(super) now: u64,
    pub(super) locked: bool,
    pub(super) terms: &'a [Terms],
    pub(super) answers: &'a [Option<SignedAnswer>],
}

/// A client's response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PollResult {
    Pending,
    Expired,
    Denied,
    /// Used, unknown, or another client's.
    Invalid,
    Tokens,
    /// It was no poll.
    Nothing,
}

impl Model {
    /// Three devices and nothing asked yet.
    pub(super) fn new() -> Model {
        let device = || Device { standing: DeviceStatus::Active, used: 0 };
        Model { devices: [device(), device(), device()], requests: Vec::new() }
    }

    /// The user was locked: what is not redeemed by now never is.
    pub(super) fn lock(&mut self) {
        for request in self.requests.iter_mut().filter(|request| request.approval.is_some()) {
            request.ended = true;
        }
    }

    /// Everything that is due at this time has ended, whether or not it was read since.
    pub(super) fn seen_at(mut self, facts: &Facts<'_>) -> Model {
        for request in 0..self.requests.len() {
            self.end_if_open(request, ApprovalStatus::Expired, facts, true);
            // Who could not show it matters as long as another device may answer.
            if let Some(approval) =
                self.requests[request].approval.as_mut().filter(|one| one.fate != ApprovalStatus::Open)
            {
                approval.refused = [false; 3];
            }
        }
        self
    }

    /// The state after an act, and its caller's response.
    pub(super) fn after(mut self, act: &Action, facts: &Facts<'_>) -> (Model, PollResult) {
        let told = match *act {
            Action::Send { answer } => {
                self.take_answer(answer, facts);
                PollResult::Nothing
            }
            Action::Poll { request } => self.poll(request, facts),
            Action::PollByStranger { .. } => PollResult::Invalid,
            Action::Refuse { device, request } => {
                self.refuse(device, request, facts);
                PollResult::Nothing
            }
            Action::Dispute { device, request } => {
                let active = self.devices[device].standing == DeviceStatus::Active;
                if let Some(approval) = &mut self.requests[request].approval {
                    approval.disputed |= active && matches!(approval.fate, ApprovalStatus::Approved { .. });
                }
                PollResult::Nothing
            }
            Action::Withdraw { request } => {
                self.end_if_open(request, ApprovalStatus::Cancelled, facts, false);
                PollResult::Nothing
            }
            Action::Revoke { device } => {
                if self.devices[device].standing != DeviceStatus::Revoked {
                    self.devices[device].standing = DeviceStatus::Revoked;
                    self.withdraw_from(device, facts);
                }
                PollResult::Nothing
            }
            Action::Sweep => PollResult::Nothing,
        };
        (self, told)
    }

    fn take_answer(&mut self, number: usize, facts: &Facts<'_>) {
        let answer = facts.answers[number].expect("it was signed");
        let device = &mut self.devices[answer.device];
        let has_ended = self.requests[answer.request].ended;
        let Some(approval) = &mut self.requests[answer.request].approval else { return };
        let first = &mut approval.answered[answer.device];
        if device.standing != DeviceStatus::Active || *first == Some(number) {
            return;
        }
        if answer.seq <= device.used {
            device.standing = DeviceStatus::Suspended;
            return self.withdraw_from(answer.device, facts);
        }
        device.used = answer.seq;
        first.get_or_insert(number);
        let fate = match answer.word {
            Decision::No | Decision::NotMe => ApprovalStatus::Denied { answer: number },
            // Between a lock and its withdrawals nothing is approved any more.
            Decision::Yes | Decision::WrongNumber if has_ended => ApprovalStatus::Cancelled,
            Decision::WrongNumber if facts.terms[answer.request].has_number => {
                ApprovalStatus::Mismatch { answer: number }
            }
            Decision::Yes | Decision::WrongNumber => ApprovalStatus::Approved { answer: number },
        };
        self.end_if_open(answer.request, fate, facts, false);
    }

    fn poll(&mut self, request: usize, facts: &Facts<'_>) -> PollResult {
        let terms = &facts.terms[request];
        let state = &mut self.requests[request];
        if state.redeemed || !state.made {
            return PollResult::Invalid;
        }
        let unanswered = if facts.now >= terms.expires_at { PollResult::Expired } else { PollResult::Pending };
        let Some(approval) = &state.approval else { return unanswered };
        match approval.fate {
            ApprovalStatus::Open | ApprovalStatus::Expired | ApprovalStatus::Cancelled
                if state.ended && terms.hides =>
            {
                unanswered
            }
            ApprovalStatus::Open | ApprovalStatus::Expired if state.ended => PollResult::Denied,
            ApprovalStatus::Open | ApprovalStatus::Expired => unanswered,
            ApprovalStatus::Refused | ApprovalStatus::DeviceRevoked if terms.hides => unanswered,
            ApprovalStatus::Approved { answer } => {
                let by = facts.answers[answer].expect("it decided").device;
                let device = &self.devices[by];
                let is_void = state.ended || approval.disputed || device.standing != DeviceStatus::Active;
                if facts.locked || is_void {
                    return PollResult::Denied;
                }
                if facts.now >= terms.redeemable_until {
                    return PollResult::Expired;
                }
                state.redeemed = true;
                PollResult::Tokens
            }
            _ => PollResult::Denied,
        }
    }

    fn refuse(&mut self, device: usize, request: usize, facts: &Facts<'_>) {
        let is_active = self.devices[device].standing == DeviceStatus::Active;
        let Some(approval) = &mut self.requests[request].approval else { return };
        if is_active && approval.asked[device] && approval.fate == ApprovalStatus::Open {
            approval.refused[device] = true;
            self.end_if_nobody_is_left(request, facts);
        }
    }

    fn withdraw_from(&mut self, device: usize, facts: &Facts<'_>) {
        for request in 0..self.requests.len() {
            if self.requests[request].approval.as_ref().is_some_and(|approval| approval.asked[device]) {
                self.end_if_nobody_is_left(request, facts);
            }
        }
    }

    fn end_if_nobody_is_left(&mut self, request: usize, facts: &Facts<'_>) {
        let Some(approval) = &self.requests[request].approval else { return };
        let can_answer =
            |n: usize| approval.asked[n] && !approval.refused[n] && self.devices[n].standing == DeviceStatus::Active;
        if !(0..3).any(can_answer) {
            let refused = approval.refused.contains(&true);
            let fate = if refused { ApprovalStatus::Refused } else { ApprovalStatus::DeviceRevoked };
            self.end_if_open(request, fate, facts, false);
        }
    }

    /// The one way an approval ends; what is overdue has expired, whatever comes to end it.
    fn end_if_open(&mut self, request: usize, fate: ApprovalStatus, facts: &Facts<'_>, only_if_due: bool) {
        let Some(approval) = &mut self.requests[request].approval else { return };
        let is_due = facts.now >= facts.terms[request].answer_until;
        if approval.fate == ApprovalStatus::Open && (is_due || !only_if_due) {
            approval.fate = if is_due { ApprovalStatus::Expired } else { fate };
        }
    }
}
