//! A provider that is killed and comes back, once or many times: whoever is asked afterwards answers within seconds.

use crate::core::{CallId, Event};
use crate::device_event::DeviceEvent;
use crate::ports::transport::{Reply, StreamEvent, TransportError, Unreached};
use crate::testing::CoreHarness;

/// How long a reply is under way, and the length of a step, in milliseconds.
const STEP_MS: u64 = 50;

/// One device, its provider being killed and started again.
struct Restarts {
    harness: CoreHarness,
    is_up: bool,
    /// The newest stream that was opened or failed.
    settled: Option<CallId>,
    /// The open stream, if there is one.
    open: Option<CallId>,
}

impl Restarts {
    /// A device with an idle stream.
    fn idle(seed: u64) -> Restarts {
        let mut harness = CoreHarness::seeded(seed);
        harness.event(Event::Wake);
        harness.event(Event::Watch(true));
        let mut device = Restarts { harness, is_up: true, settled: None, open: None };
        device.pass_ms(10_000);
        device
    }

    fn pass_ms(&mut self, millis: u64) {
        for _ in 0..millis / STEP_MS {
            self.reply();
            self.harness.pass_ms(STEP_MS);
        }
    }

    /// Replies to what is under way, or fails it where the provider is down.
    fn reply(&mut self) {
        let opening = self.harness.streams.last().copied().filter(|id| Some(*id) > self.settled);
        for _ in 0..self.harness.wire.len() {
            match self.is_up {
                true => drop(self.harness.deliver()),
                false => self.harness.lose_call(),
            }
        }
        if let Some(id) = opening {
            self.settled = Some(id);
            match self.is_up {
                true => {
                    self.open = Some(id);
                    let head = Reply { status: 200, date: Some(self.harness.provider.now), ..Reply::default() };
                    self.harness.event(Event::Opened { id, head });
                    self.harness.event(Event::StreamEvent { id, event: StreamEvent::Alive });
                }
                false => self
                    .harness
                    .event(Event::Failed { id, why: Some(TransportError::Unreachable(Unreached::default())) }),
            }
        }
    }

    fn kill(&mut self, down_ms: u64) {
        self.is_up = false;
        self.cut();
        self.pass_ms(down_ms);
        self.is_up = true;
    }

    /// Cuts every connection; the provider stays up.
    fn cut(&mut self) {
        while !self.harness.wire.is_empty() {
            self.harness.lose_call();
        }
        if let Some(id) = self.open.take() {
            self.harness.event(Event::Failed { id, why: Some(TransportError::Unreachable(Unreached::default())) });
        }
    }

    /// How long a request takes to reach the person, in milliseconds.
    fn ask(&mut self) -> u64 {
        let id = self.harness.provider.ask_login();
        let asked = self.harness.at.tick;
        let arrived = |event: &DeviceEvent| matches!(event, DeviceEvent::Challenge(view) if view.id == id);
        while !self.harness.emitted.iter().any(arrived) {
            self.wait_for_request(&id);
            assert!(self.harness.at.tick.millis_since(asked) < 60_000, "it never came");
        }
        self.harness.at.tick.millis_since(asked)
    }

    /// One step, at whose end an open stream brings the request.
    fn wait_for_request(&mut self, id: &countersign_protocol::id::ChallengeId) {
        self.pass_ms(STEP_MS);
        if let Some(stream) = self.open.filter(|id| self.harness.streams.contains(id)) {
            let compact = self.harness.provider.issued[id].compact.as_str().to_owned();
            let update = format!(r#"{{"cursor":"{id}","challenges":["{compact}"]}}"#);
            let event = StreamEvent::Update(update.into_bytes());
            self.harness.event(Event::StreamEvent { id: stream, event });
        }
    }
}

/// Waits of eight idle accounts, three rounds each.
fn waits(mut disturb: impl FnMut(&mut Restarts)) -> Vec<u64> {
    let mut all = Vec::new();
    for seed in 0..8 {
        let mut device = Restarts::idle(seed + 1);
        for _ in 0..3 {
            disturb(&mut device);
            all.push(device.ask());
            device.pass_ms(10_000);
        }
    }
    all
}

fn assert_answered_soon(waits: &[u64], when: &str) {
    let longest = waits.iter().max().unwrap();
    assert!(*longest <= 3_000, "{longest} ms {when}: {waits:?}");
}

#[test]
fn a_request_right_after_kills_in_a_row_is_there_within_three_seconds() {
    for (kills, apart_ms) in [(1, 0), (8, 1_000), (10, 4_000)] {
        let waits = waits(|device| {
            for kill in 0..kills {
                if kill > 0 {
                    device.pass_ms(apart_ms - 300);
                }
                device.kill(300);
            }
        });
        assert_answered_soon(&waits, &format!("after {kills} kills, {apart_ms} ms apart"));
    }
}

#[test]
fn a_request_after_connections_were_cut_again_and_again_is_there_within_three_seconds() {
    for cuts in 4..=6 {
        let waits = waits(|device| {
            for _ in 0..cuts {
                device.cut();
                device.pass_ms(17_000);
            }
            device.cut();
        });
        assert_answered_soon(&waits, &format!("after {cuts} cuts"));
    }
}
