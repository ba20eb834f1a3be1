//! Property test over any order of crashes, losses, repetitions, resets and late signatures: never two answers to one request, never a
//! lost one, one history.

use std::collections::BTreeMap;

use countersign_protocol::id::ChallengeId;
use countersign_protocol::outcome::Ending;
use proptest::prelude::*;

use crate::core::Event;
use crate::history::{self, Head};
use crate::ports::vault::Stage;
use crate::testing::CoreHarness;

/// One step of a generated sequence.
#[derive(Clone, Debug)]
enum Step {
    Requested,
    Approved(usize),
    Denied(usize),
    Disputed(usize),
    Delivered,
    ReplyLost,
    CallLost,
    CrashAfter(usize),
    Time(u64),
    EndedElsewhere(usize),
    CursorsForgotten,
    KeyRotated,
    Woken,
    KeysWait(bool),
    Signed,
    Declined,
    Locked,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Requested),
        4 => (0..6usize).prop_map(Step::Approved),
        3 => (0..6usize).prop_map(Step::Denied),
        1 => (0..6usize).prop_map(Step::Disputed),
        8 => Just(Step::Delivered),
        3 => Just(Step::ReplyLost),
        3 => Just(Step::CallLost),
        4 => (0..6usize).prop_map(Step::CrashAfter),
        3 => (0..90_000u64).prop_map(Step::Time),
        1 => (0..6usize).prop_map(Step::EndedElsewhere),
        1 => Just(Step::CursorsForgotten),
        1 => Just(Step::KeyRotated),
        2 => Just(Step::Woken),
        1 => any::<bool>().prop_map(Step::KeysWait),
        4 => Just(Step::Signed),
        1 => Just(Step::Declined),
        1 => Just(Step::Locked),
    ]
}

fn happen(harness: &mut CoreHarness, asked: &mut Vec<ChallengeId>, step: Step) {
    let of = |at: usize| asked.get(at % asked.len().max(1)).cloned();
    match step {
        Step::Requested => asked.push(harness.provider.ask_login()),
        Step::Approved(at) => drop(of(at).map(|id| harness.approve(&id, None))),
        Step::Denied(at) => drop(of(at).map(|id| harness.deny(&id))),
        Step::Disputed(at) => {
            if let Some(id) = of(at).filter(|id| harness.stage(id) == Some(Stage::Ended)) {
                drop(harness.dispute(&id));
            }
        }
        Step::Delivered => drop(harness.deliver()),
        Step::ReplyLost => harness.lose_reply(),
        Step::CallLost => harness.lose_call(),
        Step::CrashAfter(effects) => harness.kill_after = Some(effects),
        Step::Time(millis) => harness.pass_ms(millis),
        Step::EndedElsewhere(at) => {
            if let Some(id) = of(at) {
                harness.provider.end(&id, Ending::AnsweredElsewhere, None);
            }
        }
        Step::CursorsForgotten => harness.provider.forget_cursors(),
        Step::KeyRotated => harness.provider.rotate_signing_key(),
        Step::Woken => harness.event(Event::Wake),
        Step::KeysWait(wait) => harness.keys_wait = wait,
        Step::Signed => drop(harness.touch()),
        Step::Declined => harness.decline(),
        Step::Locked => harness.event(Event::Lock),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn never_two_answers_never_a_lost_one(steps in prop::collection::vec(step(), 1..60)) {
        let mut harness = CoreHarness::pulled();
        let mut asked = Vec::new();
        for next in steps {
            happen(&mut harness, &mut asked, next);
        }
        // The network is well again; everything that was said arrives.
        harness.kill_after = None;
        harness.keys_wait = false;
        while harness.touch() {}
        for _ in 0..4 {
            harness.event(Event::Wake);
            harness.deliver_all();
            harness.pass_ms(61_000);
            harness.deliver_all();
        }
        let mut answered: BTreeMap<ChallengeId, u32> = BTreeMap::new();
        for answer in &harness.provider.answers {
            *answered.entry(answer.peek().unwrap().challenge).or_default() += 1;
        }
        prop_assert!(answered.values().all(|&answers| answers == 1), "two different answers to one request");
        prop_assert_eq!(harness.provider.forks, 0, "a seq was used twice or went back");
        for id in &asked {
            let Some(kept) = harness.kept(id) else { continue };
            prop_assert_ne!(kept.stage, Stage::Answering, "an answer without an outcome");
            if kept.answer.is_some() {
                let ended = !kept.outcomes.is_empty();
                prop_assert!(ended, "an answered request that ended without a verified outcome");
                let arrived = answered.contains_key(id);
                let over = harness.provider.issued[id].outcome.is_some();
                prop_assert!(arrived || over, "an answer was lost");
            }
        }
        let account = harness.core.account().id.clone();
        let entries = harness.vault.history(&account).unwrap();
        let beginning = Head::beginning(harness.provider.statements[0].as_str());
        prop_assert!(history::check(beginning, &entries).is_ok());
        let snapshot = harness.vault.load(&account).unwrap();
        prop_assert!(snapshot.outbox.is_empty());
        prop_assert!(snapshot.unnumbered.is_empty(), "an event never got its number");
    }
}
