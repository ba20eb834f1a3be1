//! Fetching challenges, and refusing those that do not verify.

use countersign_jose::hash::Hash;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::kind::Kind;
use countersign_protocol::outcome::Ending;
use countersign_protocol::refusal::RefusalCode;
use countersign_protocol::registration::CredentialResponse;

use crate::core::{CallId, Event};
use crate::device_event::DeviceEvent;
use crate::ports::transport::{Reply, StreamEvent, TransportError, Unreached};
use crate::ports::vault::Stage;
use crate::testing::{CoreHarness, FakeProvider};

fn challenges(harness: &CoreHarness) -> usize {
    harness.emitted.iter().filter(|event| matches!(event, DeviceEvent::Challenge(_))).count()
}

fn refused(harness: &CoreHarness) -> Vec<RefusalCode> {
    harness.provider.refusals.iter().map(|refusal| refusal.code).collect()
}

fn look(harness: &mut CoreHarness) {
    harness.event(Event::Wake);
    harness.deliver_all();
}

#[test]
fn every_start_pulls_and_emits_waiting_requests_once() {
    let mut harness = CoreHarness::pulled();
    harness.provider.ask_login();
    look(&mut harness);
    look(&mut harness);
    assert_eq!(challenges(&harness), 1);
    harness.crash();
    harness.deliver_all();
    assert_eq!(challenges(&harness), 2, "once per start");
}

#[test]
fn attack_12_a_forged_push_only_makes_the_device_look() {
    let mut harness = CoreHarness::pulled();
    harness.emitted.clear();
    for _ in 0..5 {
        harness.event(Event::Wake);
    }
    assert_eq!(harness.wire.len(), 1, "a wake has no content, and five are one look");
    harness.deliver_all();
    assert!(harness.emitted.is_empty(), "nothing is claimed");
    assert!(harness.core.pending(harness.at).is_empty());
}

#[test]
fn the_same_request_twice_is_one_request() {
    let mut harness = CoreHarness::pulled();
    harness.provider.ask_login();
    look(&mut harness);
    harness.provider.forget_cursors();
    look(&mut harness);
    assert_eq!(harness.core.pending(harness.at).len(), 1);
    assert_eq!(challenges(&harness), 1);
    assert!(refused(&harness).is_empty());
}

#[test]
fn the_same_id_with_other_bytes_is_refused_also_after_it_ended() {
    for has_ended in [false, true] {
        let mut harness = CoreHarness::pulled();
        let first = harness.provider.claims();
        let id = harness.provider.ask(&first);
        look(&mut harness);
        if has_ended {
            harness.provider.end(&id, Ending::Cancelled, None);
            look(&mut harness);
            harness.crash();
            harness.deliver_all();
        }
        let second = Challenge { binding_message: Some("another".into()), ..first.clone() };
        harness.provider.ask(&second);
        look(&mut harness);
        assert_eq!(refused(&harness), [RefusalCode::Conflicting]);
        assert_eq!(challenges(&harness), 1);
        let waiting: Vec<_> = harness.core.pending(harness.at).into_iter().map(|view| view.binding_message).collect();
        assert_eq!(waiting, if has_ended { vec![] } else { vec![first.binding_message] }, "the first stays as it was");
    }
}

#[test]
fn a_challenge_that_does_not_verify_is_refused_with_its_code_and_never_shown() {
    let details = |text: &str| Some(text.to_owned());
    let payment = r#"[{"type":"payment_initiation","amount":1}]"#;
    type Alter = Box<dyn Fn(Challenge) -> Challenge>;
    let cases: Vec<(Alter, RefusalCode)> = vec![
        (Box::new(|c| Challenge { sub: "bob".parse().unwrap(), ..c }), RefusalCode::Unverifiable),
        (Box::new(|c| Challenge { aud: "dv_other".parse().unwrap(), ..c }), RefusalCode::Unverifiable),
        (Box::new(|c| Challenge { iss: "https://evil.example".parse().unwrap(), ..c }), RefusalCode::Unverifiable),
        (Box::new(|c| Challenge { iat: c.iat + 10_000, exp: c.exp + 10_000, ..c }), RefusalCode::Unverifiable),
        (Box::new(|c| Challenge { exp: c.iat + 72 * 3600 + 1, ..c }), RefusalCode::Unverifiable),
        (Box::new(move |c| Challenge { authorization_details_json: details(payment), ..c }), RefusalCode::WeakerKind),
        (Box::new(|c| Challenge { scope: Some("openid accounts".into()), ..c }), RefusalCode::WeakerKind),
        (
            Box::new(|c| Challenge { kind: Kind::Other, authorization_details_json: Some("[{}]".into()), ..c }),
            RefusalCode::Unshowable,
        ),
        (
            Box::new(|mut c| {
                c.interaction.kind = countersign_protocol::interaction::InteractionType::InputManual;
                c
            }),
            RefusalCode::Unsupported,
        ),
        (Box::new(|c| Challenge { must_understand: Some(vec!["novelty".into()]), ..c }), RefusalCode::Unsupported),
    ];
    for (alter, code) in cases {
        let mut harness = CoreHarness::pulled();
        let sound = harness.provider.claims();
        harness.provider.ask(&sound);
        look(&mut harness);
        assert_eq!(
            (challenges(&harness), harness.core.pending(harness.at).len()),
            (1, 1),
            "the unaltered one is shown"
        );
        let altered = alter(harness.provider.claims());
        let id = harness.provider.ask(&altered);
        look(&mut harness);
        assert_eq!(refused(&harness), [code], "{altered:?}");
        assert_eq!((challenges(&harness), harness.core.pending(harness.at).len()), (1, 1), "nothing is shown");
        assert!(harness.approve(&id, None).is_err());
        harness.crash();
        harness.deliver_all();
        look(&mut harness);
        assert_eq!(challenges(&harness), 2, "only the valid one is emitted again");
    }
}

#[test]
fn a_request_signed_by_an_unknown_key_is_refused() {
    let mut harness = CoreHarness::pulled();
    let mut stranger = FakeProvider::open();
    stranger.rotate_signing_key();
    let claims = harness.provider.claims();
    let id = claims.jti.clone();
    harness.provider.ask_with(id, stranger.sign(&claims), None);
    look(&mut harness);
    assert_eq!(refused(&harness), [RefusalCode::Unverifiable]);
    assert_eq!(challenges(&harness), 0);
}

#[test]
fn a_payload_that_cannot_be_read_is_refused_by_its_id() {
    let mut harness = CoreHarness::pulled();
    let claims = harness.provider.claims();
    let sound = harness.provider.sign(&claims).into_string();
    let json = serde_json::to_string(&claims).unwrap().replace("\"iat\":", "\"iat\":null,\"was\":");
    let payload = countersign_jose::base64url::encode(json.as_bytes());
    let mut parts = sound.split('.');
    let (header, signature) = (parts.next().unwrap(), parts.next_back().unwrap());
    let unreadable = Compact::from_text(format!("{header}.{payload}.{signature}"));
    harness.provider.ask_with(claims.jti.clone(), unreadable, None);
    look(&mut harness);
    assert_eq!(refused(&harness), [RefusalCode::Unverifiable], "an unsigned payload is not even parsed");
}

#[test]
fn a_new_signing_key_is_learned_from_the_manifests_once_a_minute() {
    let mut harness = CoreHarness::pulled();
    harness.provider.rotate_signing_key();
    harness.provider.ask_login();
    look(&mut harness);
    assert_eq!(challenges(&harness), 1);
    let fetched =
        |harness: &CoreHarness| harness.provider.calls.iter().filter(|call| call.ends_with("/push/manifests")).count();
    assert_eq!(fetched(&harness), 1);
    harness.provider.rotate_signing_key();
    harness.provider.ask_login();
    look(&mut harness);
    assert_eq!((fetched(&harness), challenges(&harness)), (1, 1), "not again within the minute");
    harness.pass_ms(61_000);
    harness.deliver_all();
    assert_eq!((fetched(&harness), challenges(&harness)), (2, 2));
    harness.crash();
    harness.deliver_all();
    assert_eq!(fetched(&harness), 2, "the manifests were stored");
}

#[test]
fn manifests_that_drop_a_key_are_not_accepted() {
    let mut harness = CoreHarness::pulled();
    let mut other = FakeProvider::open();
    other.rotate_signing_key();
    let claims = harness.provider.claims();
    let id = claims.jti.clone();
    harness.provider.ask_with(id, other.sign(&claims), None);
    let honest = std::mem::take(&mut harness.provider.manifests.manifests);
    harness.event(Event::Wake);
    harness.deliver_all();
    assert_eq!(challenges(&harness), 0);
    harness.provider.manifests.manifests = honest;
    harness.provider.ask_login();
    harness.pass_ms(120_000);
    look(&mut harness);
    assert_eq!(challenges(&harness), 1);
}

#[test]
fn what_a_reset_does_not_list_has_ended() {
    let mut harness = CoreHarness::pulled();
    let (stays, goes) = (harness.provider.ask_login(), harness.provider.ask_login());
    look(&mut harness);
    harness.provider.forget_cursors();
    harness.provider.forget(&goes);
    look(&mut harness);
    assert_eq!(harness.stage(&goes), Some(Stage::Ended));
    assert_eq!(harness.stage(&stays), Some(Stage::Received));
    assert!(
        harness
            .emitted
            .iter()
            .any(|event| matches!(event, DeviceEvent::Ended { id, outcome: None, .. } if *id == goes))
    );
}

#[test]
fn an_answer_to_what_a_reset_does_not_list_is_given_up_only_after_its_time() {
    let mut harness = CoreHarness::pulled();
    let id = harness.provider.ask_login();
    look(&mut harness);
    harness.approve(&id, None).unwrap();
    harness.lose_call();
    harness.provider.forget_cursors();
    harness.provider.forget(&id);
    look(&mut harness);
    assert_eq!(harness.stage(&id), Some(Stage::Answering));
    harness.pass_ms(400_000);
    look(&mut harness);
    assert_eq!(harness.stage(&id), Some(Stage::Ended));
    assert!(harness.vault.load(&harness.core.account().id).unwrap().outbox.is_empty());
}

#[test]
fn an_answer_that_a_restored_provider_does_not_know_blocks_no_later_one_also_after_a_restart() {
    let mut harness = CoreHarness::pulled();
    let (lost, next) = (harness.provider.ask_login(), harness.provider.ask_login());
    look(&mut harness);
    harness.approve(&lost, None).unwrap();
    harness.lose_call();
    harness.provider.forget_cursors();
    harness.provider.forget(&lost);
    look(&mut harness);
    // The reset is over and its cursor stored: the next start hears of it no more.
    harness.crash();
    harness.deliver_all();
    assert_eq!(harness.stage(&lost), Some(Stage::Answering), "its time is not over");
    harness.deny(&next).unwrap();
    harness.pass_ms(301_000);
    look(&mut harness);
    assert_eq!(harness.stage(&lost), Some(Stage::Ended));
    assert_eq!(harness.stage(&next), Some(Stage::Ended));
    assert_eq!(harness.provider.answers.len(), 1, "the later answer arrived");
    assert!(harness.vault.load(&harness.core.account().id).unwrap().outbox.is_empty());
}

#[test]
fn an_outcome_is_accepted_only_if_it_is_about_this_request() {
    let mut harness = CoreHarness::pulled();
    let (id, other) = (harness.provider.ask_login(), harness.provider.ask_login());
    look(&mut harness);
    let foreign = harness.provider.outcome(&other, Ending::Cancelled, None);
    let claimed = harness.provider.outcome(&id, Ending::Approved, Some(Hash::of("an answer nobody gave")));
    for outcome in [foreign, claimed] {
        harness.provider.issued.get_mut(&id).unwrap().outcome = Some(outcome);
        harness.provider.forget_cursors();
        harness.event(Event::Wake);
        harness.deliver_all();
        // The provider lists it neither as pending nor as withdrawn, or withdrawn by an outcome that does not hold.
        assert!(
            !harness
                .emitted
                .iter()
                .any(|event| matches!(event, DeviceEvent::Ended { id: ended, outcome: Some(_), .. } if *ended == id))
        );
    }
}

#[test]
fn a_stream_brings_requests_and_nonces_and_its_end_a_new_one() {
    let mut harness = CoreHarness::pulled();
    harness.event(Event::Watch(true));
    let stream = harness.streams[0];
    harness.event(Event::Opened { id: stream, head: Reply { status: 200, ..Reply::default() } });
    harness.deliver_all();
    harness.provider.nonce = "nonce-2".into();
    harness.event(Event::StreamEvent { id: stream, event: StreamEvent::Nonce("nonce-2".into()) });
    let compact = harness.provider.sign(&harness.provider.claims());
    let update = format!(r#"{{"cursor":"0-9","challenges":["{}"]}}"#, compact.as_str());
    harness.event(Event::StreamEvent { id: stream, event: StreamEvent::Update(update.into_bytes()) });
    assert_eq!(challenges(&harness), 1);
    assert_eq!(harness.core.account().cursor.as_deref(), Some("0-9"));
    let calls = harness.provider.calls.len();
    harness.event(Event::Wake);
    harness.deliver_all();
    assert_eq!(harness.provider.calls.len(), calls + 1, "the nonce of the stream saves a round trip");
    harness.event(Event::Failed { id: stream, why: None });
    harness.pass_ms(10_000);
    harness.deliver_all();
    assert_eq!(harness.streams.len(), 2);
}

fn streaming() -> (CoreHarness, CallId) {
    let mut harness = CoreHarness::pulled();
    harness.event(Event::Watch(true));
    let stream = harness.streams[0];
    harness.event(Event::Opened { id: stream, head: Reply { status: 200, ..Reply::default() } });
    harness.deliver_all();
    (harness, stream)
}

fn push(harness: &mut CoreHarness, stream: CallId, id: &ChallengeId) {
    let compact = harness.provider.issued[id].compact.as_str().to_owned();
    let update = format!(r#"{{"cursor":"{id}","challenges":["{compact}"]}}"#);
    harness.event(Event::StreamEvent { id: stream, event: StreamEvent::Update(update.into_bytes()) });
}

fn page(reset: bool, more: bool, listed: &[&ChallengeId], harness: &CoreHarness) -> Reply {
    let listed: Vec<&str> = listed.iter().map(|id| harness.provider.issued[*id].compact.as_str()).collect();
    let body = serde_json::json!({"cursor": "9-1", "reset": reset, "more": more, "challenges": listed});
    Reply { status: 200, body: body.to_string().into_bytes(), ..Reply::default() }
}

#[test]
fn a_reset_on_the_stream_ends_nothing_but_makes_the_device_pull() {
    let (mut harness, stream) = streaming();
    let id = harness.provider.ask_login();
    look(&mut harness);
    harness.provider.forget_cursors();
    let update = br#"{"cursor":"9-1","reset":true}"#.to_vec();
    harness.event(Event::StreamEvent { id: stream, event: StreamEvent::Update(update) });
    assert_eq!(harness.stage(&id), Some(Stage::Received));
    assert!(harness.streams.is_empty(), "what the stream says next would move the cursor past what the pull brings");
    harness.deliver_all();
    assert_eq!(harness.stage(&id), Some(Stage::Received));
    harness.pass_ms(1_500);
    assert_eq!(harness.streams.len(), 1);
}

#[test]
fn what_the_stream_brings_while_a_reset_is_on_its_way_has_not_ended() {
    let (mut harness, stream) = streaming();
    harness.provider.forget_cursors();
    harness.event(Event::Wake);
    let (call, request) = harness.wire.pop_front().unwrap();
    let reply = harness.provider.reply(&request);
    let id = harness.provider.ask_login();
    push(&mut harness, stream, &id);
    harness.event(Event::Replied { id: call, reply });
    assert_eq!(harness.stage(&id), Some(Stage::Received));
    assert_eq!(harness.core.pending(harness.at).len(), 1);
}

#[test]
fn what_the_stream_brings_between_two_pages_of_a_reset_ends_neither_page() {
    let (mut harness, stream) = streaming();
    let (first, second) = (harness.provider.ask_login(), harness.provider.ask_login());
    look(&mut harness);
    harness.event(Event::Wake);
    let (call, _) = harness.wire.pop_front().unwrap();
    let reply = page(true, true, &[&first], &harness);
    harness.event(Event::Replied { id: call, reply });
    let between = harness.provider.ask_login();
    push(&mut harness, stream, &between);
    assert_eq!(harness.stage(&second), Some(Stage::Received), "the second page is still to come");
    let (call, _) = harness.wire.pop_front().unwrap();
    let reply = page(false, false, &[&second], &harness);
    harness.event(Event::Replied { id: call, reply });
    for id in [&first, &second, &between] {
        assert_eq!(harness.stage(id), Some(Stage::Received));
    }
    assert_eq!(harness.core.account().cursor.as_deref(), Some("9-1"));
}

/// Everything arrives but calls for key manifests. Says how many others there were.
fn calm_without_manifests(harness: &mut CoreHarness) -> usize {
    let mut others = 0;
    while let Some((_, call)) = harness.wire.front() {
        match call.url.contains("/manifests") {
            true => harness.lose_call(),
            false => drop(harness.deliver()),
        }
        others += 1;
        assert!(others < 100, "the device calls in circles");
    }
    others
}

#[test]
fn while_the_manifests_cannot_be_fetched_nothing_is_called_in_a_loop() {
    let mut harness = CoreHarness::pulled();
    harness.event(Event::Watch(true));
    for _ in 0..2 {
        let stream = *harness.streams.last().unwrap();
        harness.event(Event::Failed { id: stream, why: Some(TransportError::TimedOut) });
        harness.deliver_pending();
        harness.pass_ms(10_000);
    }
    harness.provider.rotate_signing_key();
    let id = harness.provider.ask_login();
    let mut calls = 0;
    for _ in 0..60 {
        calls += calm_without_manifests(&mut harness);
        harness.pass_ms(1_000);
        assert!(harness.core.deadline().is_none_or(|tick| tick > harness.at.tick), "would spin");
    }
    assert!(calls < 20, "{calls} calls in a minute");
    harness.event(Event::Wake);
    harness.pass_ms(31_000);
    harness.deliver_pending();
    assert_eq!(harness.stage(&id), Some(Stage::Received));
}

#[test]
fn what_waits_for_the_manifests_is_bounded_and_the_rest_is_pulled_afterwards() {
    let (mut harness, stream) = streaming();
    harness.provider.rotate_signing_key();
    for _ in 0..100 {
        let id = harness.provider.ask_login();
        push(&mut harness, stream, &id);
    }
    calm_without_manifests(&mut harness);
    assert!(harness.streams.is_empty(), "a stream that brings more than can be kept is left");
    harness.event(Event::Wake);
    calm_without_manifests(&mut harness);
    assert!(harness.core.pending(harness.at).is_empty());
    for _ in 0..3 {
        harness.pass_ms(31_000);
        harness.deliver_all();
    }
    assert_eq!(harness.core.pending(harness.at).len(), 100, "nothing was lost");
    assert_eq!(harness.streams.len(), 1);
}

#[test]
fn a_blocked_stream_is_replaced_by_long_polls_and_tried_again_later() {
    let mut harness = CoreHarness::pulled();
    harness.event(Event::Watch(true));
    for _ in 0..2 {
        let stream = *harness.streams.last().unwrap();
        harness.event(Event::Failed { id: stream, why: Some(TransportError::TimedOut) });
        harness.pass_ms(10_000);
        harness.deliver_pending();
    }
    assert_eq!(harness.streams.len(), 2);
    assert_eq!(harness.wire.len(), 1, "a long poll is under way");
    assert!(harness.wire[0].1.url.contains("wait=25"));
    harness.provider.ask_login();
    harness.deliver();
    assert_eq!(challenges(&harness), 1);
    harness.pass_ms(600_000);
    harness.deliver_pending();
    assert_eq!(harness.streams.len(), 3, "after ten minutes the stream is tried again");
}

#[test]
fn a_provider_that_ends_streams_and_comes_back_does_not_block_them() {
    // SIGTERM, twice: the first stream had carried bytes, the second had only just been opened.
    for lived_ms in [20_000, 200] {
        let mut harness = CoreHarness::pulled();
        harness.event(Event::Watch(true));
        for restart in 1..=4 {
            let stream = harness.open_stream();
            harness.event(Event::StreamEvent { id: stream, event: StreamEvent::Alive });
            harness.pass_ms(lived_ms);
            harness.deliver_all();
            harness.event(Event::Failed { id: stream, why: None });
            harness.pass_ms(1_500);
            assert_eq!(harness.streams.len(), restart + 1, "a stream again, no long poll");
        }
    }
}

#[test]
fn a_proxy_that_refuses_for_a_provider_that_starts_does_not_block_streams() {
    let mut harness = CoreHarness::pulled();
    harness.event(Event::Watch(true));
    for _ in 0..6 {
        let stream = *harness.streams.last().unwrap();
        let starting = Reply { status: 502, ..Reply::default() };
        harness.event(Event::Replied { id: stream, reply: starting.clone() });
        harness.provider.instead = vec![starting];
        harness.deliver_pending();
        harness.pass_ms(30_000);
        harness.deliver_pending();
    }
    assert_eq!(harness.streams.len(), 7);
    assert!(harness.wire.is_empty(), "no long poll");
}

#[test]
fn a_stream_that_stays_silent_or_is_always_cut_at_once_is_replaced_by_long_polls() {
    for (heard, lived_ms, ends, why) in
        [(false, 37_500, 2, Some(TransportError::TimedOut)), (false, 100, 5, None), (true, 100, 20, None)]
    {
        let mut harness = CoreHarness::pulled();
        harness.event(Event::Watch(true));
        for _ in 0..ends {
            assert!(harness.wire.is_empty());
            let stream = harness.open_stream();
            if heard {
                harness.event(Event::StreamEvent { id: stream, event: StreamEvent::Alive });
            }
            harness.pass_ms(lived_ms);
            harness.event(Event::Failed { id: stream, why });
            harness.deliver_pending();
            harness.pass_ms(10_000);
        }
        assert!(harness.wire[0].1.url.contains("wait=25"), "a long poll");
    }
}

#[test]
fn a_stream_is_opened_again_after_the_provider_was_offline() {
    let mut harness = CoreHarness::pulled();
    harness.event(Event::Watch(true));
    for _ in 0..5 {
        let stream = *harness.streams.last().unwrap();
        harness.event(Event::Failed { id: stream, why: Some(TransportError::Unreachable(Unreached::default())) });
        harness.pass_ms(31_000);
        harness.deliver_pending();
    }
    assert_eq!(harness.streams.len(), 6, "away is not blocked");
}

#[test]
fn a_provider_whose_stream_goes_on_is_not_offline() {
    let mut harness = CoreHarness::pulled();
    harness.event(Event::Watch(true));
    let stream = harness.open_stream();
    harness.event(Event::Wake);
    harness.lose_call();
    assert!(harness.core.offline().is_some());
    harness.event(Event::StreamEvent { id: stream, event: StreamEvent::Alive });
    assert!(harness.core.offline().is_none());
}

/// The stream is opened and open for so long, then it ends.
fn stream_for(harness: &mut CoreHarness, millis: u64, why: Option<TransportError>) {
    let stream = *harness.streams.last().unwrap();
    harness.event(Event::Opened { id: stream, head: Reply { status: 200, ..Reply::default() } });
    harness.deliver_all();
    harness.pass_ms(millis);
    harness.event(Event::Failed { id: stream, why });
}

/// Milliseconds until the next stream is opened.
fn reopened_after(harness: &mut CoreHarness) -> u64 {
    let (before, streams) = (harness.at.tick.0, harness.streams.len());
    while harness.streams.len() == streams {
        harness.pass_ms(50);
        harness.deliver_pending();
        assert!(harness.at.tick.0 - before < 60_000, "no stream is opened");
    }
    harness.at.tick.0 - before
}

#[test]
fn a_stream_that_worked_starts_the_backoff_anew() {
    let mut harness = CoreHarness::pulled();
    harness.event(Event::Watch(true));
    for _ in 0..10 {
        stream_for(&mut harness, 4_000, Some(TransportError::Unreachable(Unreached::default())));
        let wait = reopened_after(&mut harness);
        assert!(wait <= 1_550, "{wait} ms after a stream that was open for seconds");
    }
    for _ in 0..10 {
        stream_for(&mut harness, 300, Some(TransportError::Unreachable(Unreached::default())));
        let wait = reopened_after(&mut harness);
        assert!(wait <= 1_550, "{wait} ms after one that was open for a moment");
    }
    let stream = *harness.streams.last().unwrap();
    harness.event(Event::Opened { id: stream, head: Reply { status: 200, ..Reply::default() } });
    harness.event(Event::StreamEvent { id: stream, event: StreamEvent::Alive });
    harness.event(Event::Failed { id: stream, why: Some(TransportError::Unreachable(Unreached::default())) });
    harness.deliver_all();
    assert!(reopened_after(&mut harness) <= 2_050, "a comment is a sign of life");
}

#[test]
fn streams_that_the_provider_closes_regularly_are_not_blocked() {
    let mut harness = CoreHarness::pulled();
    harness.event(Event::Watch(true));
    for open_for in [60_000, 500, 500, 3_000, 500, 500, 20_000] {
        let streams = harness.streams.len();
        stream_for(&mut harness, open_for, None);
        reopened_after(&mut harness);
        assert_eq!(harness.streams.len(), streams + 1, "a stream again, and no long poll");
    }
    for _ in 0..6 {
        stream_for(&mut harness, 100, None);
        harness.pass_ms(2_000);
        harness.deliver_pending();
    }
    assert!(harness.wire[0].1.url.contains("wait=25"), "closed at once again and again: something closes them");
}

#[test]
fn a_wake_does_not_wait_for_a_long_poll() {
    let mut harness = CoreHarness::pulled();
    harness.event(Event::Watch(true));
    for _ in 0..2 {
        let stream = *harness.streams.last().unwrap();
        harness.event(Event::Failed { id: stream, why: Some(TransportError::TimedOut) });
        harness.deliver_pending();
        harness.pass_ms(10_000);
    }
    assert!(harness.wire[0].1.url.contains("wait=25"));
    harness.event(Event::Wake);
    assert_eq!(harness.wire.len(), 1);
    assert!(!harness.wire[0].1.url.contains("wait="));
}

#[test]
fn the_renewal_reply_has_the_form_that_the_fake_provider_sends() {
    // Guards the stand-in: what it replies is the protocol's type.
    let text = r#"{"device_credential":"x","expires_in":1}"#;
    assert!(serde_json::from_str::<CredentialResponse>(text).is_ok());
}
