//! Answers: signed once, sent until an outcome is verified.

use countersign_jose::hash::Hash;
use countersign_protocol::answer::Decision;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::interaction::{InteractionType, UserVerification};
use countersign_protocol::kind::Kind;
use countersign_protocol::outcome::Ending;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::transcript::{LineValue, Role};

use crate::core::{AuthorizedDecision, Event};
use crate::device_event::DeviceEvent;
use crate::error::AnswerError;
use crate::history::{self, Head, HistoryEvent};
use crate::ports::transport::Reply;
use crate::ports::vault::Stage;
use crate::testing::{CoreHarness, problem};

fn asked(harness: &mut CoreHarness) -> countersign_protocol::id::ChallengeId {
    let id = harness.provider.ask_login();
    harness.event(Event::Wake);
    harness.deliver_all();
    id
}

fn outcomes(harness: &CoreHarness) -> Vec<(Decision, Option<Ending>)> {
    let emitted = harness.emitted.iter();
    emitted
        .filter_map(|event| match event {
            DeviceEvent::Answered { decision, outcome, .. } => Some((*decision, *outcome)),
            _ => None,
        })
        .collect()
}

#[test]
fn an_approval_is_signed_by_the_approval_key_and_ends_with_its_outcome() {
    let mut harness = CoreHarness::pulled();
    let id = asked(&mut harness);
    harness.approve(&id, None).unwrap();
    assert_eq!(harness.stage(&id), Some(Stage::Answering), "stored before it is sent");
    harness.deliver_all();
    assert_eq!(harness.stage(&id), Some(Stage::Ended));
    assert_eq!(outcomes(&harness), [(Decision::Approved, Some(Ending::Approved))]);
    let compact = &harness.provider.answers[0];
    assert_eq!(compact.kid().as_ref(), Ok(harness.core.account().approval_key.thumbprint()));
    let answer = compact.peek().unwrap();
    assert_eq!(answer.amr, ["swk", "pin"]);
    assert_eq!(answer.seq, 1);
    assert_eq!(
        answer.prev,
        harness.provider.statements[0].hash(),
        "the first entry continues the enrollment statement"
    );
}

#[test]
fn a_denial_needs_no_pin_and_is_signed_by_the_transport_key() {
    let mut harness = CoreHarness::pulled();
    let id = asked(&mut harness);
    harness.deny(&id).unwrap();
    harness.deliver_all();
    assert_eq!(outcomes(&harness), [(Decision::Denied, Some(Ending::Denied))]);
    assert_eq!(harness.provider.answers[0].kid().as_ref(), Ok(harness.core.account().transport_key.thumbprint()));
}

#[test]
fn the_transport_key_approves_only_where_verification_is_discouraged() {
    let mut harness = CoreHarness::pulled();
    let strict = asked(&mut harness);
    let word = || AuthorizedDecision::ApproveUnverified { value: None };
    let refused = harness.core.answer(harness.at, &strict, word());
    assert!(matches!(refused.err(), Some(AnswerError::NotVerified)));
    let claims = Challenge { user_verification: UserVerification::Discouraged, ..harness.provider.claims() };
    let lenient = harness.provider.ask(&claims);
    harness.event(Event::Wake);
    harness.deliver_all();
    assert!(harness.core.answer(harness.at, &lenient, word()).is_ok());
}

#[test]
fn a_request_is_answered_once() {
    let mut harness = CoreHarness::pulled();
    let id = asked(&mut harness);
    harness.approve(&id, None).unwrap();
    assert!(matches!(harness.deny(&id), Err(AnswerError::Answered)));
    harness.crash();
    assert!(matches!(harness.deny(&id), Err(AnswerError::Answered)), "also after a crash");
    harness.deliver_all();
    assert!(matches!(harness.deny(&id), Err(AnswerError::Unknown)));
    assert_eq!(harness.provider.answers.len(), 1);
}

#[test]
fn a_lost_reply_sends_the_same_bytes_again() {
    let mut harness = CoreHarness::pulled();
    let id = asked(&mut harness);
    harness.approve(&id, None).unwrap();
    harness.lose_reply();
    assert_eq!(harness.stage(&id), Some(Stage::Answering), "only a verified outcome ends it");
    for _ in 0..2 {
        assert!(!harness.core.is_delayed(&id), "a moment's patience");
        harness.pass_ms(60_000);
        harness.lose_reply();
    }
    assert!(harness.core.is_delayed(&id));
    harness.pass_ms(60_000);
    harness.deliver_all();
    assert_eq!(harness.provider.answers.len(), 1, "the bytes were the same every time");
    assert_eq!(outcomes(&harness), [(Decision::Approved, Some(Ending::Approved))]);
}

#[test]
fn a_crash_between_writing_and_sending_loses_nothing() {
    let mut harness = CoreHarness::pulled();
    let id = asked(&mut harness);
    harness.kill_after = Some(2); // It is signed and written, the call does not happen.
    harness.approve(&id, None).unwrap();
    assert_eq!(harness.crashes, 1);
    assert_eq!(harness.provider.answers.len(), 0);
    harness.deliver_all();
    assert_eq!(harness.provider.answers.len(), 1);
    assert_eq!(harness.stage(&id), Some(Stage::Ended));
}

#[test]
fn a_crash_before_writing_leaves_the_request_unanswered() {
    let mut harness = CoreHarness::pulled();
    let id = asked(&mut harness);
    harness.kill_after = Some(1); // It is signed, and not written.
    harness.approve(&id, None).unwrap();
    harness.deliver_all();
    assert_eq!(harness.provider.answers.len(), 0);
    assert_eq!(harness.stage(&id), Some(Stage::Received));
    harness.deny(&id).unwrap();
    harness.deliver_all();
    assert_eq!(harness.provider.forks, 0);
}

#[test]
fn one_answer_is_in_flight_in_order_of_seq() {
    let mut harness = CoreHarness::pulled();
    let (first, second) = (harness.provider.ask_login(), harness.provider.ask_login());
    harness.event(Event::Wake);
    harness.deliver_all();
    harness.approve(&first, None).unwrap();
    harness.deny(&second).unwrap();
    assert_eq!(harness.wire.len(), 1, "the second waits for the first");
    harness.lose_reply();
    assert_eq!(harness.wire.len(), 0, "also while the first waits to be sent again");
    harness.pass_ms(60_000);
    harness.deliver_all();
    let seqs: Vec<u64> = harness.provider.answers.iter().map(|answer| answer.peek().unwrap().seq).collect();
    assert_eq!(seqs, [1, 2]);
    assert_eq!(harness.provider.forks, 0);
}

#[test]
fn a_reply_without_a_verified_outcome_ends_nothing() {
    let mut harness = CoreHarness::pulled();
    let id = asked(&mut harness);
    let other = asked(&mut harness);
    harness.approve(&id, None).unwrap();
    // A captive portal's page, a bare no, and the outcome of another request.
    let page = Reply { status: 200, body: b"<html>".to_vec(), ..Reply::default() };
    let foreign = harness.provider.outcome(&other, Ending::Expired, None);
    let wrong = problem(ProblemCode::ApprovalDecided, Some(foreign));
    harness.provider.instead = vec![wrong, problem(ProblemCode::InvalidAnswer, None), page];
    for _ in 0..3 {
        assert!(harness.deliver());
        assert_eq!(harness.stage(&id), Some(Stage::Answering));
        harness.pass_ms(60_000);
    }
    let emitted = harness.emitted.iter().filter(|event| matches!(event, DeviceEvent::AnswerNotTaken { .. })).count();
    assert_eq!(emitted, 1, "emitted once");
    harness.deliver_all();
    assert_eq!(harness.provider.answers.len(), 1);
    assert_eq!(harness.stage(&id), Some(Stage::Ended));
}

#[test]
fn an_outcome_that_says_approved_of_what_was_denied_ends_nothing() {
    let mut harness = CoreHarness::pulled();
    let id = asked(&mut harness);
    harness.deny(&id).unwrap();
    let kept = harness.vault.load(&harness.core.account().id).unwrap().open;
    let answer = kept.iter().find_map(|kept| kept.answer.as_ref()).unwrap();
    let turned = harness.provider.outcome(&id, Ending::Approved, Some(Hash::of(answer)));
    harness.provider.instead = vec![problem(ProblemCode::ApprovalDecided, Some(turned))];
    assert!(harness.deliver());
    assert_eq!(harness.stage(&id), Some(Stage::Answering));
    harness.pass_ms(60_000);
    harness.deliver_all();
    assert_eq!(outcomes(&harness), [(Decision::Denied, Some(Ending::Denied))]);
}

#[test]
fn a_wrong_number_ends_it_and_a_number_that_cannot_be_is_not_signed() {
    let mut harness = CoreHarness::pulled();
    let (id, value) = harness.provider.ask_number(InteractionType::InputManual);
    let (choose, _) = harness.provider.ask_number(InteractionType::NumberChoose);
    harness.event(Event::Wake);
    harness.deliver_all();
    assert!(matches!(harness.approve(&id, None), Err(AnswerError::ValueNeeded)));
    assert!(matches!(harness.approve(&id, Some("12345")), Err(AnswerError::ValueUnfit { .. })));
    assert!(matches!(harness.approve(&choose, Some("1")), Err(AnswerError::ValueUnfit { .. })));
    let wrong = if value == "000000" { "000001" } else { "000000" };
    harness.approve(&id, Some(wrong)).unwrap();
    harness.deliver_all();
    assert_eq!(outcomes(&harness), [(Decision::Approved, Some(Ending::Mismatch))]);
}

#[test]
fn an_answer_elsewhere_ends_it_here_even_while_ours_is_on_its_way() {
    let mut harness = CoreHarness::pulled();
    let (seen, answered) = (harness.provider.ask_login(), harness.provider.ask_login());
    harness.event(Event::Wake);
    harness.deliver_all();
    harness.approve(&answered, None).unwrap();
    harness.lose_call();
    for id in [&seen, &answered] {
        harness.provider.end(id, Ending::AnsweredElsewhere, None);
    }
    harness.event(Event::Wake);
    harness.deliver_all();
    assert!(harness.emitted.iter().any(|event| matches!(event,
        DeviceEvent::Ended { id, outcome: Some(Ending::AnsweredElsewhere), by: Some(by), .. } if *id == seen && by == "Phone")));
    assert_eq!(outcomes(&harness), [(Decision::Approved, Some(Ending::AnsweredElsewhere))]);
    assert!(harness.vault.load(&harness.core.account().id).unwrap().outbox.is_empty());
}

#[test]
fn a_dispute_adds_a_second_statement() {
    let mut harness = CoreHarness::pulled();
    let id = asked(&mut harness);
    harness.approve(&id, None).unwrap();
    harness.deliver_all();
    harness.dispute(&id).unwrap();
    harness.lose_call();
    harness.crash();
    harness.deliver_all();
    let kept = harness.kept(&id).unwrap();
    assert_eq!(kept.outcomes.len(), 2, "the first statement stays");
    let entries = harness.vault.history(&harness.core.account().id).unwrap();
    let second = kept.outcomes.last().map(countersign_jose::hash::Hash::of);
    assert!(
        matches!(&entries.last().unwrap().body().what,
            HistoryEvent::Ended { challenge, outcome, outcome_hash, .. }
                if *challenge == id && outcome == "disputed" && *outcome_hash == second),
        "the history has both"
    );
    history::check(Head::beginning(harness.provider.statements[0].as_str()), &entries).unwrap();
    assert!(
        harness.emitted.iter().any(|event| matches!(event, DeviceEvent::Ended { outcome: Some(Ending::Disputed), .. }))
    );
    assert!(harness.vault.load(&harness.core.account().id).unwrap().outbox.is_empty());
}

#[test]
fn the_history_is_one_chain_from_the_enrollment_statement() {
    let mut harness = CoreHarness::pulled();
    for deny in [true, false, true] {
        let id = asked(&mut harness);
        if deny { harness.deny(&id) } else { harness.approve(&id, None) }.unwrap();
        harness.deliver_all();
        harness.crash();
    }
    let entries = harness.vault.history(&harness.core.account().id).unwrap();
    assert_eq!(entries.len(), 6, "answered and ended, three times");
    let beginning = Head::beginning(harness.provider.statements[0].as_str());
    history::check(beginning, &entries).unwrap();
    let seqs: Vec<u64> = harness.provider.answers.iter().map(|answer| answer.peek().unwrap().seq).collect();
    assert_eq!(seqs, [1, 3, 5], "gaps are normal");
}

#[test]
fn an_outcome_by_a_new_key_is_verified_after_the_manifests_were_fetched() {
    let mut harness = CoreHarness::pulled();
    let (answered, disputed) = (asked(&mut harness), asked(&mut harness));
    harness.deny(&disputed).unwrap();
    harness.deliver_all();
    harness.provider.rotate_signing_key();
    harness.approve(&answered, None).unwrap();
    harness.deliver_all();
    harness.pass_ms(60_000);
    harness.deliver_all();
    assert_eq!(harness.stage(&answered), Some(Stage::Ended));
    harness.provider.rotate_signing_key();
    harness.dispute(&disputed).unwrap();
    harness.deliver_all();
    harness.pass_ms(61_000);
    harness.deliver_all();
    harness.pass_ms(61_000);
    harness.deliver_all();
    assert_eq!(harness.kept(&disputed).unwrap().outcomes.len(), 2);
    assert!(harness.vault.load(&harness.core.account().id).unwrap().outbox.is_empty());
}

/// Whether the newest request on the harness says that its client is new, in its view and in its lines.
fn is_first(harness: &CoreHarness) -> bool {
    let views = harness.core.pending(harness.at);
    let view = views.last().unwrap();
    let line = view.transcript.lines.iter().find(|line| line.role == crate::transcript::Role::FirstRequest);
    assert_eq!(line.is_some(), view.first_request);
    view.first_request
}

#[test]
fn a_client_is_new_until_something_of_it_was_approved() {
    let mut harness = CoreHarness::pulled();
    let denied = asked(&mut harness);
    assert!(is_first(&harness));
    harness.deny(&denied).unwrap();
    harness.deliver_all();
    let approved = asked(&mut harness);
    assert!(is_first(&harness), "a denial makes nobody known");
    harness.approve(&approved, None).unwrap();
    harness.deliver_all();
    asked(&mut harness);
    assert!(!is_first(&harness));
    harness.crash();
    harness.event(Event::Wake);
    harness.deliver_all();
    assert!(!is_first(&harness), "it is remembered");
}

#[test]
fn the_lines_of_a_request_stay_as_they_are_while_another_of_its_client_is_approved() {
    let mut harness = CoreHarness::pulled();
    let one = asked(&mut harness);
    let other = asked(&mut harness);
    let lines = |harness: &CoreHarness| {
        harness.core.pending(harness.at).into_iter().find(|view| view.id == other).unwrap().transcript.lines
    };
    let before = lines(&harness);
    harness.approve(&one, None).unwrap();
    harness.deliver_all();
    assert_eq!(lines(&harness), before);
}

/// A payment of this amount to this payee.
fn payment(harness: &mut CoreHarness, amount: &str, payee: &str) -> ChallengeId {
    let details = format!(
        r#"[{{"type":"payment_initiation","instructedAmount":{{"amount":"{amount}","currency":"EUR"}},"creditorName":"{payee}"}}]"#
    );
    let claims = harness.provider.claims();
    let id =
        harness.provider.ask(&Challenge { kind: Kind::Payment, authorization_details_json: Some(details), ..claims });
    harness.event(Event::Wake);
    harness.deliver_all();
    id
}

/// What a request's line of role `repeat` says; the view agrees that there is one.
fn repeat_of(harness: &CoreHarness, id: &ChallengeId) -> Option<String> {
    let view = harness.core.pending(harness.at).into_iter().find(|view| view.id == *id).unwrap();
    let line = view.transcript.lines.iter().find(|line| line.role == Role::Repeat);
    assert_eq!((line.is_some(), view.inert_ms()), (view.repeated, if view.repeated { 2_000 } else { 500 }));
    line.map(|line| match &line.value {
        LineValue::Text(words) => words.clone(),
        other => panic!("{other:?}"),
    })
}

#[test]
fn a_payment_asked_again_within_ten_minutes_says_which_approval_it_is_like() {
    let mut harness = CoreHarness::pulled();
    let first = payment(&mut harness, "4.20", "Acme Coffee");
    assert_eq!(repeat_of(&harness, &first), None);
    harness.approve(&first, None).unwrap();
    harness.deliver_all();
    let name = harness.kept(&first).unwrap().approval_ref().unwrap();
    harness.pass_ms(40_000);
    let again = payment(&mut harness, "4.2", "Acme Coffee");
    let words = format!("Like the one you approved 40 s ago ({name})");
    assert_eq!(repeat_of(&harness, &again), Some(words.clone()), "the same amount, however it is written");
    for (amount, payee) in [("4.21", "Acme Coffee"), ("4.20", "Acme Tea")] {
        let other = payment(&mut harness, amount, payee);
        assert_eq!(repeat_of(&harness, &other), None, "{amount} {payee}");
    }
    let sign_in = asked(&mut harness);
    assert_eq!(repeat_of(&harness, &sign_in), None);
    harness.crash();
    harness.deliver_all();
    assert_eq!(repeat_of(&harness, &again), Some(words.clone()), "it is remembered");
    harness.approve(&again, None).unwrap();
    assert!(harness.kept(&again).unwrap().transcript.unwrap().contains(&words), "what was shown is what is signed");
    harness.deliver_all();
    harness.pass_ms(601_000);
    let later = payment(&mut harness, "4.20", "Acme Coffee");
    assert_eq!(repeat_of(&harness, &later), None, "another coffee");
}

#[test]
fn a_payment_that_waits_while_one_like_it_is_approved_says_so() {
    let mut harness = CoreHarness::pulled();
    let one = payment(&mut harness, "4.20", "Acme Coffee");
    let other = payment(&mut harness, "4.20", "Acme Coffee");
    assert_eq!((repeat_of(&harness, &one), repeat_of(&harness, &other)), (None, None));
    harness.approve(&one, None).unwrap();
    let name = harness.kept(&one).unwrap().approval_ref().unwrap();
    let words = format!("Like the one you approved while this waited ({name})");
    assert_eq!(repeat_of(&harness, &other), Some(words.clone()), "also while the outcome is on its way");
    harness.deliver_all();
    assert_eq!(repeat_of(&harness, &other), Some(words));
}

#[test]
fn an_approval_that_came_to_nothing_is_no_reason_for_a_warning() {
    let mut harness = CoreHarness::pulled();
    let (denied, late) = (payment(&mut harness, "4.20", "Acme"), payment(&mut harness, "7.00", "Acme"));
    harness.deny(&denied).unwrap();
    harness.provider.end(&late, Ending::Cancelled, None);
    harness.approve(&late, None).unwrap();
    let waits = payment(&mut harness, "7.00", "Acme");
    harness.deliver_all();
    assert_eq!(harness.stage(&late), Some(Stage::Ended));
    assert_eq!(repeat_of(&harness, &waits), None);
    let again = payment(&mut harness, "4.20", "Acme");
    assert_eq!(repeat_of(&harness, &again), None, "what was denied may be asked again");
    harness.crash();
    harness.deliver_all();
    assert_eq!((repeat_of(&harness, &waits), repeat_of(&harness, &again)), (None, None));
}
