//! Runs a scenario on a real provider, and compares the state after each step with the model.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use axum::http::StatusCode;
use countersign_jose::clock::Clock as _;
use countersign_jose::hash::Hash;
use countersign_protocol::answer::{Answer, DenialReason};
use countersign_protocol::challenge::VerifiedChallenge;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::Ending;
use countersign_protocol::revocation::RevokedBy;
use countersign_testing::ManualClock;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};
use futures_util::future::join_all;
use proptest_state_machine::StateMachineTest;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::model::{ApprovalStatus, DeviceStatus, Facts, Model, PollResult, SignedAnswer, Terms};
use super::scenario::{Action, Client, DEVICES, Decision, Scenario, Step};
use super::stored_state::{self, Names};
use crate::world::{BC, CONFIG, Reply, World};

/// A provider with three devices, what was asked and signed so far, and what must be true of it.
pub(super) struct Runner {
    runtime: Runtime,
    world: World,
    devices: Vec<TestDevice>,
    requests: Vec<RequestRecord>,
    answers: Vec<Option<(SignedAnswer, Compact<Answer>)>>,
    /// Numbers of the answers, by `jti` and by hash.
    numbers: HashMap<String, usize>,
    /// The outcome returned for each answer; a repeated answer must get the same.
    told: HashMap<usize, String>,
    model: Model,
    locked: bool,
    /// How often the provider was started: each start draws other random numbers.
    starts: u64,
}

/// A request as its client knows it, and the challenges that devices fetched.
struct RequestRecord {
    client: &'static str,
    id: String,
    details: Option<String>,
    number: Option<String>,
    terms: Terms,
    challenges: [Option<VerifiedChallenge>; 3],
}

/// How often each end has been seen, over all scenarios.
pub(super) static SEEN: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

/// A response to one act.
enum ActionResponse {
    Reply(Reply),
    Device(countersign_testing_gateway::Response),
    Nothing,
}

/// The interval of the clients below, in seconds.
const INTERVAL: u64 = 1;

fn config(locked: bool) -> String {
    let lock = if locked { "name = \"Alice\"\nlocked = true" } else { "name = \"Alice\"" };
    CONFIG.replace("name = \"Alice\"", lock).replace("interval = 5", "interval = 1")
}

impl StateMachineTest for Runner {
    type SystemUnderTest = Runner;
    type Reference = Scenario;

    fn init_test(_: &Scenario) -> Runner {
        Runner::set()
    }

    fn apply(mut runner: Runner, _: &Scenario, step: Step) -> Runner {
        match step {
            Step::Ask { by, cents, number, life } => runner.ask(by, cents, number, life),
            Step::Fetch { device } => runner.fetch(device),
            Step::Sign { device, request, word } => runner.sign(device, request, word),
            Step::Do(act) => runner.at_once(vec![act]),
            Step::Concurrently(acts) => runner.at_once(acts),
            Step::PowerCut(act, written) if runner.can(&act) => runner.cut_short(&act, written),
            Step::PowerCut(..) => {}
            Step::AskPowerCut { by, written } => runner.ask_cut_short(by, written),
            Step::Wait { seconds } => runner.world.advance_seconds(seconds.into()),
            Step::Kill => runner.restart(&runner.journal_bytes()),
            Step::Lock(locked) => {
                runner.locked = locked;
                if locked {
                    runner.model.lock();
                }
                runner.restart(&runner.journal_bytes());
            }
        }
        runner
    }

    fn check_invariants(runner: &Runner, _: &Scenario) {
        let facts = runner.terms_and_answers();
        let facts = runner.facts(&facts);
        assert_eq!(runner.stored_state().seen_at(&facts), runner.model.clone().seen_at(&facts));
    }

    fn teardown(runner: Runner, _: Scenario) {
        let mut seen = SEEN.lock().expect("nobody panicked");
        for request in &runner.model.requests {
            let end = request.approval.as_ref().map(|approval| format!("{:?}", approval.fate));
            let end = end.as_deref().and_then(|end| end.split(' ').next()).unwrap_or("nobody asked");
            *seen.entry(end.to_owned()).or_default() += 1;
            for (is_so, what) in [
                (request.redeemed, "tokens"),
                (request.approval.as_ref().is_some_and(|approval| approval.disputed), "disputed"),
            ] {
                *seen.entry(what.to_owned()).or_default() += u32::from(is_so);
            }
        }
    }
}

impl Runner {
    /// Everything as the scenario begins. The enrollments are made once and copied for every scenario.
    fn set() -> Runner {
        static TEMPLATE: OnceLock<(tempfile::TempDir, Vec<TestDevice>)> = OnceLock::new();
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (home, devices) = TEMPLATE.get_or_init(|| {
            let world = World::with(&config(false));
            let devices = runtime().block_on(async {
                let mut devices = Vec::new();
                for name in DEVICES {
                    devices.push(world.enroll(name).await);
                }
                devices
            });
            (copied(world.home(), None), devices)
        });
        let clock = Arc::new(ManualClock::at_seconds(1_800_000_000));
        let devices = devices.iter().map(|device| device.copy().with_clock(clock.clone())).collect();
        Runner {
            runtime: runtime(),
            world: World::over(copied(home.path(), None), &config(false), clock, 1000),
            devices,
            requests: Vec::new(),
            answers: Vec::new(),
            numbers: HashMap::new(),
            told: HashMap::new(),
            model: Model::new(),
            locked: false,
            starts: 1000,
        }
    }

    fn ask(&mut self, by: Client, cents: Option<u16>, number: bool, life: u16) {
        let details = cents.map(|cents| payment(cents, self.requests.len()));
        let reply = self.runtime.block_on(ask(&self.world, by, details.as_deref(), number, life));
        let hides = by == Client::Kiosk;
        let asked = [0, 1, 2].map(|device| self.model.devices[device].standing == DeviceStatus::Active);
        let is_real = !self.locked && asked.contains(&true);
        assert_eq!(reply.status.is_success(), is_real || hides, "{}", reply.body);
        let made = reply.status.is_success();

        let now = self.now();
        let shown = reply.json()["interaction_value"].as_str().map(str::to_owned);
        let life = u64::from(life);
        self.requests.push(RequestRecord {
            client: by.name(),
            id: if made { reply.text("auth_req_id") } else { format!("never made {}", self.requests.len()) },
            details,
            terms: Terms {
                expires_at: now + life,
                redeemable_until: now + life + 2 * INTERVAL,
                answer_until: now + (life * 1000 - ((INTERVAL + 2) * 1000).min(life * 200)) / 1000,
                has_number: shown.is_some(),
                hides,
            },
            number: shown,
            challenges: [None, None, None],
        });
        let approval = is_real.then_some(super::model::Approval {
            fate: ApprovalStatus::Open,
            disputed: false,
            asked,
            refused: [false; 3],
            answered: [None; 3],
        });
        self.model.requests.push(super::model::Request { made, approval, redeemed: false, ended: false });
    }

    /// A device hears everything new. What it is asked is what the client asked, and what ended ended as it must.
    fn fetch(&mut self, device: usize) {
        if self.model.devices[device].standing != DeviceStatus::Active {
            return;
        }
        let fetched = self.runtime.block_on(self.devices[device].pull(&self.world.side));
        let by_approval: HashMap<String, usize> = (0..self.requests.len())
            .filter_map(|n| {
                let approval = self.world.provider.approval_of(&self.requests[n].id).expect("read")?;
                Some((approval.to_string(), n))
            })
            .collect();
        for challenge in &fetched.challenges {
            let claims = challenge.peek().expect("a challenge");
            // A request whose acknowledgement was lost with the power is nobody's; an overdue one is not shown.
            let Some(n) = by_approval.get(claims.approval.as_str()) else { continue };
            if claims.exp <= self.now() {
                continue;
            }
            let asked = &mut self.requests[*n];
            let verified = self.devices[device].verify(challenge);
            let claims = verified.claims();
            assert_eq!(claims.authorization_details_json, asked.details, "it shows what was asked");
            assert_eq!(claims.client.id, asked.client);
            assert_eq!(claims.exp, asked.terms.answer_until);
            assert_eq!(claims.interaction.commitment.is_some(), asked.terms.has_number);
            asked.challenges[device] = Some(verified);
        }
        for withdrawn in &fetched.withdrawn {
            let found = self.requests.iter().enumerate().find_map(|(n, asked)| {
                let challenge = asked.challenges[device].as_ref().filter(|one| *one.id() == withdrawn.id)?;
                Some((n, challenge))
            });
            let Some((n, challenge)) = found else { continue };
            let approval = self.model.requests[n].approval.as_ref().expect("it was asked");
            let own = match approval.fate {
                ApprovalStatus::Approved { answer }
                | ApprovalStatus::Denied { answer }
                | ApprovalStatus::Mismatch { answer } => {
                    self.answers[answer].as_ref().filter(|(signed, _)| signed.device == device)
                }
                _ => None,
            };
            let answer = own.map(|(_, answer)| answer);
            let told = self.devices[device].verify_outcome(challenge, answer, &withdrawn.outcome);
            let expected = match approval.fate {
                // Swept or not, its time is over.
                ApprovalStatus::Open | ApprovalStatus::Expired => Ending::Expired,
                ApprovalStatus::Approved { .. } if own.is_some() => Ending::Approved,
                ApprovalStatus::Denied { .. } if own.is_some() => Ending::Denied,
                ApprovalStatus::Approved { .. } | ApprovalStatus::Denied { .. } => Ending::AnsweredElsewhere,
                ApprovalStatus::Mismatch { .. } => Ending::Mismatch,
                ApprovalStatus::Cancelled | ApprovalStatus::DeviceRevoked => Ending::Cancelled,
                ApprovalStatus::Refused => Ending::Refused,
            };
            let disputed = approval.disputed && told.ending() == Ending::Disputed;
            assert!(disputed || told.ending() == expected, "{:?} of {:?} on {device}", told.ending(), approval.fate);
        }
    }

    fn sign(&mut self, device: usize, request: usize, word: Decision) {
        let asked = &self.requests[request];
        let Some(challenge) = &asked.challenges[device] else { return self.answers.push(None) };
        let signer = &mut self.devices[device];
        let number = asked.number.as_deref();
        let wrong = number.map(|right| if right == "000000" { "000001" } else { "000000" });
        let answer = match word {
            Decision::Yes => signer.approve(challenge, number),
            Decision::WrongNumber => signer.approve(challenge, wrong),
            Decision::No => signer.deny(challenge, None),
            Decision::NotMe => signer.deny(challenge, Some(DenialReason::NotMe)),
        };
        let number = self.answers.len();
        self.numbers.insert(answer.peek().expect("its own").jti.to_string(), number);
        self.numbers.insert(answer.hash().to_string(), number);
        self.answers.push(Some((SignedAnswer { device, request, word, seq: signer.seq }, answer)));
    }

    /// State and responses must be those of some sequential order.
    fn at_once(&mut self, mut acts: Vec<Action>) {
        acts.retain(|act| self.can(act));
        let heard = self.runtime.block_on(async {
            let acts = acts.iter().map(|act| self.perform(act));
            join_all(acts).await
        });
        let told: Vec<PollResult> = heard.iter().map(told).collect();
        let facts = self.terms_and_answers();
        let facts = self.facts(&facts);
        let stored = self.stored_state().seen_at(&facts);
        let mut orders = Vec::new();
        permute(&mut (0..acts.len()).collect::<Vec<_>>(), 0, &mut |order| orders.push(order.to_vec()));
        let outcomes: Vec<_> = orders
            .iter()
            .map(|order| {
                let mut model = self.model.clone();
                let mut says = vec![PollResult::Nothing; acts.len()];
                for n in order {
                    (model, says[*n]) = model.after(&acts[*n], &facts);
                }
                (model.seen_at(&facts), says)
            })
            .collect();
        let is_explained = outcomes.iter().any(|(model, says)| *model == stored && *says == told);
        assert!(is_explained, "no order explains {told:?} and {stored:#?}; the first gives {:#?}", outcomes[0]);
        self.model = stored;
        for (act, heard) in acts.iter().zip(&heard) {
            self.check_reply(act, heard, acts.len() == 1);
        }
    }

    /// Whether a device has what it needs for this: it may have come too late to be asked.
    fn can(&self, act: &Action) -> bool {
        match *act {
            Action::Send { answer } => self.answers[answer].is_some(),
            Action::Refuse { device, request } | Action::Dispute { device, request } => {
                self.requests[request].challenges[device].is_some()
            }
            _ => true,
        }
    }

    /// What was heard fits what is true now.
    fn check_reply(&mut self, act: &Action, heard: &ActionResponse, alone: bool) {
        match (act, heard) {
            (Action::Poll { request }, ActionResponse::Reply(reply)) if reply.status == StatusCode::OK => {
                self.check_tokens(*request, reply);
            }
            (Action::Send { answer }, ActionResponse::Device(response)) => {
                let (signed, _) = self.answers[*answer].as_ref().expect("it was sent");
                let approval = self.model.requests[signed.request].approval.as_ref().expect("it was asked");
                let status = response.status.as_u16();
                if !alone {
                    // The device may have been revoked, and the approval disputed, before or after.
                    let decided = matches!(approval.fate, ApprovalStatus::Approved { answer: by } | ApprovalStatus::Denied { answer: by } if by == *answer);
                    return assert!(status != 200 || decided, "{status} for {:?}", approval.fate);
                }
                let is_in_force = approval.answered[signed.device] == Some(*answer)
                    && self.model.devices[signed.device].standing == DeviceStatus::Active;
                if !is_in_force {
                    return assert!((400..500).contains(&status), "{status} for an answer that counts for nothing");
                }
                let expected = match approval.fate {
                    ApprovalStatus::Approved { answer: by } | ApprovalStatus::Denied { answer: by }
                        if by == *answer =>
                    {
                        200
                    }
                    ApprovalStatus::Mismatch { answer: by } if by == *answer => 403,
                    ApprovalStatus::Expired => 410,
                    _ => 409,
                };
                assert_eq!(status, expected, "for {:?}", approval.fate);
                let outcome = response.json::<Value>()["outcome"].to_string();
                let earlier = self.told.entry(*answer).or_insert_with(|| outcome.clone());
                assert!(*earlier == outcome || approval.disputed, "whoever sends the same again hears the same");
            }
            _ => {}
        }
    }

    /// The tokens say what was asked, shown and signed, and rest on that very answer.
    fn check_tokens(&self, request: usize, reply: &Reply) {
        let asked = &self.requests[request];
        let approval = self.model.requests[request].approval.as_ref().expect("somebody approved");
        let ApprovalStatus::Approved { answer } = approval.fate else { panic!("tokens for {:?}", approval.fate) };
        let (signed, answer) = self.answers[answer].as_ref().expect("it decided");
        assert_eq!((signed.request, signed.word == Decision::No || signed.word == Decision::NotMe), (request, false));
        let challenge = self.challenge(signed.device, request);
        self.runtime.block_on(async {
            for token in ["id_token", "access_token"] {
                let (_, claims) = self.world.open(&reply.text(token)).await;
                let claims: Value = serde_json::from_str(&claims).expect("claims");
                assert_eq!(
                    (&claims["sub"], &claims["approval"]["id"]),
                    (&json!("alice"), &json!(challenge.claims().approval))
                );
                assert_eq!(claims["approval"]["challenge_hash"], json!(challenge.hash()));
                assert_eq!(claims["approval"]["answer_hash"], json!(answer.hash()));
                let details_hash = asked.details.as_ref().map(Hash::of);
                assert_eq!(claims["approval"].get("details_hash"), details_hash.map(|hash| json!(hash)).as_ref());
            }
        });
        if let Some(details) = &asked.details {
            assert!(reply.body.contains(&format!("\"authorization_details\":{details}")), "{}", reply.body);
        }
    }

    /// It happens, the power fails before anybody hears of it, and so much of what it wrote is on the disk.
    fn cut_short(&mut self, act: &Action, written: u8) {
        let before = self.journal_bytes();
        self.runtime.block_on(self.perform(act));
        self.restart_from(&before, written);
        let facts = self.terms_and_answers();
        let facts = self.facts(&facts);
        let stored = self.stored_state().seen_at(&facts);
        let undone = self.model.clone().seen_at(&facts);
        let done = self.model.clone().after(act, &facts).0.seen_at(&facts);
        assert!(stored == undone || stored == done, "neither done nor undone: {stored:#?}\n{undone:#?}\n{done:#?}");
        self.model = stored;
    }

    fn ask_cut_short(&mut self, by: Client, written: u8) {
        let before = self.journal_bytes();
        self.runtime.block_on(ask(&self.world, by, None, false, 300));
        self.restart_from(&before, written);
    }

    async fn perform(&self, act: &Action) -> ActionResponse {
        let side = &self.world.side;
        match *act {
            Action::Send { answer } => {
                let (signed, compact) = self.answers[answer].as_ref().expect("it was signed");
                let challenge = self.challenge(signed.device, signed.request);
                ActionResponse::Device(self.devices[signed.device].send_answer(side, challenge.id(), compact).await)
            }
            Action::Poll { request } => {
                let asked = &self.requests[request];
                ActionResponse::Reply(self.world.poll(asked.client, &asked.id).await)
            }
            Action::PollByStranger { request } => {
                ActionResponse::Reply(self.world.poll("numbers", &self.requests[request].id).await)
            }
            Action::Refuse { device, request } => {
                self.devices[device].refuse(side, self.challenge(device, request)).await;
                ActionResponse::Nothing
            }
            Action::Dispute { device, request } => {
                self.devices[device].dispute(side, self.challenge(device, request)).await;
                ActionResponse::Nothing
            }
            Action::Withdraw { request } => {
                let approval = self.world.provider.approval_of(&self.requests[request].id).expect("read");
                if let Some(approval) = approval {
                    let gateway = side.gateway.clone();
                    let withdrawn = side.gateway.store().write(move |tx| gateway.withdraw(tx, &approval)).await;
                    withdrawn.expect("written");
                }
                ActionResponse::Nothing
            }
            Action::Revoke { device } => {
                let by = RevokedBy::Operator;
                side.gateway.revoke_device(self.devices[device].id(), by).await.expect("revoked");
                ActionResponse::Nothing
            }
            Action::Sweep => {
                side.gateway.sweep().await.expect("swept");
                ActionResponse::Nothing
            }
        }
    }

    fn challenge(&self, device: usize, request: usize) -> &VerifiedChallenge {
        self.requests[request].challenges[device].as_ref().expect("it was fetched")
    }

    fn journal_bytes(&self) -> Vec<u8> {
        std::fs::read(self.world.home().join("provider.db-wal")).unwrap_or_default()
    }

    /// A power cut after a part of what was written since `before` had reached the disk.
    fn restart_from(&mut self, before: &[u8], written: u8) {
        let mut journal = self.journal_bytes();
        // What an earlier power cut left half written is overwritten.
        let same = journal.iter().zip(before).take_while(|(now, then)| now == then).count();
        journal.truncate(same + (journal.len() - same) * usize::from(written) / 255);
        self.restart(&journal);
    }

    /// Another process over the files as they are now, with this journal.
    fn restart(&mut self, journal: &[u8]) {
        self.starts += 1;
        let home = copied(self.world.home(), Some(journal));
        let clock = self.world.side.clock.clone();
        self.world = World::over(home, &config(self.locked), clock, self.starts);
    }

    fn now(&self) -> u64 {
        self.world.side.clock.now().seconds()
    }

    fn stored_state(&self) -> Model {
        let [first, second, third] = [0, 1, 2].map(|device| self.devices[device].id());
        let names = Names {
            devices: [first, second, third],
            requests: self.requests.iter().map(|asked| asked.id.as_str()).collect(),
            answers: &self.numbers,
        };
        stored_state::read(self.world.provider.gateway().store(), &names)
    }

    fn terms_and_answers(&self) -> (Vec<Terms>, Vec<Option<SignedAnswer>>) {
        let answers = self.answers.iter().map(|answer| answer.as_ref().map(|(signed, _)| *signed));
        let store = self.world.provider.gateway().store();
        let terms = self.requests.iter().map(|asked| {
            let redeemable_until = stored_state::redeemable_until(store, &asked.id);
            Terms { redeemable_until: redeemable_until.unwrap_or(asked.terms.redeemable_until), ..asked.terms.clone() }
        });
        (terms.collect(), answers.collect())
    }

    fn facts<'a>(&self, (terms, answers): &'a (Vec<Terms>, Vec<Option<SignedAnswer>>)) -> Facts<'a> {
        Facts { now: self.now(), locked: self.locked, terms, answers }
    }
}

async fn ask(world: &World, by: Client, details: Option<&str>, number: bool, life: u16) -> Reply {
    let life = life.to_string();
    let mut form = vec![("scope", "openid"), ("login_hint", "alice"), ("requested_expiry", life.as_str())];
    if by == Client::Till {
        form.push(("interaction_type", if number { "input_manual" } else { "boolean" }));
    }
    form.extend(details.map(|details| ("authorization_details", details)));
    world.post(by.name(), BC, &form).await
}

/// A payment that no other request of the scenario asks for.
fn payment(cents: u16, nth: usize) -> String {
    let amount = format!("{}.{:02}", cents / 100, cents % 100);
    format!(
        r#"[{{"type":"payment_initiation","instructedAmount":{{"currency":"EUR","amount":"{amount}"}},"creditorName":"Acme Coffee {nth}"}}]"#
    )
}

fn told(heard: &ActionResponse) -> PollResult {
    let ActionResponse::Reply(reply) = heard else { return PollResult::Nothing };
    if reply.status == StatusCode::OK {
        return PollResult::Tokens;
    }
    match reply.text("error").as_str() {
        "authorization_pending" | "slow_down" => PollResult::Pending,
        "expired_token" => PollResult::Expired,
        "access_denied" => PollResult::Denied,
        "invalid_grant" => PollResult::Invalid,
        other => panic!("{other}"),
    }
}

/// A home with the same files, as a disk keeps them; with another journal, if one is given.
fn copied(home: &Path, journal: Option<&[u8]>) -> tempfile::TempDir {
    // Memory where there is such a disk: a power cut is a copy here, so that nothing depends on waiting for a real one.
    let memory = Path::new("/dev/shm");
    let copy = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder");
    let keys = copy.path().join("keys");
    std::fs::create_dir(&keys).expect("made");
    for entry in std::fs::read_dir(home.join("keys")).expect("listed") {
        let entry = entry.expect("listed");
        std::fs::copy(entry.path(), keys.join(entry.file_name())).expect("copied");
    }
    std::fs::copy(home.join("provider.db"), copy.path().join("provider.db")).expect("copied");
    let own = || std::fs::read(home.join("provider.db-wal")).unwrap_or_default();
    let journal = journal.map_or_else(own, <[u8]>::to_vec);
    std::fs::write(copy.path().join("provider.db-wal"), journal).expect("written");
    copy
}

fn permute(order: &mut [usize], from: usize, each: &mut impl FnMut(&[usize])) {
    if from == order.len() {
        return each(order);
    }
    for n in from..order.len() {
        order.swap(from, n);
        permute(order, from + 1, each);
        order.swap(from, n);
    }
}
