//! Attacks on a whole provider, by their rows in docs/threat-model.md. Each also shows that the
//! legitimate input works.

use std::sync::Arc;

use axum::http::StatusCode;
use countersign_gateway::Verdict;
use countersign_jose::base64url;
use countersign_protocol::answer::DenialReason;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::interaction::Opening;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::Ending;
use countersign_protocol::problem::{Problem, ProblemCode};
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};
use futures_util::future::join_all;
use serde_json::json;

use crate::world::{BC, CONFIG, Reply, SECRET, World};

impl World {
    async fn asks(&self, client: &str, parameters: &[(&str, &str)]) -> Reply {
        let form = [&[("scope", "openid"), ("login_hint", "alice")], parameters].concat();
        self.post(client, BC, &form).await
    }

    /// Everything that waits for a device, however many fetches it takes.
    async fn everything_pending(&self, device: &mut TestDevice) -> Vec<Compact<Challenge>> {
        let mut all = Vec::new();
        loop {
            let fetched = device.pull(&self.side).await;
            all.extend(fetched.challenges);
            if !fetched.more {
                return all;
            }
        }
    }

    /// Approves the challenge of this client among those.
    async fn approve_of(&self, device: &mut TestDevice, pending: &[Compact<Challenge>], client: &str) {
        let of_client =
            |challenge: &&Compact<_>| challenge.peek().is_ok_and(|claims: Challenge| claims.client.id == client);
        let challenge = pending.iter().find(of_client).unwrap_or_else(|| panic!("{client}'s request has arrived"));
        let challenge = device.verify(challenge);
        assert!(!challenge.claims().held, "{client} is not held");
        let answer = device.approve(&challenge, None);
        device.settle(&self.side, &challenge, &answer).await;
    }
}

/// Alice, locked.
fn locked() -> String {
    CONFIG.replace("name = \"Alice\"", "name = \"Alice\"\nlocked = true")
}

#[tokio::test]
async fn attack_02_who_only_knows_her_hint_is_muted_by_one_word_of_hers() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let first = world.asks("kiosk", &[("binding_message", "Your parcel")]).await;
    let challenge = phone.next_challenge(&world.side).await;
    assert!(!challenge.claims().client.verified, "she is told that the client only calls itself so");
    let denial = phone.deny(&challenge, Some(DenialReason::NotMe));
    phone.settle(&world.side, &challenge, &denial).await;
    assert_eq!(world.poll("kiosk", &first.text("auth_req_id")).await.text("error"), "access_denied");

    // All further requests are taken as if nothing had happened, and none makes a sound.
    for n in 0..20 {
        let reply = world.asks("kiosk", &[("binding_message", &format!("Parcel {n}"))]).await;
        assert_eq!(reply.status, StatusCode::OK);
        world.advance_seconds(30);
    }
    let pending = world.everything_pending(&mut phone).await;
    assert_eq!(pending.len(), 20);
    assert!(pending.iter().all(|challenge| challenge.peek().expect("a challenge").held));
    world.asks("till", &[("interaction_type", "boolean")]).await;
    assert!(!phone.next_challenge(&world.side).await.claims().held, "whoever else asks is heard");
}

#[tokio::test]
async fn attack_03_a_flood_of_one_client_leaves_other_clients_and_her_own_sign_in_unharmed() {
    let config = CONFIG.replace("requests_per_minute = 100000", "requests_per_minute = 600");
    let world = World::with(&config);
    let mut phone = world.enroll("Phone").await;
    let flood: Vec<_> = (0..1000).map(|n| [("binding_message", format!("Win {n}"))]).collect();
    let flood =
        flood.iter().map(|[(name, message)]| async { world.asks("kiosk", &[(*name, message.as_str())]).await.status });
    let statuses = join_all(flood).await;
    let count = |wanted: StatusCode| statuses.iter().filter(|status| **status == wanted).count();
    let (taken, refused) = (count(StatusCode::OK), count(StatusCode::TOO_MANY_REQUESTS));
    assert_eq!((taken, refused), (600, 400));

    // The till, and her bank's own sign-in, ask in the same second: both are heard, shown and approved.
    let till = world.asks("till", &[("interaction_type", "boolean"), ("binding_message", "Flat white")]).await;
    let own = world.asks("basic", &[("binding_message", "Sign in to your bank")]).await;
    let pending = world.everything_pending(&mut phone).await;
    assert_eq!(pending.len(), 602, "nothing is lost either");
    let prompts = pending.iter().filter(|challenge| !challenge.peek().expect("a challenge").held).count();
    assert_eq!(prompts, 3 + 2, "three of the flood made a sound");
    world.approve_of(&mut phone, &pending, "till").await;
    world.approve_of(&mut phone, &pending, "basic").await;
    for (client, asked) in [("till", till), ("basic", own)] {
        let reply = world.poll(client, &asked.text("auth_req_id")).await;
        assert_eq!(reply.status, StatusCode::OK, "{client}: {}", reply.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attack_10_more_than_a_thousand_calls_at_once_make_one_verdict_and_one_token_set() {
    for round in 0..3 {
        let world = World::new();
        let mut devices = Vec::new();
        for name in ["Phone", "Tablet", "Laptop"] {
            devices.push(world.enroll(name).await);
        }
        let id = world.asks("till", &[("interaction_type", "boolean")]).await.text("auth_req_id");
        let mut answers = Vec::new();
        for (n, device) in devices.iter_mut().enumerate() {
            let challenge = device.next_challenge(&world.side).await;
            let answer = match n {
                2 => device.deny(&challenge, None),
                _ => device.approve(&challenge, None),
            };
            answers.push((challenge.id().clone(), answer));
        }
        // Each on a thread of its own choosing: answers, polls, a withdrawal, and the end of its time.
        let world = Arc::new(world);
        let mut calls = tokio::task::JoinSet::new();
        let devices = Arc::new(devices);
        let answers = Arc::new(answers);
        for n in 0..1200 {
            let (world, devices, answers, id) = (world.clone(), devices.clone(), answers.clone(), id.clone());
            calls.spawn(async move {
                match n % 4 {
                    3 => (3, world.poll("till", &id).await.status),
                    device => {
                        let (challenge, answer) = &answers[device];
                        (device, devices[device].send_answer(&world.side, challenge, answer).await.status)
                    }
                }
            });
        }
        if round == 1 {
            let (gateway, approval) = (world.side.gateway.clone(), world.provider.approval_of(&id).expect("read"));
            let approval = approval.expect("it is known");
            world.side.gateway.store().write(move |tx| gateway.withdraw(tx, &approval)).await.expect("written");
        }
        let replies = calls.join_all().await;
        let later = world.poll("till", &id).await;
        let tokens = replies.iter().filter(|reply| **reply == (3, StatusCode::OK)).count();
        let tokens = tokens + usize::from(later.status == StatusCode::OK);
        let accepted: Vec<_> = (0..3).filter(|device| replies.contains(&(*device, StatusCode::OK))).collect();
        let approval = world.provider.approval_of(&id).expect("read").expect("known");
        let verdict =
            world.side.gateway.store().read_blocking(|snapshot| world.side.gateway.verdict(snapshot, &approval));
        match verdict.expect("a verdict") {
            Verdict::Approved(_) => {
                assert!(accepted.len() == 1 && accepted[0] != 2, "{accepted:?}");
                assert_eq!(tokens, 1);
            }
            Verdict::Denied { .. } => assert_eq!((accepted, tokens), (vec![2], 0)),
            Verdict::Cancelled => assert_eq!((accepted, tokens, round), (vec![], 0, 1)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn attack_14_a_user_locked_before_during_or_after_approving_gets_no_token() {
    // Before: nobody is asked, and only a client that may know is told.
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let world = world.restarted_with(&locked());
    let told = world.asks("till", &[]).await;
    assert_eq!((told.status, told.text("error").as_str()), (StatusCode::FORBIDDEN, "access_denied"));
    let hidden = world.asks("kiosk", &[]).await;
    assert_eq!(world.poll("kiosk", &hidden.text("auth_req_id")).await.text("error"), "authorization_pending");
    assert!(phone.pull(&world.side).await.challenges.is_empty());

    // During: asked, then locked, then approved. And after: approved, then locked. No poll helps, nor a client's patience.
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let after = world.asks("till", &[("interaction_type", "boolean")]).await.text("auth_req_id");
    let challenge = phone.next_challenge(&world.side).await;
    let answer = phone.approve(&challenge, None);
    phone.settle(&world.side, &challenge, &answer).await;
    let during = world.asks("till", &[("interaction_type", "boolean")]).await.text("auth_req_id");
    let challenge = phone.next_challenge(&world.side).await;
    let world = world.restarted_with(&locked());
    let answer = phone.approve(&challenge, None);
    let refused = phone.send_answer(&world.side, challenge.id(), &answer).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "the device hears of no approval either");
    for (id, words) in
        [(&during, "the request was withdrawn"), (&after, "the user was locked or removed since the approval")]
    {
        for _ in 0..3 {
            let reply = world.poll("till", id).await;
            assert_eq!(reply.text("error"), "access_denied");
            assert_eq!(reply.text("error_description"), words);
            world.advance_seconds(10);
        }
    }
    let world = world.restarted_with(CONFIG);
    for id in [&during, &after] {
        assert_eq!(world.poll("till", id).await.text("error"), "access_denied", "the end of a lock gives nothing back");
    }
}

#[tokio::test]
async fn attack_14_an_approval_between_a_lock_and_its_withdrawals_is_not_accepted() {
    for unlocked in [false, true] {
        let world = World::new();
        let mut phone = world.enroll("Phone").await;
        let id = world.asks("till", &[("interaction_type", "boolean")]).await.text("auth_req_id");
        let challenge = phone.next_challenge(&world.side).await;
        let answer = phone.approve(&challenge, None);
        // The first write of a lock, as another process makes it that ends before it withdraws anything.
        let store = rusqlite::Connection::open(world.home().join("provider.db")).expect("the store");
        let lock = "INSERT INTO ending (owner, count, at) VALUES ('user alice', 1, 0);
                    INSERT INTO user_lock (sub, locked_at) VALUES ('alice', 0)";
        store.execute_batch(lock).expect("locked");
        if unlocked {
            store.execute_batch("DELETE FROM user_lock").expect("unlocked");
        }
        let refused = phone.send_answer(&world.side, challenge.id(), &answer).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
        let problem: Problem = refused.json();
        assert_eq!(problem.title, ProblemCode::ApprovalDecided);
        let outcome = phone.verify_outcome(&challenge, Some(&answer), &problem.outcome.expect("an outcome"));
        assert_eq!(outcome.ending(), Ending::Cancelled);
        assert_eq!(world.poll("till", &id).await.text("error"), "access_denied");
    }
}

#[tokio::test]
async fn attack_16_the_device_is_sent_nothing_that_is_the_clients_alone() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let canary = "canary-that-no-device-may-see";
    let asked = world
        .asks("till", &[("interaction_type", "boolean"), ("client_notification_token", canary), ("x", canary)])
        .await;
    let challenge = phone.next_challenge(&world.side).await;
    let payload = challenge.compact().as_str().split('.').nth(1).expect("three parts");
    let payload = String::from_utf8(base64url::decode(payload).expect("base64url")).expect("text");
    assert!(payload.contains("Acme Coffee"));
    for secret in [canary, SECRET, &asked.text("auth_req_id"), &asked.text("auth_req_id")[3..]] {
        assert!(!payload.contains(secret), "{secret} in {payload}");
    }
}

#[tokio::test]
async fn attack_25_the_number_is_nowhere_on_the_devices_side_before_it_is_typed() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let asked = world.asks("till", &[("interaction_type", "input_manual")]).await;
    let number = asked.text("interaction_value");
    let challenge = phone.next_challenge(&world.side).await;
    let payload = challenge.compact().as_str().split('.').nth(1).expect("three parts");
    let payload = String::from_utf8(base64url::decode(payload).expect("base64url")).expect("text");
    let claims: serde_json::Value = serde_json::from_str(&payload).expect("JSON");
    let interaction = claims["interaction"].as_object().expect("an object");
    let members: Vec<_> = interaction.keys().map(String::as_str).collect();
    assert_eq!(members, ["commitment", "length", "type"], "a commitment, and no value");
    let commitment = challenge.claims().interaction.commitment.expect("a commitment");
    // Trying all numbers does not find it: 256 bits of salt are with the provider alone.
    let guess = |salt: &str| Opening { salt: salt.to_owned(), value: number.clone() }.commitment();
    assert!(
        guess("").is_none_or(|guess| guess != commitment) && guess(&base64url::encode(&[0; 32])) != Some(commitment)
    );

    let answer = phone.approve(&challenge, Some(&number));
    let outcome = phone.settle(&world.side, &challenge, &answer).await;
    assert_eq!(
        outcome.claims().opening.as_ref().and_then(Opening::commitment),
        Some(commitment),
        "it is opened afterwards"
    );
}

#[tokio::test]
async fn attack_26_the_numbers_of_many_requests_are_spread_evenly_and_a_guess_ends_the_request() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let mut digits = [[0_u32; 10]; 6];
    const REQUESTS: u32 = 1500;
    let asked = (0..REQUESTS).map(|_| world.asks("numbers", &[("interaction_type", "input_manual")]));
    for asked in join_all(asked).await {
        let number = asked.text("interaction_value");
        assert_eq!(number.len(), 6);
        for (place, digit) in number.chars().enumerate() {
            digits[place][digit.to_digit(10).expect("a digit") as usize] += 1;
        }
    }
    // 150 of each are expected; a deviation of more than 5 standard deviations (58) happens once in a million runs, and the
    // randomness of this test is the same in each.
    assert!(digits.as_flattened().iter().all(|count| count.abs_diff(REQUESTS / 10) < 58), "{digits:?}");

    let asked = world.asks("till", &[("interaction_type", "input_manual")]).await;
    let right = asked.text("interaction_value");
    let wrong = if right == "123456" { "123457" } else { "123456" };
    let pending = world.everything_pending(&mut phone).await;
    let challenge = phone.verify(pending.last().expect("the till's"));
    let guess = phone.approve(&challenge, Some(wrong));
    assert_eq!(phone.send_answer(&world.side, challenge.id(), &guess).await.status, StatusCode::FORBIDDEN);
    let second = phone.approve(&challenge, Some(&right));
    assert_eq!(phone.send_answer(&world.side, challenge.id(), &second).await.status, StatusCode::CONFLICT);
    let reply = world.poll("till", &asked.text("auth_req_id")).await;
    assert_eq!(
        (reply.text("error"), reply.json()["denial_reason"].clone()),
        ("access_denied".to_owned(), json!("mismatch"))
    );
}
