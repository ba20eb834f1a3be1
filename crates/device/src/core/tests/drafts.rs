//! Drafts: keys that sign later than they are asked, ask the person on the way, or never answer.

use countersign_protocol::answer::{Answer, Decision, DenialReason};
use countersign_protocol::challenge::Challenge;
use countersign_protocol::id::{ChallengeId, MessageId};
use countersign_protocol::interaction::UserVerification;
use countersign_protocol::outcome::Ending;
use countersign_protocol::revocation::{Revocation, RevokedBy};

use crate::core::{AuthorizedDecision, DraftId, Event, KeyRole};
use crate::error::AnswerError;
use crate::history::{self, Head, HistoryEvent};
use crate::ports::key_store::KeyError;
use crate::ports::vault::{OutboxMessage, Stage};
use crate::testing::{CoreHarness, Prompt};

const DENY: AuthorizedDecision = AuthorizedDecision::Deny { reason: Some(DenialReason::NotMe) };

/// A harness whose keys wait to be touched, with so many requests.
fn waiting<const N: usize>() -> (CoreHarness, [ChallengeId; N]) {
    let mut harness = CoreHarness::pulled();
    harness.keys_wait = true;
    let ids = std::array::from_fn(|_| harness.provider.ask_login());
    harness.event(Event::Wake);
    harness.deliver_all();
    (harness, ids)
}

/// A request that the device has to refuse.
fn ask_unsupported(harness: &mut CoreHarness) {
    let claims = Challenge { must_understand: Some(vec!["novelty".into()]), ..harness.provider.claims() };
    harness.provider.ask(&claims);
}

fn approve(harness: &mut CoreHarness, id: &ChallengeId) -> DraftId {
    harness.begin_approval(id, None).unwrap()
}

fn answers(harness: &CoreHarness) -> Vec<Answer> {
    harness.provider.answers.iter().map(|answer| answer.peek().unwrap()).collect()
}

/// What the history says, checked as a chain from the enrollment statement on.
fn history(harness: &CoreHarness) -> Vec<HistoryEvent> {
    let account = &harness.core.account().id;
    let entries = harness.vault.history(account).unwrap();
    history::check(Head::beginning(harness.provider.statements[0].as_str()), &entries).unwrap();
    entries.iter().map(|entry| entry.body().what.clone()).collect()
}

fn unnumbered(harness: &CoreHarness) -> usize {
    harness.vault.load(&harness.core.account().id).unwrap().unnumbered.len()
}

fn end(harness: &mut CoreHarness, id: &ChallengeId) {
    harness.provider.end(id, Ending::Cancelled, None);
    harness.event(Event::Wake);
    harness.deliver_all();
}

#[test]
fn an_answer_is_stored_with_its_signature_and_not_before() {
    let (mut harness, [id]) = waiting();
    let draft = approve(&mut harness, &id);
    assert!(harness.result(draft).is_none());
    assert_eq!(harness.stage(&id), Some(Stage::Received));
    assert!(harness.vault.load(&harness.core.account().id).unwrap().outbox.is_empty());
    assert!(harness.touch());
    assert_eq!(harness.stage(&id), Some(Stage::Answering));
    assert!(harness.result(draft).unwrap().is_ok());
    harness.deliver_all();
    assert_eq!(harness.stage(&id), Some(Stage::Ended));
}

#[test]
fn an_answer_refused_by_the_person_is_none() {
    let (mut harness, [id]) = waiting();
    let draft = approve(&mut harness, &id);
    harness.decline();
    assert!(matches!(harness.result(draft), Some(Err(AnswerError::Keys(KeyError::Declined)))));
    harness.deliver_all();
    assert_eq!(harness.stage(&id), Some(Stage::Received), "it waits as before");
    assert_eq!(history(&harness), []);
    let again = approve(&mut harness, &id);
    assert!(harness.touch());
    assert!(harness.result(again).unwrap().is_ok());
    harness.deliver_all();
    assert_eq!(answers(&harness).iter().map(|answer| answer.seq).collect::<Vec<_>>(), [1], "its number was given back");
}

#[test]
fn no_seq_is_skipped_or_used_twice_while_a_key_takes_its_time() {
    let (mut harness, [signed, cancelled, later]) = waiting();
    approve(&mut harness, &signed);
    end(&mut harness, &cancelled);
    assert_eq!(unnumbered(&harness), 1, "stored at once");
    assert_eq!(history(&harness), [], "and without a number");
    harness.touch();
    harness.deliver_all();
    approve(&mut harness, &later);
    harness.touch();
    harness.deliver_all();
    let events = history(&harness);
    assert!(
        matches!(&events[..], [
            HistoryEvent::Answered { challenge: first, .. },
            HistoryEvent::Ended { challenge: second, .. },
            HistoryEvent::Ended { challenge: third, .. },
            HistoryEvent::Answered { .. },
            HistoryEvent::Ended { .. },
        ] if *first == signed && *second == cancelled && *third == signed),
        "{events:?}"
    );
    assert_eq!(answers(&harness).iter().map(|answer| answer.seq).collect::<Vec<_>>(), [1, 4]);
    assert_eq!(unnumbered(&harness), 0);
    assert_eq!(harness.provider.forks, 0);
}

#[test]
fn attack_03_junk_requests_that_end_behind_the_prompt_cost_no_second_touch() {
    let (mut harness, [id]) = waiting();
    approve(&mut harness, &id);
    for _ in 0..20 {
        let junk = harness.provider.ask_login();
        ask_unsupported(&mut harness);
        harness.event(Event::Wake);
        harness.deliver_all();
        end(&mut harness, &junk);
    }
    assert_eq!(harness.touches_asked, 1);
    let is_approval = |prompt: &&Prompt| prompt.key == KeyRole::Approval;
    assert_eq!(harness.prompts.iter().filter(is_approval).count(), 1, "the prompt stays as it is");
    while harness.touch() {}
    harness.deliver_all();
    assert_eq!(harness.touches_asked, 1);
    assert_eq!(harness.stage(&id), Some(Stage::Ended));
    assert_eq!(answers(&harness)[0].seq, 1);
    assert_eq!(harness.provider.forks, 0);
    assert!(history(&harness).len() > 20);
}

#[test]
fn a_lock_drops_what_the_approval_key_has_not_signed() {
    let (mut harness, [open, behind, denied]) = waiting();
    let (first, second) = (approve(&mut harness, &open), approve(&mut harness, &behind));
    let third = harness.decide(&denied, DENY).unwrap();
    harness.event(Event::Lock);
    assert!(matches!(harness.result(first), Some(Err(AnswerError::Locked))));
    assert!(matches!(harness.result(second), Some(Err(AnswerError::Locked))));
    assert_eq!(harness.prompts.iter().map(|prompt| prompt.key).collect::<Vec<_>>(), [KeyRole::Transport]);
    harness.touch();
    assert!(harness.result(third).unwrap().is_ok(), "denying needs nobody");
    harness.deliver_all();
    assert_eq!(answers(&harness).len(), 1);
}

#[test]
fn a_late_signature_is_thrown_away() {
    let ways: [fn(&mut CoreHarness, &ChallengeId, DraftId); 5] = [
        |harness, _, _| harness.event(Event::Lock),
        |harness, id, _| end(harness, id),
        |harness, _, _| harness.pass_ms(120_000),
        |harness, _, draft| harness.event(Event::Withdrawn(draft)),
        |harness, _, _| {
            let prompt = harness.prompts.back().unwrap().job;
            harness.event(Event::NotSigned { job: prompt, why: KeyError::Declined });
        },
    ];
    for drop_draft in ways {
        let (mut harness, [id, other]) = waiting();
        let draft = approve(&mut harness, &id);
        let late = harness.signature(harness.prompts.front().unwrap());
        drop_draft(&mut harness, &id, draft);
        assert!(harness.result(draft).unwrap().is_err());
        harness.event(late);
        harness.deliver_all();
        assert_eq!(answers(&harness), []);
        assert_ne!(harness.stage(&id), Some(Stage::Answering));
        harness.prompts.clear();
        approve(&mut harness, &other);
        harness.touch();
        harness.deliver_all();
        assert_eq!(harness.provider.forks, 0);
        assert_eq!(answers(&harness).len(), 1);
        history(&harness);
    }
}

#[test]
fn a_draft_ends_with_its_request_by_the_providers_clock() {
    let (mut harness, [id]) = waiting();
    let draft = approve(&mut harness, &id);
    // The request's own end comes before two minutes are over.
    let expires = harness.kept(&id).unwrap().expires_at;
    let left = expires * 1000 - harness.provider.now.millis();
    assert!(harness.core.deadline().is_some_and(|due| due > harness.at.tick));
    harness.pass_ms(left.min(119_000));
    harness.pass_ms(left.saturating_sub(119_000) + 1_000);
    assert!(matches!(harness.result(draft), Some(Err(AnswerError::Expired | AnswerError::TimedOut))));
    assert!(harness.prompts.is_empty(), "the prompt is taken away");
}

#[test]
fn a_denial_of_the_same_request_takes_the_prompt_away_and_goes_first() {
    let (mut harness, [id, behind]) = waiting();
    let (approval, other) = (approve(&mut harness, &id), approve(&mut harness, &behind));
    let denial = harness.decide(&id, DENY).unwrap();
    assert!(matches!(harness.result(approval), Some(Err(AnswerError::Answered))));
    assert_eq!(harness.prompts.iter().map(|prompt| prompt.key).collect::<Vec<_>>(), [KeyRole::Transport]);
    harness.touch();
    assert!(harness.result(denial).unwrap().is_ok());
    assert_eq!(harness.prompts.iter().map(|prompt| prompt.key).collect::<Vec<_>>(), [KeyRole::Approval], "its turn");
    harness.touch();
    assert!(harness.result(other).unwrap().is_ok());
    harness.deliver_all();
    let said: Vec<_> = answers(&harness).into_iter().map(|answer| (answer.challenge, answer.decision)).collect();
    assert_eq!(said, [(id, Decision::Denied), (behind, Decision::Approved)]);
}

#[test]
fn another_approval_waits_its_turn_and_a_second_one_of_the_same_is_answering() {
    let (mut harness, [first, second]) = waiting();
    approve(&mut harness, &first);
    approve(&mut harness, &second);
    assert_eq!(harness.touches_asked, 1);
    for id in [&first, &second] {
        assert!(matches!(harness.begin_approval(id, None), Err(AnswerError::Answering)));
    }
    harness.decide(&second, DENY).unwrap();
    assert!(matches!(harness.decide(&second, DENY), Err(AnswerError::Answering)), "one denial is enough");
    harness.touch();
    harness.touch();
    harness.deliver_all();
    assert_eq!(answers(&harness).iter().map(|answer| answer.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(harness.touches_asked, 1, "nobody is asked to touch for what was denied meanwhile");
}

#[test]
fn a_decision_whose_request_ends_while_it_waits_is_told_and_asks_nobody() {
    let (mut harness, [first, second]) = waiting();
    approve(&mut harness, &first);
    let waiting = approve(&mut harness, &second);
    end(&mut harness, &second);
    assert!(matches!(harness.result(waiting), Some(Err(AnswerError::Ended))));
    harness.touch();
    harness.deliver_all();
    assert_eq!(harness.touches_asked, 1);
    assert_eq!(answers(&harness).len(), 1);
}

#[test]
fn a_crash_between_reserving_and_storing_numbers_what_happened_meanwhile() {
    let (mut harness, [open, cancelled]) = waiting();
    approve(&mut harness, &open);
    end(&mut harness, &cancelled);
    assert_eq!((history(&harness).len(), unnumbered(&harness)), (0, 1));
    harness.crash();
    assert_eq!(unnumbered(&harness), 0, "numbered at the start");
    assert!(matches!(&history(&harness)[..], [HistoryEvent::Ended { challenge, .. }] if *challenge == cancelled));
    harness.deliver_all();
    assert_eq!(harness.stage(&open), Some(Stage::Received), "what was not signed was not said");
    approve(&mut harness, &open);
    harness.touch();
    harness.deliver_all();
    assert_eq!(answers(&harness)[0].seq, 2);
    assert_eq!(harness.provider.forks, 0);
}

#[test]
fn a_refusal_is_stored_before_it_is_signed_and_sent_once_it_is() {
    let (mut harness, []) = waiting();
    ask_unsupported(&mut harness);
    harness.event(Event::Wake);
    harness.deliver_all();
    let outbox = |harness: &CoreHarness| harness.vault.load(&harness.core.account().id).unwrap().outbox;
    assert!(matches!(outbox(&harness)[0].message, OutboxMessage::Unsigned(_)));
    assert_eq!(harness.provider.refusals.len(), 0);
    harness.crash();
    harness.deliver_all();
    assert!(harness.touch(), "the next start has it signed");
    assert!(matches!(outbox(&harness)[0].message, OutboxMessage::Compact(_)), "stored before it is sent");
    harness.deliver_all();
    assert_eq!(harness.provider.refusals.len(), 1);
    assert!(outbox(&harness).is_empty());
}

#[test]
fn a_message_that_a_key_does_not_sign_is_asked_for_again_and_holds_nothing_up() {
    let (mut harness, [id]) = waiting();
    ask_unsupported(&mut harness);
    harness.event(Event::Wake);
    harness.deliver_all();
    // The key never answers: after a while nothing is waited for any more, and it is asked again.
    harness.pass_ms(15_000);
    assert!(harness.prompts.is_empty());
    assert!(harness.core.deadline().is_some_and(|due| due > harness.at.tick));
    harness.decide(&id, DENY).unwrap();
    harness.touch();
    harness.deliver_all();
    assert_eq!(answers(&harness).len(), 1);
    harness.pass_ms(30_000);
    harness.touch();
    harness.deliver_all();
    assert_eq!(harness.provider.refusals.len(), 1);
}

#[test]
fn a_dispute_while_a_draft_is_open_is_signed_at_once_and_numbered_afterwards() {
    let (mut harness, [done, open]) = waiting();
    approve(&mut harness, &done);
    harness.touch();
    harness.deliver_all();
    approve(&mut harness, &open);
    harness.dispute(&done).unwrap();
    let dispute = harness.prompts.pop_back().unwrap();
    assert_eq!(dispute.key, KeyRole::Transport);
    let signed = harness.signature(&dispute);
    harness.event(signed);
    harness.deliver_all();
    assert_eq!(harness.kept(&done).unwrap().outcomes.len(), 2, "it arrived");
    harness.touch();
    harness.deliver_all();
    let disputed = history(&harness).iter().position(|what| matches!(what, HistoryEvent::Disputed { .. }));
    assert_eq!((disputed, answers(&harness)[1].seq), (Some(3), 3));
}

#[test]
fn a_revoked_account_signs_nothing_that_was_begun() {
    let (mut harness, [id]) = waiting();
    let draft = approve(&mut harness, &id);
    let late = harness.signature(harness.prompts.front().unwrap());
    let revocation = Revocation {
        iss: harness.provider.issuer.clone(),
        aud: harness.provider.device.clone(),
        sub: harness.provider.subject.clone(),
        jti: MessageId::random(&harness.provider.random),
        iat: harness.provider.now.seconds(),
        device_id: harness.provider.device.clone(),
        device_name: "Desk".into(),
        by: RevokedBy::User,
    };
    let notice = harness.provider.sign(&revocation).into_string();
    harness.provider.notify(&notice);
    harness.event(Event::Wake);
    harness.deliver_all();
    assert!(matches!(harness.result(draft), Some(Err(AnswerError::NoPart { .. }))));
    harness.event(late);
    assert_eq!(answers(&harness), []);
    assert!(!harness.keys.has_approval(&harness.core.account().id));
}

#[test]
fn an_approval_by_the_transport_key_is_a_draft_as_well() {
    let mut harness = CoreHarness::pulled();
    harness.keys_wait = true;
    let claims = Challenge { user_verification: UserVerification::Discouraged, ..harness.provider.claims() };
    let id = harness.provider.ask(&claims);
    harness.event(Event::Wake);
    harness.deliver_all();
    harness.decide(&id, AuthorizedDecision::ApproveUnverified { value: None }).unwrap();
    assert_eq!(harness.prompts[0].key, KeyRole::Transport);
    harness.touch();
    harness.deliver_all();
    assert_eq!((answers(&harness)[0].seq, harness.touches_asked), (1, 0));
}

#[test]
fn nothing_makes_the_driver_spin_while_keys_wait() {
    let (mut harness, [id, behind]) = waiting();
    let asleep = |harness: &CoreHarness| harness.core.deadline().is_none_or(|due| due > harness.at.tick);
    approve(&mut harness, &id);
    approve(&mut harness, &behind);
    ask_unsupported(&mut harness);
    harness.event(Event::Wake);
    harness.deliver_all();
    for millis in [1_000, 14_000, 60_000, 60_000, 120_000, 600_000] {
        assert!(asleep(&harness), "before {millis}");
        harness.pass_ms(millis);
        harness.deliver_all();
    }
    assert!(asleep(&harness));
}
