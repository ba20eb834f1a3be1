//! Generates scenarios: one step after another, each possible in the state before it.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use proptest_state_machine::ReferenceStateMachine;

/// Alice's devices, all enrolled before the scenario begins.
pub(super) const DEVICES: [&str; 3] = ["Phone", "Tablet", "Laptop"];

/// Who asks. The till may know everybody and shows numbers; the kiosk must not know who exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Client {
    Till,
    Kiosk,
}

/// What a device's answer says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Decision {
    Yes,
    /// Yes, with another number than the client's. The same as yes where no number is asked for.
    WrongNumber,
    No,
    NotMe,
}

/// What can be cut short by a power cut, or happen at the same time as others. Numbers count from the scenario's beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// An answer that was signed is sent, for the first time or again.
    Send { answer: usize },
    /// A client polls for its request.
    Poll { request: usize },
    /// Another client asks about it.
    PollByStranger { request: usize },
    /// A device says that it can't show a request.
    Refuse { device: usize, request: usize },
    /// The person disputes.
    Dispute { device: usize, request: usize },
    /// The provider takes a request back.
    Withdraw { request: usize },
    /// The operator revokes a device.
    Revoke { device: usize },
    /// What is overdue is ended.
    Sweep,
}

/// A step of a scenario.
#[derive(Clone)]
pub(super) enum Step {
    Ask {
        by: Client,
        cents: Option<u16>,
        number: bool,
        life: u16,
    },
    Fetch {
        device: usize,
    },
    Sign {
        device: usize,
        request: usize,
        word: Decision,
    },
    Do(Action),
    /// All at the same time.
    Concurrently(Vec<Action>),
    /// The power fails while it happens; nobody hears what came of it. So much of what it wrote is on the disk, in 255ths.
    PowerCut(Action, u8),
    /// A client's request, cut short in the same way.
    AskPowerCut {
        by: Client,
        written: u8,
    },
    Wait {
        seconds: u16,
    },
    /// The provider is killed and started again.
    Kill,
    /// It is started again with Alice locked out, or let in.
    Lock(bool),
}

/// What is known while a scenario is generated.
#[derive(Clone, Default)]
pub(super) struct Scenario {
    requests: Vec<RequestProgress>,
    /// The devices of the answers that were signed, and whether they were sent.
    answers: Vec<(usize, bool)>,
    locked: bool,
}

#[derive(Clone, Default)]
struct RequestProgress {
    fetched: [bool; 3],
    signed: [bool; 3],
}

impl ReferenceStateMachine for Scenario {
    type State = Scenario;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Scenario> {
        Just(Scenario::default()).boxed()
    }

    fn transitions(scenario: &Scenario) -> BoxedStrategy<Step> {
        let client = prop_oneof![3 => Just(Client::Till), 1 => Just(Client::Kiosk)];
        let life = prop_oneof![3 => Just(300_u16), 1 => 10..120_u16];
        let ask = (client.clone(), prop::option::of(1_u16..20_000), any::<bool>(), life)
            .prop_map(|(by, cents, number, life)| Step::Ask { by, cents, number, life });
        let pending = scenario.requests.iter().filter(|asked| asked.signed == [false; 3]).count();
        let fetch = (0..3_usize).prop_map(|device| Step::Fetch { device });
        let wait = prop_oneof![12 => 1..8_u16, 1 => 200..420_u16].prop_map(|seconds| Step::Wait { seconds });
        let mut steps = vec![
            (if pending < 3 { 10 } else { 1 }, ask.boxed()),
            (6, fetch.boxed()),
            (3, wait.boxed()),
            (1, Just(Step::Kill).boxed()),
            (if scenario.locked { 6 } else { 1 }, Just(Step::Lock(!scenario.locked)).boxed()),
            (1, (client, any::<u8>()).prop_map(|(by, written)| Step::AskPowerCut { by, written }).boxed()),
        ];
        let may_sign: Vec<_> = scenario.on_devices(|asked, device| asked.fetched[device] && !asked.signed[device]);
        if !may_sign.is_empty() {
            let word = prop_oneof![
                6 => Just(Decision::Yes), 3 => Just(Decision::WrongNumber), 2 => Just(Decision::No), 1 => Just(Decision::NotMe)
            ];
            let sign =
                (select(may_sign), word).prop_map(|((device, request), word)| Step::Sign { device, request, word });
            steps.push((10, sign.boxed()));
        }
        if let Some(act) = scenario.act() {
            steps.push((20, act.clone().prop_map(Step::Do).boxed()));
            steps.push((5, prop::collection::vec(act.clone(), 2..=4).prop_map(Step::Concurrently).boxed()));
            steps.push((4, (act, any::<u8>()).prop_map(|(act, written)| Step::PowerCut(act, written)).boxed()));
        }
        Union::new_weighted(steps).boxed()
    }

    fn apply(mut scenario: Scenario, step: &Step) -> Scenario {
        match step {
            Step::Ask { .. } => scenario.requests.push(RequestProgress::default()),
            Step::Fetch { device } => scenario.requests.iter_mut().for_each(|asked| asked.fetched[*device] = true),
            Step::Sign { device, request, .. } => {
                scenario.requests[*request].signed[*device] = true;
                scenario.answers.push((*device, false));
            }
            Step::Lock(locked) => scenario.locked = *locked,
            Step::Do(act) | Step::PowerCut(act, _) => scenario.note(act),
            Step::Concurrently(acts) => acts.iter().for_each(|act| scenario.note(act)),
            _ => {}
        }
        scenario
    }

    fn preconditions(scenario: &Scenario, step: &Step) -> bool {
        let has_fetched =
            |device: usize, request: usize| scenario.requests.get(request).is_some_and(|asked| asked.fetched[device]);
        let exists = |act: &Action| match *act {
            Action::Send { answer } => answer < scenario.answers.len(),
            Action::Poll { request } | Action::PollByStranger { request } | Action::Withdraw { request } => {
                request < scenario.requests.len()
            }
            Action::Refuse { device, request } | Action::Dispute { device, request } => has_fetched(device, request),
            Action::Revoke { .. } | Action::Sweep => true,
        };
        match step {
            Step::Sign { device, request, .. } => has_fetched(*device, *request),
            Step::Do(act) | Step::PowerCut(act, _) => exists(act),
            Step::Concurrently(acts) => acts.iter().all(exists),
            Step::Lock(locked) => *locked != scenario.locked,
            _ => true,
        }
    }
}

impl Scenario {
    fn note(&mut self, act: &Action) {
        if let Action::Send { answer } = act {
            self.answers[*answer].1 = true;
        }
    }

    /// Devices and requests of which this holds.
    fn on_devices(&self, holds: impl Fn(&RequestProgress, usize) -> bool) -> Vec<(usize, usize)> {
        let all = self.requests.iter().enumerate().flat_map(|(n, asked)| (0..3).map(move |device| (device, n, asked)));
        all.filter(|(device, _, asked)| holds(asked, *device)).map(|(device, n, _)| (device, n)).collect()
    }

    /// Something that can happen now; mostly what moves the scenario on.
    fn act(&self) -> Option<BoxedStrategy<Action>> {
        if self.requests.is_empty() {
            return None;
        }
        let all: Vec<_> = (0..self.requests.len()).collect();
        let latest = all[all.len().saturating_sub(3)..].to_vec();
        let mut acts = vec![
            (8, select(latest).prop_map(|request| Action::Poll { request }).boxed()),
            (2, select(all.clone()).prop_map(|request| Action::Poll { request }).boxed()),
            (1, select(all.clone()).prop_map(|request| Action::PollByStranger { request }).boxed()),
            (1, select(all).prop_map(|request| Action::Withdraw { request }).boxed()),
            (2, Just(Action::Sweep).boxed()),
        ];
        let on_device = self.on_devices(|asked, device| asked.fetched[device]);
        if !on_device.is_empty() {
            let refuse = |(device, request)| Action::Refuse { device, request };
            acts.push((3, select(on_device.clone()).prop_map(refuse).boxed()));
            acts.push((2, select(on_device).prop_map(|(device, request)| Action::Dispute { device, request }).boxed()));
        }
        // A device sends its answers in order. One that is sent late makes it a suspect, so that is the exception.
        let next: Vec<_> =
            (0..3).filter_map(|device| self.answers.iter().position(|one| *one == (device, false))).collect();
        if !next.is_empty() {
            acts.push((14, select(next).prop_map(|answer| Action::Send { answer }).boxed()));
        }
        if !self.answers.is_empty() {
            acts.push((3, (0..self.answers.len()).prop_map(|answer| Action::Send { answer }).boxed()));
        }
        if self.requests.len() > 2 {
            acts.push((2, (0..3_usize).prop_map(|device| Action::Revoke { device }).boxed()));
        }
        Some(Union::new_weighted(acts).boxed())
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("three devices are enrolled")
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Ask { by, cents, number, life } => {
                write!(f, "the {} asks", by.name())?;
                if let Some(cents) = cents {
                    write!(f, " for {} cents", cents)?;
                }
                if *number && *by == Client::Till {
                    f.write_str(", by number")?;
                }
                write!(f, ", for {life} s")
            }
            Step::Fetch { device } => write!(f, "{} fetches", DEVICES[*device]),
            Step::Sign { device, request, word } => {
                let word = match word {
                    Decision::Yes => "yes",
                    Decision::WrongNumber => "yes, with a wrong number,",
                    Decision::No => "no",
                    Decision::NotMe => "no, not me,",
                };
                write!(f, "{} signs {word} to request {request}", DEVICES[*device])
            }
            Step::Do(act) => act.fmt(f),
            Step::Concurrently(acts) => write!(f, "at once: {acts:?}"),
            Step::PowerCut(act, written) => write!(f, "the power fails ({written}/255 written) while {act:?}"),
            Step::AskPowerCut { by, written } => {
                write!(f, "the power fails ({written}/255 written) while the {} asks", by.name())
            }
            Step::Wait { seconds } => write!(f, "{seconds} s pass"),
            Step::Kill => f.write_str("the provider is killed and started again"),
            Step::Lock(true) => f.write_str("Alice is locked out"),
            Step::Lock(false) => f.write_str("Alice is let in again"),
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Send { answer } => write!(f, "answer {answer} is sent"),
            Action::Poll { request } => write!(f, "request {request} is polled for"),
            Action::PollByStranger { request } => write!(f, "another client polls for request {request}"),
            Action::Refuse { device, request } => write!(f, "{} can't show request {request}", DEVICES[*device]),
            Action::Dispute { device, request } => write!(f, "request {request} is disputed on {}", DEVICES[*device]),
            Action::Withdraw { request } => write!(f, "request {request} is withdrawn"),
            Action::Revoke { device } => write!(f, "{} is revoked", DEVICES[*device]),
            Action::Sweep => f.write_str("what is overdue is swept"),
        }
    }
}

impl Client {
    pub(super) fn name(self) -> &'static str {
        match self {
            Client::Till => "till",
            Client::Kiosk => "kiosk",
        }
    }
}
