//! Attacks on answers and on prompts: the unaltered input works, the altered one changes nothing.

use axum::http::{Method, StatusCode};
use countersign_gateway::{DeviceState, Verdict};
use countersign_jose::clock::Clock as _;
use countersign_jose::hash::Hash;
use countersign_protocol::answer::{Answer, Decision, DenialReason};
use countersign_protocol::id::{ChallengeId, MessageId};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::jws::Compact;
use countersign_protocol::notice::{DeviceEvent, DeviceNotice, Notice};
use countersign_protocol::outcome::Ending;
use countersign_protocol::problem::Problem;
use countersign_testing_gateway::{DeviceCalls as _, World, alice};

#[tokio::test]
async fn attack_03_a_hundred_requests_make_few_prompts_and_do_not_touch_others() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let mut prompts = 0;
    for _ in 0..100 {
        prompts += u32::from(!world.ask_as("bomber").await.held);
        world.clock.advance_seconds(1);
    }
    assert_eq!(prompts, 3, "max_pending, for nobody answered");
    assert!(!world.ask_as("coffee-pos").await.held, "another client's budget is its own");

    // Answering each at once does not help the bomber either: denied prompts count.
    let mut prompts = 0;
    for _ in 0..100 {
        let accepted = world.ask_as("denied").await;
        world.clock.advance_seconds(1);
        if accepted.held {
            continue;
        }
        prompts += 1;
        let pending = phone.pull(&world).await.challenges;
        let challenge = phone.verify(pending.last().expect("asked"));
        let denial = phone.deny(&challenge, None);
        phone.settle(&world, &challenge, &denial).await;
    }
    assert!(prompts <= 8, "{prompts} prompts in 100 s");

    // What is held is accepted, listed, marked, and can be answered.
    let held = world.ask_as("bomber").await;
    let fetched = phone.pull(&world).await;
    let challenge = phone.verify(fetched.challenges.last().expect("listed"));
    assert!(challenge.claims().held);
    let answer = phone.approve(&challenge, None);
    phone.settle(&world, &challenge, &answer).await;
    assert!(matches!(world.verdict(&held.approval), Verdict::Approved(_)));
}

#[tokio::test]
async fn what_is_held_asks_for_a_number_where_client_and_device_can() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let mut request = world.request();
    request.interaction_policy.requested = Some(InteractionType::Boolean);
    request.interaction_policy.client_supported = vec![InteractionType::InputManual];
    let first = world.accept(request.clone()).await.expect("accepted");
    let challenge = phone.next_challenge(&world).await;
    let denial = phone.deny(&challenge, Some(DenialReason::NotMe));
    phone.settle(&world, &challenge, &denial).await;
    let second = world.accept(request.clone()).await.expect("accepted");
    assert_eq!((first.held, first.interaction), (false, InteractionType::Boolean));
    assert_eq!((second.held, second.interaction), (true, InteractionType::InputManual));
    request.ttl_seconds = 601;
    let long = world.accept(request).await.expect("accepted");
    assert_eq!((long.held, long.interaction), (true, InteractionType::Boolean), "no number lives over ten minutes");
}

#[tokio::test]
async fn not_me_holds_that_client_for_a_quarter_of_an_hour_and_then_longer() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    for quarter_hours in [1, 2, 4] {
        let accepted = world.ask().await;
        assert!(!accepted.held);
        let challenge = phone.next_challenge(&world).await;
        let denial = phone.deny(&challenge, Some(DenialReason::NotMe));
        let outcome = phone.settle(&world, &challenge, &denial).await;
        let held_until = outcome.claims().held_until.expect("the person is told how long");
        assert_eq!(held_until, world.clock.now().seconds() + 900 * quarter_hours);
        assert_eq!(world.verdict(&accepted.approval), Verdict::Denied { reason: Some(DenialReason::NotMe) });
        assert!(!world.ask_as(&format!("other-{quarter_hours}")).await.held, "that client alone");
        world.clock.advance_seconds(900 * quarter_hours - 1);
        assert!(world.ask().await.held, "almost {quarter_hours} quarter hours later");
        world.clock.advance_seconds(1);
    }
}

#[tokio::test]
async fn attack_26_a_wrong_number_kills_the_approval_on_every_device() {
    let world = World::new();
    let (mut phone, mut tablet) = (world.enroll("Phone").await, world.enroll("Tablet").await);
    phone.pull(&world).await;
    let accepted = world.ask_with_number().await;
    let (on_phone, on_tablet) = (phone.next_challenge(&world).await, tablet.next_challenge(&world).await);
    let right = accepted.interaction_value.expect("a number");
    let wrong = if right == "123456" { "123457" } else { "123456" };
    let guess = phone.approve(&on_phone, Some(wrong));
    for _ in 0..2 {
        let response = phone.send_answer(&world, on_phone.id(), &guess).await;
        assert_eq!(response.problem(), (403, "interaction_mismatch".to_owned()));
        let problem: Problem = response.json();
        let outcome = phone.verify_outcome(&on_phone, Some(&guess), &problem.outcome.expect("an outcome"));
        assert_eq!(outcome.ending(), Ending::Mismatch);
    }
    assert_eq!(world.verdict(&accepted.approval), Verdict::Mismatch);
    let told = tablet.pull(&world).await.withdrawn.remove(0).outcome;
    assert_eq!(tablet.verify_outcome(&on_tablet, None, &told).ending(), Ending::Mismatch);
    let second_try = tablet.approve(&on_tablet, Some(&right));
    let response = tablet.send_answer(&world, on_tablet.id(), &second_try).await;
    assert_eq!(response.problem(), (409, "approval_decided".to_owned()), "one try, on whichever device");
}

#[tokio::test]
async fn five_wrong_numbers_in_a_row_hold_the_client() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    for n in 0..5 {
        let accepted = world.ask_with_number().await;
        assert!(!accepted.held, "wrong numbers so far: {n}");
        let challenge = phone.next_challenge(&world).await;
        let right = accepted.interaction_value.expect("a number");
        let guess = phone.approve(&challenge, Some(if right == "123456" { "123457" } else { "123456" }));
        phone.send_answer(&world, challenge.id(), &guess).await;
        world.clock.advance_seconds(120);
    }
    world.clock.advance_seconds(600);
    assert!(world.ask_with_number().await.held);
    world.clock.advance_seconds(300);
    assert!(!world.ask_with_number().await.held);
}

#[tokio::test]
async fn attack_09_an_answer_counts_for_one_challenge_of_one_device_once() {
    let world = World::new();
    let (mut phone, mut tablet) = (world.enroll("Phone").await, world.enroll("Tablet").await);
    phone.pull(&world).await;
    let (first, second) = (world.ask().await, world.ask_as("another").await);
    let pending = phone.pull(&world).await.challenges;
    let (one, two) = (phone.verify(&pending[0]), phone.verify(&pending[1]));
    let on_tablet = tablet.pull(&world).await.challenges;
    let on_tablet = tablet.verify(&on_tablet[0]);
    let good = phone.approve(&one, None);
    let claims: Answer = good.peek().expect("own answer");

    // The same bytes elsewhere.
    let invalid = (400, "invalid_answer".to_owned());
    assert_eq!(phone.send_answer(&world, two.id(), &good).await.problem(), invalid, "another challenge");
    assert_eq!(tablet.send_answer(&world, on_tablet.id(), &good).await.problem(), invalid, "another device");
    let not_its_own = tablet.send_answer(&world, one.id(), &good).await;
    assert_eq!(not_its_own.problem(), (404, "not_found".to_owned()), "another device's challenge");

    // Each claim changed, and signed by the device's own key.
    type Change<'a> = (&'a str, Box<dyn Fn(&mut Answer) + 'a>);
    let changes: Vec<Change<'_>> = vec![
        ("iss", Box::new(|c| c.iss = tablet.id().clone())),
        ("aud", Box::new(|c| c.aud = "https://evil.example".parse().expect("an issuer"))),
        ("sub", Box::new(|c| c.sub = "bob".parse().expect("a subject"))),
        ("exp", Box::new(|c| c.exp += 1)),
        ("challenge", Box::new(|c| c.challenge = two.id().clone())),
        ("challenge_hash", Box::new(|c| c.challenge_hash = Hash::of("another"))),
        ("reason", Box::new(|c| c.reason = Some(DenialReason::Other))),
        ("interaction_value", Box::new(|c| c.interaction_value = Some("123456".to_owned()))),
        ("amr", Box::new(|c| c.amr = vec!["swk".to_owned()])),
    ];
    for (member, change) in &changes {
        let mut altered = claims.clone();
        change(&mut altered);
        let answer = Compact::sign(&altered, &*phone.approval).expect("signed");
        assert_eq!(phone.send_answer(&world, one.id(), &answer).await.problem(), invalid, "{member}");
    }
    let by_transport_key = Compact::sign(&claims, &*phone.transport).expect("signed");
    assert_eq!(phone.send_answer(&world, one.id(), &by_transport_key).await.problem(), invalid, "the wrong gate");
    let by_stranger = Compact::sign(&claims, &*tablet.approval).expect("signed");
    assert_eq!(phone.send_answer(&world, one.id(), &by_stranger).await.problem(), invalid, "another device's key");
    for approval in [&first.approval, &second.approval] {
        assert_eq!(world.verdict(approval), Verdict::Pending, "no state changed");
    }
    assert!(world.gateway.devices(&alice()).expect("read").iter().all(|d| d.state == DeviceState::Active));

    assert_eq!(phone.settle(&world, &one, &good).await.ending(), Ending::Approved, "the unaltered one works");
    assert_eq!(world.verdict(&second.approval), Verdict::Pending, "and for nothing else");
}

#[tokio::test]
async fn attack_11_one_kind_of_message_is_never_accepted_as_another() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let accepted = world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve(&challenge, None);
    let statement = phone.statements[0].as_str().to_owned();
    for (verb, member, text) in [
        ("answer", "answer", statement.as_str()),
        ("answer", "answer", challenge.compact().as_str()),
        ("refuse", "refusal", answer.as_str()),
        ("dispute", "dispute", answer.as_str()),
        ("answer", "answer", "eyJhbGciOiJub25lIn0.e30."),
    ] {
        let body = serde_json::json!({ member: text }).to_string();
        let path = format!("/push/challenges/{}/{verb}", challenge.id());
        let response = phone.call(&world, Method::POST, &path, Some(body.as_bytes())).await;
        assert_eq!(response.status.as_u16(), 400, "{verb}: {response:?}");
    }
    assert_eq!(world.verdict(&accepted.approval), Verdict::Pending);
    assert_eq!(phone.settle(&world, &challenge, &answer).await.ending(), Ending::Approved);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attack_10_of_many_answers_at_once_exactly_one_decides() {
    for round in 0..10 {
        let world = World::new();
        let mut devices = Vec::new();
        for name in ["Phone", "Tablet", "Laptop"] {
            devices.push(world.enroll(name).await);
        }
        let accepted = world.ask().await;
        let mut answers = Vec::new();
        for (n, device) in devices.iter_mut().enumerate() {
            let challenge = device.next_challenge(&world).await;
            let answer = match n {
                2 => device.deny(&challenge, None),
                _ => device.approve(&challenge, None),
            };
            answers.push((challenge, answer));
        }
        // Every answer many times, all at once, while the request expires or not.
        let world = &world;
        let sends = devices.iter().zip(&answers).flat_map(|(device, (challenge, answer))| {
            (0..7).map(move |_| async move {
                let response = device.send_answer(world, challenge.id(), answer).await;
                let outcome = if response.status == StatusCode::OK {
                    response.json::<countersign_protocol::fetch::Receipt>().outcome
                } else {
                    assert!(matches!(response.status.as_u16(), 409 | 410), "{response:?}");
                    response.json::<Problem>().outcome
                };
                device.verify_outcome(challenge, Some(answer), &outcome.expect("an outcome, always")).ending()
            })
        });
        let expire = async {
            if round % 2 == 1 {
                world.clock.advance_seconds(293);
                world.gateway.sweep().await.expect("swept");
            }
        };
        let (endings, ()) = tokio::join!(futures_util::future::join_all(sends), expire);
        let mut by_device: Vec<_> = endings.chunks(7).collect();
        assert!(by_device.iter().all(|one| one.iter().all(|ending| *ending == one[0])), "{endings:?}");
        by_device.dedup();
        let decided = endings.iter().step_by(7).filter(|e| matches!(e, Ending::Approved | Ending::Denied)).count();
        match world.verdict(&accepted.approval) {
            Verdict::Approved(_) | Verdict::Denied { .. } => assert_eq!(decided, 1, "{endings:?}"),
            Verdict::Expired => assert_eq!(decided, 0, "{endings:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn attack_17_the_ids_a_client_knows_open_nothing_for_a_device() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let accepted = world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve(&challenge, None);
    let body = serde_json::json!({ "answer": answer }).to_string();
    let approval = accepted.approval.to_string();
    let disguised = approval.replacen("ap_", "ch_", 1);
    let unknown = ChallengeId::random(&*world.random).to_string();
    for id in [approval.as_str(), &disguised, &unknown, "x", "ch_", phone.id().as_str()] {
        for verb in ["answer", "refuse", "dispute"] {
            let member = verb.replace("refuse", "refusal");
            let body = body.replacen("answer", &member, 1);
            let path = format!("/push/challenges/{id}/{verb}");
            let response = phone.call(&world, Method::POST, &path, Some(body.as_bytes())).await;
            assert_eq!(response.problem(), (404, "not_found".to_owned()), "{id}/{verb}");
        }
    }
    assert_eq!(world.verdict(&accepted.approval), Verdict::Pending);
    assert_eq!(phone.settle(&world, &challenge, &answer).await.ending(), Ending::Approved);
}

#[tokio::test]
async fn attack_23_a_device_with_its_clock_set_back_is_judged_by_the_gateways() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let accepted = world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let early = phone.approve(&challenge, None);
    world.clock.advance_seconds(293);
    let response = phone.send_answer(&world, challenge.id(), &early).await;
    assert_eq!(response.problem(), (410, "challenge_expired".to_owned()), "signed in time, arrived too late");
    assert_eq!(world.verdict(&accepted.approval), Verdict::Expired);
    let date = response.headers["date"].to_str().expect("ASCII").to_owned();
    let told = httpdate::parse_http_date(&date).expect("a date");
    let seconds = told.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    assert_eq!(seconds, world.clock.now().seconds(), "the device can know the time");
}

#[tokio::test]
async fn a_copied_device_is_suspended_and_the_others_are_notified() {
    let world = World::new();
    let (mut phone, mut tablet) = (world.enroll("Phone").await, world.enroll("Tablet").await);
    phone.pull(&world).await;
    let (first, second) = (world.ask().await, world.ask_as("another").await);
    let pending = phone.pull(&world).await.challenges;
    let (one, two) = (phone.verify(&pending[0]), phone.verify(&pending[1]));
    let answer = phone.approve(&one, None);
    phone.settle(&world, &one, &answer).await;

    // The copy goes on from the same point of the history.
    phone.seq -= 1;
    let of_the_copy = phone.approve(&two, None);
    let response = phone.send_answer(&world, two.id(), &of_the_copy).await;
    assert_eq!(response.problem(), (403, "device_suspended".to_owned()));
    assert_eq!(world.verdict(&second.approval), Verdict::Pending, "the copy decides nothing");
    let devices = world.gateway.devices(&alice()).expect("read");
    let copied = devices.iter().find(|device| device.id == *phone.id()).expect("listed");
    assert_eq!(copied.state, DeviceState::Suspended);
    let fetch = phone.call(&world, Method::GET, "/push/challenges", None).await;
    assert_eq!(fetch.problem(), (403, "device_suspended".to_owned()));
    let redeemed =
        world.gateway.store().read_blocking(|c| Ok(world.gateway.redeemable(c, &first.approval))).expect("read");
    assert!(redeemed.is_err(), "what it approved is not redeemed any more");

    tablet.pull(&world).await;
    let keys = tablet.keys.as_ref().expect("registered");
    let told = tablet.notices.iter().any(|text| match Notice::of(text) {
        Notice::Device(notice) => {
            let notice = DeviceNotice::verify(&notice, keys, tablet.id(), &alice()).expect("sound");
            notice.event == DeviceEvent::DeviceSuspended && notice.device_name.as_deref() == Some("Phone")
        }
        _ => false,
    });
    assert!(told);
    let third = world.ask_as("third").await;
    assert!(!tablet.pull(&world).await.challenges.is_empty());
    assert_eq!(world.verdict(&third.approval), Verdict::Pending);
}

#[tokio::test]
async fn an_answer_with_a_used_jti_and_other_content_is_a_fork() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let accepted = world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let denial = phone.deny(&challenge, None);
    phone.settle(&world, &challenge, &denial).await;
    let mut claims: Answer = denial.peek().expect("own answer");
    claims.decision = Decision::Approved;
    claims.amr = vec!["swk".to_owned(), "pin".to_owned()];
    claims.uv_at = Some(world.clock.now().seconds());
    let flipped = Compact::sign(&claims, &*phone.approval).expect("signed");
    let response = phone.send_answer(&world, challenge.id(), &flipped).await;
    assert_eq!(response.problem(), (403, "device_suspended".to_owned()));
    assert_eq!(world.verdict(&accepted.approval), Verdict::Denied { reason: None });
}

#[tokio::test]
async fn another_answer_with_its_own_place_in_the_history_is_no_fork() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let denial = phone.deny(&challenge, None);
    phone.settle(&world, &challenge, &denial).await;
    phone.seq += 40; // gaps are normal
    let other = phone.deny(&challenge, Some(DenialReason::NotMe));
    assert_ne!(MessageId::random(&*world.random), other.peek().expect("own").jti);
    let response = phone.send_answer(&world, challenge.id(), &other).await;
    assert_eq!(response.problem(), (409, "approval_decided".to_owned()));
    assert_eq!(world.gateway.devices(&alice()).expect("read")[0].state, DeviceState::Active);
    let again = phone.send_answer(&world, challenge.id(), &denial).await;
    assert_eq!(again.status, StatusCode::OK, "the first one still gets its reply");
}
