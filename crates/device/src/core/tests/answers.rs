//! Answers: signed once, kept until an outcome was verified.

use countersign_protocol::answer::Decision;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::hash::Hash;
use countersign_protocol::interaction::{InteractionType, UserVerification};
use countersign_protocol::outcome::Ending;
use countersign_protocol::problem::ProblemCode;

use crate::core::{Event, Word};
use crate::error::AnswerError;
use crate::events::DeviceEvent;
use crate::history::{self, Head, What};
use crate::ports::provider::Reply;
use crate::ports::vault::{Stage, Vault as _};
use crate::testing::{Bench, problem};

fn asked(bench: &mut Bench) -> countersign_protocol::id::ChallengeId {
    let id = bench.office.ask_login();
    bench.event(Event::Wake);
    bench.calm();
    id
}

fn outcomes(bench: &Bench) -> Vec<(Decision, Option<Ending>)> {
    let told = bench.told.iter();
    told.filter_map(|event| match event {
        DeviceEvent::Answered { decision, outcome, .. } => Some((*decision, *outcome)),
        _ => None,
    })
    .collect()
}

#[test]
fn an_approval_is_signed_by_the_approval_key_and_ends_with_its_outcome() {
    let mut bench = Bench::pulled();
    let id = asked(&mut bench);
    bench.approve(&id, None).unwrap();
    assert_eq!(bench.stage(&id), Some(Stage::Answering), "stored before it is sent");
    bench.calm();
    assert_eq!(bench.stage(&id), Some(Stage::Ended));
    assert_eq!(outcomes(&bench), [(Decision::Approved, Some(Ending::Approved))]);
    let compact = &bench.office.answers[0];
    assert_eq!(compact.kid().as_ref(), Ok(bench.core.account().approval_key.thumbprint()));
    let answer = compact.peek().unwrap();
    assert_eq!(answer.amr, ["swk", "pin"]);
    assert_eq!(answer.seq, 1);
    assert_eq!(answer.prev, bench.office.statements[0].hash(), "the first entry continues the enrollment statement");
}

#[test]
fn a_denial_needs_no_pin_and_is_signed_by_the_transport_key() {
    let mut bench = Bench::pulled();
    let id = asked(&mut bench);
    bench.deny(&id).unwrap();
    bench.calm();
    assert_eq!(outcomes(&bench), [(Decision::Denied, Some(Ending::Denied))]);
    assert_eq!(bench.office.answers[0].kid().as_ref(), Ok(bench.core.account().transport_key.thumbprint()));
}

#[test]
fn the_transport_key_approves_only_where_verification_is_discouraged() {
    let mut bench = Bench::pulled();
    let strict = asked(&mut bench);
    let word = || Word::ApproveUnverified { value: None };
    let refused = bench.core.answer(bench.at, &strict, word());
    assert!(matches!(refused, Err(AnswerError::NotVerified)));
    let claims = Challenge { user_verification: UserVerification::Discouraged, ..bench.office.claims() };
    let lenient = bench.office.ask(&claims);
    bench.event(Event::Wake);
    bench.calm();
    assert!(bench.core.answer(bench.at, &lenient, word()).is_ok());
}

#[test]
fn a_request_is_answered_once() {
    let mut bench = Bench::pulled();
    let id = asked(&mut bench);
    bench.approve(&id, None).unwrap();
    assert!(matches!(bench.deny(&id), Err(AnswerError::Answered)));
    bench.crash();
    assert!(matches!(bench.deny(&id), Err(AnswerError::Answered)), "also after a crash");
    bench.calm();
    assert!(matches!(bench.deny(&id), Err(AnswerError::Unknown)));
    assert_eq!(bench.office.answers.len(), 1);
}

#[test]
fn a_lost_reply_sends_the_same_bytes_again() {
    let mut bench = Bench::pulled();
    let id = asked(&mut bench);
    bench.approve(&id, None).unwrap();
    bench.lose_reply();
    assert_eq!(bench.stage(&id), Some(Stage::Answering), "only a verified outcome ends it");
    for _ in 0..2 {
        assert!(!bench.core.is_kept_back(&id), "a moment's patience");
        bench.pass_ms(60_000);
        bench.lose_reply();
    }
    assert!(bench.core.is_kept_back(&id));
    bench.pass_ms(60_000);
    bench.calm();
    assert_eq!(bench.office.answers.len(), 1, "the bytes were the same every time");
    assert_eq!(outcomes(&bench), [(Decision::Approved, Some(Ending::Approved))]);
}

#[test]
fn a_crash_between_writing_and_sending_loses_nothing() {
    let mut bench = Bench::pulled();
    let id = asked(&mut bench);
    bench.plug = Some(1); // The write happens, the call does not.
    bench.approve(&id, None).unwrap();
    assert_eq!(bench.crashes, 1);
    assert_eq!(bench.office.answers.len(), 0);
    bench.calm();
    assert_eq!(bench.office.answers.len(), 1);
    assert_eq!(bench.stage(&id), Some(Stage::Ended));
}

#[test]
fn a_crash_before_writing_leaves_the_request_unanswered() {
    let mut bench = Bench::pulled();
    let id = asked(&mut bench);
    bench.plug = Some(0);
    bench.approve(&id, None).unwrap();
    bench.calm();
    assert_eq!(bench.office.answers.len(), 0);
    assert_eq!(bench.stage(&id), Some(Stage::Received));
    bench.deny(&id).unwrap();
    bench.calm();
    assert_eq!(bench.office.forks, 0);
}

#[test]
fn one_answer_is_in_flight_in_order_of_seq() {
    let mut bench = Bench::pulled();
    let (first, second) = (bench.office.ask_login(), bench.office.ask_login());
    bench.event(Event::Wake);
    bench.calm();
    bench.approve(&first, None).unwrap();
    bench.deny(&second).unwrap();
    assert_eq!(bench.wire.len(), 1, "the second waits for the first");
    bench.lose_reply();
    assert_eq!(bench.wire.len(), 0, "also while the first waits to be sent again");
    bench.pass_ms(60_000);
    bench.calm();
    let seqs: Vec<u64> = bench.office.answers.iter().map(|answer| answer.peek().unwrap().seq).collect();
    assert_eq!(seqs, [1, 2]);
    assert_eq!(bench.office.forks, 0);
}

#[test]
fn a_reply_without_a_verified_outcome_ends_nothing() {
    let mut bench = Bench::pulled();
    let id = asked(&mut bench);
    let other = asked(&mut bench);
    bench.approve(&id, None).unwrap();
    // A captive portal's page, a bare no, and the outcome of another request.
    let page = Reply { status: 200, body: b"<html>".to_vec(), ..Reply::default() };
    let foreign = bench.office.outcome(&other, Ending::Expired, None);
    let wrong = problem(ProblemCode::ApprovalDecided, Some(foreign));
    bench.office.instead = vec![wrong, problem(ProblemCode::InvalidAnswer, None), page];
    for _ in 0..3 {
        assert!(bench.deliver());
        assert_eq!(bench.stage(&id), Some(Stage::Answering));
        bench.pass_ms(60_000);
    }
    let told = bench.told.iter().filter(|event| matches!(event, DeviceEvent::AnswerNotTaken { .. })).count();
    assert_eq!(told, 1, "the person is told once");
    bench.calm();
    assert_eq!(bench.office.answers.len(), 1);
    assert_eq!(bench.stage(&id), Some(Stage::Ended));
}

#[test]
fn an_outcome_that_says_approved_of_what_was_denied_ends_nothing() {
    let mut bench = Bench::pulled();
    let id = asked(&mut bench);
    bench.deny(&id).unwrap();
    let kept = bench.vault.load(&bench.core.account().id).unwrap().open;
    let answer = kept.iter().find_map(|kept| kept.answer.as_ref()).unwrap();
    let turned = bench.office.outcome(&id, Ending::Approved, Some(Hash::of(answer)));
    bench.office.instead = vec![problem(ProblemCode::ApprovalDecided, Some(turned))];
    assert!(bench.deliver());
    assert_eq!(bench.stage(&id), Some(Stage::Answering));
    bench.pass_ms(60_000);
    bench.calm();
    assert_eq!(outcomes(&bench), [(Decision::Denied, Some(Ending::Denied))]);
}

#[test]
fn a_wrong_number_ends_it_and_a_number_that_cannot_be_is_not_signed() {
    let mut bench = Bench::pulled();
    let (id, value) = bench.office.ask_number(InteractionType::InputManual);
    let (choose, _) = bench.office.ask_number(InteractionType::NumberChoose);
    bench.event(Event::Wake);
    bench.calm();
    assert!(matches!(bench.approve(&id, None), Err(AnswerError::ValueNeeded)));
    assert!(matches!(bench.approve(&id, Some("12345")), Err(AnswerError::ValueUnfit { .. })));
    assert!(matches!(bench.approve(&choose, Some("1")), Err(AnswerError::ValueUnfit { .. })));
    let wrong = if value == "000000" { "000001" } else { "000000" };
    bench.approve(&id, Some(wrong)).unwrap();
    bench.calm();
    assert_eq!(outcomes(&bench), [(Decision::Approved, Some(Ending::Mismatch))]);
}

#[test]
fn an_answer_elsewhere_ends_it_here_even_while_ours_is_on_its_way() {
    let mut bench = Bench::pulled();
    let (seen, answered) = (bench.office.ask_login(), bench.office.ask_login());
    bench.event(Event::Wake);
    bench.calm();
    bench.approve(&answered, None).unwrap();
    bench.lose_call();
    for id in [&seen, &answered] {
        bench.office.end(id, Ending::AnsweredElsewhere, None);
    }
    bench.event(Event::Wake);
    bench.calm();
    assert!(bench.told.iter().any(|event| matches!(event,
        DeviceEvent::Ended { id, outcome: Some(Ending::AnsweredElsewhere), by: Some(by), .. } if *id == seen && by == "Phone")));
    assert_eq!(outcomes(&bench), [(Decision::Approved, Some(Ending::AnsweredElsewhere))]);
    assert!(bench.vault.load(&bench.core.account().id).unwrap().outbox.is_empty());
}

#[test]
fn a_dispute_adds_a_second_statement() {
    let mut bench = Bench::pulled();
    let id = asked(&mut bench);
    bench.approve(&id, None).unwrap();
    bench.calm();
    bench.dispute(&id).unwrap();
    bench.lose_call();
    bench.crash();
    bench.calm();
    let kept = bench.kept(&id).unwrap();
    assert_eq!(kept.outcomes.len(), 2, "the first statement stays");
    let entries = bench.vault.history(&bench.core.account().id).unwrap();
    let second = kept.outcomes.last().map(countersign_protocol::hash::Hash::of);
    assert!(
        matches!(&entries.last().unwrap().body().what,
            What::Ended { challenge, outcome, outcome_hash, .. }
                if *challenge == id && outcome == "disputed" && *outcome_hash == second),
        "the history has both"
    );
    history::check(Head::beginning(bench.office.statements[0].as_str()), &entries).unwrap();
    assert!(bench.told.iter().any(|event| matches!(event, DeviceEvent::Ended { outcome: Some(Ending::Disputed), .. })));
    assert!(bench.vault.load(&bench.core.account().id).unwrap().outbox.is_empty());
}

#[test]
fn the_history_is_one_chain_from_the_enrollment_statement() {
    let mut bench = Bench::pulled();
    for deny in [true, false, true] {
        let id = asked(&mut bench);
        if deny { bench.deny(&id) } else { bench.approve(&id, None) }.unwrap();
        bench.calm();
        bench.crash();
    }
    let entries = bench.vault.history(&bench.core.account().id).unwrap();
    assert_eq!(entries.len(), 6, "answered and ended, three times");
    let beginning = Head::beginning(bench.office.statements[0].as_str());
    history::check(beginning, &entries).unwrap();
    let seqs: Vec<u64> = bench.office.answers.iter().map(|answer| answer.peek().unwrap().seq).collect();
    assert_eq!(seqs, [1, 3, 5], "gaps are normal");
}

#[test]
fn an_outcome_by_a_new_key_is_verified_after_the_manifests_were_fetched() {
    let mut bench = Bench::pulled();
    let (answered, disputed) = (asked(&mut bench), asked(&mut bench));
    bench.deny(&disputed).unwrap();
    bench.calm();
    bench.office.rotate_signing_key();
    bench.approve(&answered, None).unwrap();
    bench.calm();
    bench.pass_ms(60_000);
    bench.calm();
    assert_eq!(bench.stage(&answered), Some(Stage::Ended));
    bench.office.rotate_signing_key();
    bench.dispute(&disputed).unwrap();
    bench.calm();
    bench.pass_ms(61_000);
    bench.calm();
    bench.pass_ms(61_000);
    bench.calm();
    assert_eq!(bench.kept(&disputed).unwrap().outcomes.len(), 2);
    assert!(bench.vault.load(&bench.core.account().id).unwrap().outbox.is_empty());
}

/// Whether the newest request on the bench says that its client is new, in its view and in its lines.
fn is_first(bench: &Bench) -> bool {
    let views = bench.core.pending(bench.at);
    let view = views.last().unwrap();
    let line = view.roles.iter().position(|role| *role == crate::transcript::Role::FirstRequest);
    assert_eq!(line.is_some(), view.first_request);
    assert_eq!(view.roles.len(), view.transcript.lines.len());
    view.first_request
}

#[test]
fn a_client_is_new_until_something_of_it_was_approved() {
    let mut bench = Bench::pulled();
    let denied = asked(&mut bench);
    assert!(is_first(&bench));
    bench.deny(&denied).unwrap();
    bench.calm();
    let approved = asked(&mut bench);
    assert!(is_first(&bench), "a denial makes nobody known");
    bench.approve(&approved, None).unwrap();
    bench.calm();
    asked(&mut bench);
    assert!(!is_first(&bench));
    bench.crash();
    bench.event(Event::Wake);
    bench.calm();
    assert!(!is_first(&bench), "it is remembered");
}

#[test]
fn the_lines_of_a_request_stay_as_they_are_while_another_of_its_client_is_approved() {
    let mut bench = Bench::pulled();
    let one = asked(&mut bench);
    let other = asked(&mut bench);
    let lines = |bench: &Bench| {
        bench.core.pending(bench.at).into_iter().find(|view| view.id == other).unwrap().transcript.lines
    };
    let before = lines(&bench);
    bench.approve(&one, None).unwrap();
    bench.calm();
    assert_eq!(lines(&bench), before);
}
