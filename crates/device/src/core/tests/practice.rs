//! Practice requests: shown as practice, answered and ended like any other, and forgotten.

use countersign_protocol::challenge::{Challenge, Client, PRACTICE};
use countersign_protocol::id::ChallengeId;
use countersign_protocol::kind::Kind;
use countersign_protocol::outcome::Ending;
use countersign_protocol::refusal::RefusalCode;
use countersign_protocol::transcript::Role;

use crate::core::Event;
use crate::device_event::DeviceEvent;
use crate::history::{self, Head, HistoryEvent};
use crate::ports::vault::Stage;
use crate::testing::CoreHarness;

fn claims(harness: &CoreHarness) -> Challenge {
    let asked = harness.provider.claims();
    Challenge {
        kind: Kind::Other,
        client: Client { id: asked.iss.as_str().to_owned(), name: asked.provider.name.clone(), verified: true },
        binding_message: None,
        scope: None,
        practice: true,
        must_understand: Some(vec![PRACTICE.to_owned()]),
        ..asked
    }
}

fn asked(harness: &mut CoreHarness) -> ChallengeId {
    let claims = claims(harness);
    let id = harness.provider.ask(&claims);
    harness.event(Event::Wake);
    harness.deliver_all();
    id
}

fn history(harness: &CoreHarness) -> Vec<HistoryEvent> {
    let account = harness.core.account();
    let entries = harness.vault.history(&account.id).unwrap();
    history::check(Head::beginning(account.statements[0].as_str()), &entries).expect("one chain");
    entries.into_iter().map(|entry| entry.body().what.clone()).collect()
}

#[test]
fn a_practice_request_is_shown_as_one_and_leaves_a_number_and_no_trace() {
    let mut harness = CoreHarness::pulled();
    let id = asked(&mut harness);
    let view = harness.core.pending(harness.at).remove(0);
    assert!(view.practice && view.transcript.lines[0].role == Role::Practice);
    assert!(view.transcript.lines.iter().all(|line| line.role != Role::FirstRequest), "nothing is approved by it");
    harness.approve(&id, None).unwrap();
    assert_eq!(harness.stage(&id), Some(Stage::Answering), "stored before it is sent");
    harness.deliver_all();
    assert_eq!(harness.stage(&id), None, "forgotten with its end");
    assert_eq!(history(&harness), [HistoryEvent::Practised]);
    assert!(
        harness.emitted.iter().any(|event| matches!(
            event,
            DeviceEvent::Answered { practice: true, outcome: Some(Ending::Approved), .. }
        ))
    );
    assert!(harness.core.ended_practice(&id).is_some(), "who waits for the outcome still gets it");

    // A real request, also after a restart: the number stays used, and nothing of the provider's name was approved.
    harness.crash();
    assert!(harness.core.ended_practice(&id).is_none());
    let real = harness.provider.ask_login();
    harness.event(Event::Wake);
    harness.deliver_all();
    harness.approve(&real, None).unwrap();
    harness.deliver_all();
    assert_eq!(harness.provider.answers.last().unwrap().peek().unwrap().seq, 2);
    assert!(matches!(&history(&harness)[1], HistoryEvent::Answered { challenge, .. } if *challenge == real));
    let id = asked(&mut harness);
    assert!(harness.core.is_open(&id));
}

#[test]
fn practice_that_nobody_answers_leaves_nothing_at_all() {
    let mut harness = CoreHarness::pulled();
    let id = asked(&mut harness);
    harness.provider.end(&id, Ending::Cancelled, None);
    harness.event(Event::Wake);
    harness.deliver_all();
    assert_eq!((harness.stage(&id), history(&harness)), (None, Vec::new()));
    assert!(harness.emitted.iter().any(|event| matches!(event, DeviceEvent::Ended { practice: true, .. })));
}

#[test]
fn practice_survives_a_crash_between_its_answer_and_its_end() {
    let mut harness = CoreHarness::pulled();
    let id = asked(&mut harness);
    harness.approve(&id, None).unwrap();
    harness.crash();
    assert_eq!(harness.stage(&id), Some(Stage::Answering));
    harness.event(Event::Wake);
    harness.deliver_all();
    assert_eq!((harness.stage(&id), history(&harness)), (None, vec![HistoryEvent::Practised]));
}

#[test]
fn attack_32_practice_that_a_newer_device_alone_would_recognise_is_refused_and_never_shown() {
    let mut harness = CoreHarness::pulled();
    let claims = Challenge { must_understand: None, ..claims(&harness) };
    let id = harness.provider.ask(&claims);
    harness.event(Event::Wake);
    harness.deliver_all();
    assert!(harness.core.pending(harness.at).is_empty());
    let refused = |event: &DeviceEvent| {
        matches!(event, DeviceEvent::Refused { id: refused, code, .. }
        if *refused == id && *code == RefusalCode::Unsupported)
    };
    assert!(harness.emitted.iter().any(refused));
}
