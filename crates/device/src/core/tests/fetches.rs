//! Getting to know requests, and refusing what does not hold.

use countersign_protocol::challenge::Challenge;
use countersign_protocol::hash::Hash;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::kind::Kind;
use countersign_protocol::outcome::Ending;
use countersign_protocol::refusal::RefusalCode;
use countersign_protocol::registration::CredentialResponse;

use crate::core::{CallId, Event};
use crate::events::DeviceEvent;
use crate::ports::provider::{NoReply, Pushed, Reply};
use crate::ports::vault::{Stage, Vault as _};
use crate::testing::{Bench, Office};

fn challenges(bench: &Bench) -> usize {
    bench.told.iter().filter(|event| matches!(event, DeviceEvent::Challenge(_))).count()
}

fn refused(bench: &Bench) -> Vec<RefusalCode> {
    bench.office.refusals.iter().map(|refusal| refusal.code).collect()
}

fn look(bench: &mut Bench) {
    bench.event(Event::Wake);
    bench.calm();
}

#[test]
fn every_start_pulls_and_tells_what_waits_once() {
    let mut bench = Bench::pulled();
    bench.office.ask_login();
    look(&mut bench);
    look(&mut bench);
    assert_eq!(challenges(&bench), 1);
    bench.crash();
    bench.calm();
    assert_eq!(challenges(&bench), 2, "once per start");
}

#[test]
fn attack_12_a_forged_push_only_makes_the_device_look() {
    let mut bench = Bench::pulled();
    bench.told.clear();
    for _ in 0..5 {
        bench.event(Event::Wake);
    }
    assert_eq!(bench.wire.len(), 1, "a wake has no content, and five are one look");
    bench.calm();
    assert!(bench.told.is_empty(), "nothing is claimed");
    assert!(bench.core.pending(bench.at).is_empty());
}

#[test]
fn the_same_request_twice_is_one_request() {
    let mut bench = Bench::pulled();
    bench.office.ask_login();
    look(&mut bench);
    bench.office.forget_cursors();
    look(&mut bench);
    assert_eq!(bench.core.pending(bench.at).len(), 1);
    assert_eq!(challenges(&bench), 1);
    assert!(refused(&bench).is_empty());
}

#[test]
fn the_same_id_with_other_bytes_is_refused_also_after_it_ended() {
    for has_ended in [false, true] {
        let mut bench = Bench::pulled();
        let first = bench.office.claims();
        let id = bench.office.ask(&first);
        look(&mut bench);
        if has_ended {
            bench.office.end(&id, Ending::Cancelled, None);
            look(&mut bench);
            bench.crash();
            bench.calm();
        }
        let second = Challenge { binding_message: Some("another".into()), ..first.clone() };
        bench.office.ask(&second);
        look(&mut bench);
        assert_eq!(refused(&bench), [RefusalCode::Conflicting]);
        assert_eq!(challenges(&bench), 1);
        let waiting: Vec<_> = bench.core.pending(bench.at).into_iter().map(|view| view.binding_message).collect();
        assert_eq!(waiting, if has_ended { vec![] } else { vec![first.binding_message] }, "the first stays as it was");
    }
}

#[test]
fn what_does_not_hold_is_refused_with_its_code_and_never_shown() {
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
        let mut bench = Bench::pulled();
        let sound = bench.office.claims();
        bench.office.ask(&sound);
        look(&mut bench);
        assert_eq!((challenges(&bench), bench.core.pending(bench.at).len()), (1, 1), "the unaltered one is shown");
        let altered = alter(bench.office.claims());
        let id = bench.office.ask(&altered);
        look(&mut bench);
        assert_eq!(refused(&bench), [code], "{altered:?}");
        assert_eq!((challenges(&bench), bench.core.pending(bench.at).len()), (1, 1), "nothing is shown");
        assert!(bench.approve(&id, None).is_err());
        bench.crash();
        bench.calm();
        look(&mut bench);
        assert_eq!(challenges(&bench), 2, "only the sound one is told again");
    }
}

#[test]
fn a_request_that_nobody_here_signed_is_refused() {
    let mut bench = Bench::pulled();
    let mut stranger = Office::open();
    stranger.rotate_signing_key();
    let claims = bench.office.claims();
    let id = claims.jti.clone();
    bench.office.ask_with(id, stranger.sign(&claims), None);
    look(&mut bench);
    assert_eq!(refused(&bench), [RefusalCode::Unverifiable]);
    assert_eq!(challenges(&bench), 0);
}

#[test]
fn a_payload_that_cannot_be_read_is_refused_by_its_id() {
    let mut bench = Bench::pulled();
    let claims = bench.office.claims();
    let sound = bench.office.sign(&claims).into_string();
    let json = serde_json::to_string(&claims).unwrap().replace("\"iat\":", "\"iat\":null,\"was\":");
    let payload = countersign_protocol::encoding::encode(json.as_bytes());
    let mut parts = sound.split('.');
    let (header, signature) = (parts.next().unwrap(), parts.next_back().unwrap());
    let unreadable = Compact::from_text(format!("{header}.{payload}.{signature}"));
    bench.office.ask_with(claims.jti.clone(), unreadable, None);
    look(&mut bench);
    assert_eq!(refused(&bench), [RefusalCode::Unverifiable], "an unsigned payload is not even parsed");
}

#[test]
fn a_new_signing_key_is_learned_from_the_manifests_once_a_minute() {
    let mut bench = Bench::pulled();
    bench.office.rotate_signing_key();
    bench.office.ask_login();
    look(&mut bench);
    assert_eq!(challenges(&bench), 1);
    let fetched = |bench: &Bench| bench.office.calls.iter().filter(|call| call.ends_with("/push/manifests")).count();
    assert_eq!(fetched(&bench), 1);
    bench.office.rotate_signing_key();
    bench.office.ask_login();
    look(&mut bench);
    assert_eq!((fetched(&bench), challenges(&bench)), (1, 1), "not again within the minute");
    bench.pass_ms(61_000);
    bench.calm();
    assert_eq!((fetched(&bench), challenges(&bench)), (2, 2));
    bench.crash();
    bench.calm();
    assert_eq!(fetched(&bench), 2, "the manifests were stored");
}

#[test]
fn manifests_that_unsay_a_key_are_not_believed() {
    let mut bench = Bench::pulled();
    let mut other = Office::open();
    other.rotate_signing_key();
    let claims = bench.office.claims();
    let id = claims.jti.clone();
    bench.office.ask_with(id, other.sign(&claims), None);
    let honest = std::mem::take(&mut bench.office.manifests.manifests);
    bench.event(Event::Wake);
    bench.calm();
    assert_eq!(challenges(&bench), 0);
    bench.office.manifests.manifests = honest;
    bench.office.ask_login();
    bench.pass_ms(120_000);
    look(&mut bench);
    assert_eq!(challenges(&bench), 1);
}

#[test]
fn what_a_reset_does_not_list_has_ended() {
    let mut bench = Bench::pulled();
    let (stays, goes) = (bench.office.ask_login(), bench.office.ask_login());
    look(&mut bench);
    bench.office.forget_cursors();
    bench.office.forget(&goes);
    look(&mut bench);
    assert_eq!(bench.stage(&goes), Some(Stage::Ended));
    assert_eq!(bench.stage(&stays), Some(Stage::Received));
    assert!(
        bench.told.iter().any(|event| matches!(event, DeviceEvent::Ended { id, outcome: None, .. } if *id == goes))
    );
}

#[test]
fn an_answer_to_what_a_reset_does_not_list_is_given_up_only_after_its_time() {
    let mut bench = Bench::pulled();
    let id = bench.office.ask_login();
    look(&mut bench);
    bench.approve(&id, None).unwrap();
    bench.lose_call();
    bench.office.forget_cursors();
    bench.office.forget(&id);
    look(&mut bench);
    assert_eq!(bench.stage(&id), Some(Stage::Answering));
    bench.pass_ms(400_000);
    look(&mut bench);
    assert_eq!(bench.stage(&id), Some(Stage::Ended));
    assert!(bench.vault.load(&bench.core.account().id).unwrap().outbox.is_empty());
}

#[test]
fn an_answer_that_a_restored_provider_does_not_know_blocks_no_later_one_also_after_a_restart() {
    let mut bench = Bench::pulled();
    let (lost, next) = (bench.office.ask_login(), bench.office.ask_login());
    look(&mut bench);
    bench.approve(&lost, None).unwrap();
    bench.lose_call();
    bench.office.forget_cursors();
    bench.office.forget(&lost);
    look(&mut bench);
    // The reset is over and its cursor stored: the next start hears of it no more.
    bench.crash();
    bench.calm();
    assert_eq!(bench.stage(&lost), Some(Stage::Answering), "its time is not over");
    bench.deny(&next).unwrap();
    bench.pass_ms(301_000);
    look(&mut bench);
    assert_eq!(bench.stage(&lost), Some(Stage::Ended));
    assert_eq!(bench.stage(&next), Some(Stage::Ended));
    assert_eq!(bench.office.answers.len(), 1, "the later answer arrived");
    assert!(bench.vault.load(&bench.core.account().id).unwrap().outbox.is_empty());
}

#[test]
fn an_outcome_is_believed_only_if_it_is_about_this_request() {
    let mut bench = Bench::pulled();
    let (id, other) = (bench.office.ask_login(), bench.office.ask_login());
    look(&mut bench);
    let foreign = bench.office.outcome(&other, Ending::Cancelled, None);
    let claimed = bench.office.outcome(&id, Ending::Approved, Some(Hash::of("an answer nobody gave")));
    for outcome in [foreign, claimed] {
        bench.office.asked.get_mut(&id).unwrap().outcome = Some(outcome);
        bench.office.forget_cursors();
        bench.event(Event::Wake);
        bench.calm();
        // The office lists it neither as pending nor as withdrawn, or withdrawn by an outcome that does not hold.
        assert!(
            !bench
                .told
                .iter()
                .any(|event| matches!(event, DeviceEvent::Ended { id: ended, outcome: Some(_), .. } if *ended == id))
        );
    }
}

#[test]
fn a_stream_brings_requests_and_nonces_and_its_end_a_new_one() {
    let mut bench = Bench::pulled();
    bench.event(Event::Watch(true));
    let stream = bench.streams[0];
    bench.event(Event::Opened { id: stream, head: Reply { status: 200, ..Reply::default() } });
    bench.calm();
    bench.office.nonce = "nonce-2".into();
    bench.event(Event::Pushed { id: stream, pushed: Pushed::Nonce("nonce-2".into()) });
    let compact = bench.office.sign(&bench.office.claims());
    let update = format!(r#"{{"cursor":"0-9","challenges":["{}"]}}"#, compact.as_str());
    bench.event(Event::Pushed { id: stream, pushed: Pushed::Update(update.into_bytes()) });
    assert_eq!(challenges(&bench), 1);
    assert_eq!(bench.core.account().cursor.as_deref(), Some("0-9"));
    let calls = bench.office.calls.len();
    bench.event(Event::Wake);
    bench.calm();
    assert_eq!(bench.office.calls.len(), calls + 1, "the nonce of the stream saves a round trip");
    bench.event(Event::Failed { id: stream, why: None });
    bench.pass_ms(10_000);
    bench.calm();
    assert_eq!(bench.streams.len(), 2);
}

fn streaming() -> (Bench, CallId) {
    let mut bench = Bench::pulled();
    bench.event(Event::Watch(true));
    let stream = bench.streams[0];
    bench.event(Event::Opened { id: stream, head: Reply { status: 200, ..Reply::default() } });
    bench.calm();
    (bench, stream)
}

fn push(bench: &mut Bench, stream: CallId, id: &ChallengeId) {
    let compact = bench.office.asked[id].compact.as_str().to_owned();
    let update = format!(r#"{{"cursor":"{id}","challenges":["{compact}"]}}"#);
    bench.event(Event::Pushed { id: stream, pushed: Pushed::Update(update.into_bytes()) });
}

fn page(reset: bool, more: bool, listed: &[&ChallengeId], bench: &Bench) -> Reply {
    let listed: Vec<&str> = listed.iter().map(|id| bench.office.asked[*id].compact.as_str()).collect();
    let body = serde_json::json!({"cursor": "9-1", "reset": reset, "more": more, "challenges": listed});
    Reply { status: 200, body: body.to_string().into_bytes(), ..Reply::default() }
}

#[test]
fn a_reset_on_the_stream_ends_nothing_but_makes_the_device_pull() {
    let (mut bench, stream) = streaming();
    let id = bench.office.ask_login();
    look(&mut bench);
    bench.office.forget_cursors();
    let update = br#"{"cursor":"9-1","reset":true}"#.to_vec();
    bench.event(Event::Pushed { id: stream, pushed: Pushed::Update(update) });
    assert_eq!(bench.stage(&id), Some(Stage::Received));
    assert!(bench.streams.is_empty(), "what the stream says next would move the cursor past what the pull brings");
    bench.calm();
    assert_eq!(bench.stage(&id), Some(Stage::Received));
    bench.pass_ms(1_000);
    assert_eq!(bench.streams.len(), 1);
}

#[test]
fn what_the_stream_brings_while_a_reset_is_on_its_way_has_not_ended() {
    let (mut bench, stream) = streaming();
    bench.office.forget_cursors();
    bench.event(Event::Wake);
    let (call, request) = bench.wire.pop_front().unwrap();
    let reply = bench.office.reply(&request);
    let id = bench.office.ask_login();
    push(&mut bench, stream, &id);
    bench.event(Event::Replied { id: call, reply });
    assert_eq!(bench.stage(&id), Some(Stage::Received));
    assert_eq!(bench.core.pending(bench.at).len(), 1);
}

#[test]
fn what_the_stream_brings_between_two_pages_of_a_reset_ends_neither_page() {
    let (mut bench, stream) = streaming();
    let (first, second) = (bench.office.ask_login(), bench.office.ask_login());
    look(&mut bench);
    bench.event(Event::Wake);
    let (call, _) = bench.wire.pop_front().unwrap();
    let reply = page(true, true, &[&first], &bench);
    bench.event(Event::Replied { id: call, reply });
    let between = bench.office.ask_login();
    push(&mut bench, stream, &between);
    assert_eq!(bench.stage(&second), Some(Stage::Received), "the second page is still to come");
    let (call, _) = bench.wire.pop_front().unwrap();
    let reply = page(false, false, &[&second], &bench);
    bench.event(Event::Replied { id: call, reply });
    for id in [&first, &second, &between] {
        assert_eq!(bench.stage(id), Some(Stage::Received));
    }
    assert_eq!(bench.core.account().cursor.as_deref(), Some("9-1"));
}

/// Everything arrives but calls for key manifests. Says how many others there were.
fn calm_without_manifests(bench: &mut Bench) -> usize {
    let mut others = 0;
    while let Some((_, call)) = bench.wire.front() {
        match call.url.contains("/manifests") {
            true => bench.lose_call(),
            false => drop(bench.deliver()),
        }
        others += 1;
        assert!(others < 100, "the device calls in circles");
    }
    others
}

#[test]
fn while_the_manifests_cannot_be_fetched_nothing_is_asked_in_circles() {
    let mut bench = Bench::pulled();
    bench.event(Event::Watch(true));
    for _ in 0..2 {
        let stream = *bench.streams.last().unwrap();
        bench.event(Event::Failed { id: stream, why: None });
        bench.pass_ms(10_000);
    }
    bench.office.rotate_signing_key();
    let id = bench.office.ask_login();
    let mut calls = 0;
    for _ in 0..60 {
        calls += calm_without_manifests(&mut bench);
        bench.pass_ms(1_000);
        assert!(bench.core.deadline().is_none_or(|tick| tick > bench.at.tick), "would spin");
    }
    assert!(calls < 20, "{calls} calls in a minute");
    bench.event(Event::Wake);
    bench.pass_ms(31_000);
    bench.calm_once();
    assert_eq!(bench.stage(&id), Some(Stage::Received));
}

#[test]
fn what_waits_for_the_manifests_is_bounded_and_the_rest_is_pulled_afterwards() {
    let (mut bench, stream) = streaming();
    bench.office.rotate_signing_key();
    for _ in 0..100 {
        let id = bench.office.ask_login();
        push(&mut bench, stream, &id);
    }
    calm_without_manifests(&mut bench);
    assert!(bench.streams.is_empty(), "a stream that brings more than can be kept is left");
    bench.event(Event::Wake);
    calm_without_manifests(&mut bench);
    assert!(bench.core.pending(bench.at).is_empty());
    for _ in 0..3 {
        bench.pass_ms(31_000);
        bench.calm();
    }
    assert_eq!(bench.core.pending(bench.at).len(), 100, "nothing was lost");
    assert_eq!(bench.streams.len(), 1);
}

#[test]
fn a_blocked_stream_is_replaced_by_long_polls_and_tried_again_later() {
    let mut bench = Bench::pulled();
    bench.event(Event::Watch(true));
    for _ in 0..2 {
        let stream = *bench.streams.last().unwrap();
        bench.event(Event::Failed { id: stream, why: Some(NoReply::TimedOut) });
        bench.pass_ms(10_000);
        bench.calm_once();
    }
    assert_eq!(bench.streams.len(), 2);
    assert_eq!(bench.wire.len(), 1, "a long poll is under way");
    assert!(bench.wire[0].1.url.contains("wait=25"));
    bench.office.ask_login();
    bench.deliver();
    assert_eq!(challenges(&bench), 1);
    bench.pass_ms(600_000);
    bench.calm_once();
    assert_eq!(bench.streams.len(), 3, "after ten minutes the stream is tried again");
}

#[test]
fn a_provider_that_was_away_is_met_by_a_stream_again() {
    let mut bench = Bench::pulled();
    bench.event(Event::Watch(true));
    for _ in 0..5 {
        let stream = *bench.streams.last().unwrap();
        bench.event(Event::Failed { id: stream, why: Some(NoReply::Unreachable) });
        bench.pass_ms(31_000);
        bench.calm_once();
    }
    assert_eq!(bench.streams.len(), 6, "away is not blocked");
}

#[test]
fn a_wake_does_not_wait_for_a_long_poll() {
    let mut bench = Bench::pulled();
    bench.event(Event::Watch(true));
    for _ in 0..2 {
        let stream = *bench.streams.last().unwrap();
        bench.event(Event::Failed { id: stream, why: None });
        bench.pass_ms(10_000);
    }
    assert!(bench.wire[0].1.url.contains("wait=25"));
    bench.event(Event::Wake);
    assert_eq!(bench.wire.len(), 1);
    assert!(!bench.wire[0].1.url.contains("wait="));
}

#[test]
fn the_renewal_reply_has_the_form_the_office_uses() {
    // Guards the stand-in: what it replies is the protocol's type.
    let text = r#"{"device_credential":"x","expires_in":1}"#;
    assert!(serde_json::from_str::<CredentialResponse>(text).is_ok());
}
