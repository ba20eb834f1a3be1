//! Pull, long poll and stream: one feed with one cursor, delivered at least once, across restarts and restored backups.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use countersign_gateway::Verdict;
use countersign_protocol::fetch::FetchResponse;
use countersign_protocol::limits;
use countersign_protocol::outcome::Ending;
use countersign_protocol::registration::Confirm;
use countersign_protocol::revocation::RevokedBy;
use countersign_testing_gateway::event_stream::Events;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice, World, payment};

#[tokio::test]
async fn the_first_fetch_is_a_reset_and_the_next_returns_only_what_is_new() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    world.ask().await;
    phone.cursor = None;
    let first = phone.pull(&world).await;
    assert!(first.reset && !first.more);
    assert_eq!(first.challenges.len(), 1);
    assert_eq!(first.notices.len(), 1, "its own statement again");
    let second = phone.pull(&world).await;
    assert_eq!(
        second,
        FetchResponse { cursor: first.cursor.clone(), push: first.push.clone(), ..FetchResponse::default() }
    );
    assert!(first.cursor.starts_with(world.gateway.store().history_id().as_str()));
}

#[tokio::test]
async fn the_same_cursor_gives_the_same_again() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let cursor = phone.cursor.clone();
    world.ask().await;
    let once = phone.pull(&world).await;
    phone.cursor = cursor;
    assert_eq!(phone.pull(&world).await, once, "a response that was lost is fetched again, to the byte");
}

#[tokio::test]
async fn an_unknown_cursor_gives_everything_pending() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let (ended, pending) = (world.ask().await, world.ask_as("another").await);
    let (gateway, approval) = (world.gateway.clone(), ended.approval.clone());
    world.gateway.store().write(move |tx| gateway.withdraw(tx, &approval)).await.expect("withdrawn");
    let history_id = world.gateway.store().history_id();
    for unknown in ["", "nonsense", "-", "0-1", &format!("{history_id}-1"), &format!("{history_id}-+1"), "%00"] {
        phone.cursor = Some(unknown.to_owned());
        let fetched = phone.pull(&world).await;
        assert!(fetched.reset, "{unknown}");
        assert_eq!(fetched.challenges.len(), 1);
        assert_eq!(phone.verify(&fetched.challenges[0]).claims().approval, pending.approval);
        assert!(fetched.withdrawn.is_empty(), "what is absent has ended");
    }
}

#[tokio::test]
async fn what_exceeds_one_response_follows_in_the_next() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    for n in 0..30 {
        let mut request = world.request();
        request.client.id = format!("client-{n}");
        request.authorization_details = Some(payment(&"1".repeat(5_900)));
        world.accept(request).await.expect("accepted");
    }
    for start in [phone.cursor.clone(), None] {
        let mut seen = 0;
        phone.cursor = start.clone();
        loop {
            let query = phone.cursor.as_ref().map(|cursor| format!("?after={cursor}")).unwrap_or_default();
            let response = phone.call(&world, Method::GET, &format!("/push/challenges{query}"), None).await;
            assert!(response.body.len() <= limits::FETCH_BYTES, "{} bytes", response.body.len());
            let fetched: FetchResponse = response.json();
            assert_eq!(fetched.reset, phone.cursor.is_none(), "only the first page of a reset says so");
            seen += fetched.challenges.len();
            phone.keep(&fetched);
            if !fetched.more {
                break;
            }
        }
        assert_eq!(seen, 30, "from {start:?}");
    }
}

#[tokio::test]
async fn a_long_poll_wakes_when_a_request_arrives() {
    let world = World::new();
    let phone = world.enroll("Phone").await;
    let path = format!("/push/challenges?wait=25&after={}", phone.cursor.as_ref().expect("a cursor"));
    let (response, ()) = tokio::join!(phone.call(&world, Method::GET, &path, None), async {
        world.until_somebody_waits().await;
        world.ask().await;
    });
    let fetched: FetchResponse = response.json();
    assert_eq!(fetched.challenges.len(), 1);
    assert!(response.nonce().is_some());
}

#[tokio::test]
async fn a_long_poll_ends_when_the_device_is_revoked_or_the_gateway_closes() {
    let world = World::new();
    let (mut phone, tablet) = (world.enroll("Phone").await, world.enroll("Tablet").await);
    phone.pull(&world).await;
    let path = |device: &TestDevice| format!("/push/challenges?wait=25&after={}", device.cursor.as_ref().expect("set"));
    let (path_phone, path_tablet) = (path(&phone), path(&tablet));
    let (response, ()) = tokio::join!(phone.call(&world, Method::GET, &path_phone, None), async {
        world.until_somebody_waits().await;
        world.gateway.revoke_device(phone.id(), RevokedBy::Operator).await.expect("revoked");
    });
    assert_eq!(response.problem().1, "device_revoked");

    world.gateway.close();
    let response = tablet.call(&world, Method::GET, &path_tablet, None);
    let response = tokio::time::timeout(Duration::from_secs(5), response).await.expect("at once");
    assert_eq!(response.status, StatusCode::OK);
}

#[tokio::test]
async fn a_wait_that_is_no_number_is_refused() {
    let world = World::new();
    let phone = world.enroll("Phone").await;
    let response = phone.call(&world, Method::GET, "/push/challenges?wait=soon", None).await;
    assert_eq!(response.problem(), (400, "invalid_request".to_owned()));
    let signed = phone.call(&world, Method::GET, "/push/challenges?wait=-1", None).await;
    assert_eq!(signed.problem(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_wait_of_more_than_25_seconds_counts_as_25_however_many_digits_it_has() {
    let world = World::new();
    let phone = world.enroll("Phone").await;
    let _ = world.ask().await;
    let response = phone.call(&world, Method::GET, "/push/challenges?wait=99999999999999999999", None).await;
    assert_eq!(response.status, StatusCode::OK);
}

#[tokio::test]
async fn the_stream_delivers_requests_and_ends_one_by_one() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let mut events = Events::open(&world, &phone).await;
    let accepted = world.ask().await;
    let update = events.update().await;
    assert_eq!((update.challenges.len(), update.reset), (1, false));
    let challenge = phone.verify(&update.challenges[0]);
    let denial = phone.deny(&challenge, None);
    phone.settle(&world, &challenge, &denial).await;
    let update = events.update().await;
    assert_eq!(update.withdrawn.len(), 1);
    let outcome = phone.verify_outcome(&challenge, Some(&denial), &update.withdrawn[0].outcome);
    assert_eq!(outcome.ending(), Ending::Denied);
    assert_eq!(world.verdict(&accepted.approval), Verdict::Denied { reason: None });

    // The cursor of the stream is the cursor of the pull.
    phone.cursor = Some(update.cursor);
    assert_eq!(phone.pull(&world).await.withdrawn.len(), 0);
}

#[tokio::test]
async fn a_stream_without_a_cursor_begins_with_a_reset() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    world.ask().await;
    world.ask_as("another").await;
    phone.cursor = None;
    let mut events = Events::open(&world, &phone).await;
    let first = events.update().await;
    assert!(first.reset && first.more);
    let mut challenges = first.challenges.len();
    let mut last = first;
    while last.more {
        last = events.update().await;
        assert!(!last.reset);
        challenges += last.challenges.len();
    }
    assert_eq!(challenges, 2);
}

#[tokio::test]
async fn a_stream_ends_at_once_when_its_device_is_revoked() {
    let world = World::new();
    let phone = world.enroll("Phone").await;
    let mut events = Events::open(&world, &phone).await;
    world.gateway.revoke_device(phone.id(), RevokedBy::User).await.expect("revoked");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_stream_ends_when_the_gateway_closes() {
    let world = World::new();
    let phone = world.enroll("Phone").await;
    let mut events = Events::open(&world, &phone).await;
    world.gateway.close();
    assert_eq!(events.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn an_idle_stream_says_so_at_once_and_every_15_seconds_and_brings_a_nonce_every_two_minutes() {
    let world = World::new();
    let phone = world.enroll("Phone").await;
    let mut events = Events::open(&world, &phone).await;
    let began = tokio::time::Instant::now();
    assert!(events.next().await.expect("the stream goes on").is_comment);
    assert_eq!(began.elapsed(), Duration::ZERO, "a device sees at once that nothing withholds the stream");
    let mut comments = 0;
    let nonce = loop {
        let event = events.next().await.expect("the stream goes on");
        if event.is_comment {
            comments += 1;
            continue;
        }
        break event;
    };
    assert_eq!(nonce.name, "nonce");
    assert!(nonce.id.is_empty(), "a nonce does not move the cursor");
    assert!((7..=8).contains(&comments), "{comments}");
    assert!(began.elapsed() >= Duration::from_secs(120) && began.elapsed() < Duration::from_secs(121));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_credential_does() {
    let world = World::new();
    let phone = world.enroll("Phone").await;
    let mut events = Events::open(&world, &phone).await;
    world.clock.advance_seconds(30 * 86_400);
    let ended = loop {
        match events.next().await {
            Some(event) => assert!(event.is_comment, "{event:?}"),
            None => break true,
        }
    };
    assert!(ended);
}

#[tokio::test(start_paused = true)]
async fn a_stream_does_not_outlive_a_credential_that_was_replaced() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let mut events = Events::open(&world, &phone).await;
    phone.renew(&world).await;
    assert!(events.next().await.expect("the old one serves until the new one is used").is_comment);
    phone.pull(&world).await;
    // Time is paused: it runs ahead to the next comments and nonces while the store's thread is still reading.
    let mut beside = 0;
    while let Some(event) = events.next().await {
        beside += 1;
        let is_beside = event.is_comment || event.name == "nonce";
        assert!(is_beside && beside < 1000, "the stream goes on: {event:?}");
    }
}

#[tokio::test]
async fn a_restart_keeps_devices_requests_cursor_and_verdicts() {
    let mut world = World::new();
    let mut phone = world.enroll("Phone").await;
    let (decided, pending) = (world.ask().await, world.ask_as("another").await);
    let fetched = phone.pull(&world).await;
    let challenges: Vec<_> = fetched.challenges.iter().map(|one| phone.verify(one)).collect();
    let answer = phone.approve(&challenges[0], None);
    phone.settle(&world, &challenges[0], &answer).await;
    let before = world.verdict(&decided.approval);
    let manifests = world.get("/tenant/push/manifests").await.body;

    world.restart();
    assert_eq!(world.verdict(&decided.approval), before);
    assert_eq!(world.get("/tenant/push/manifests").await.body, manifests, "the same keys, the same chain");
    // The nonce is of another epoch: one silent retry.
    let fetched = phone.pull(&world).await;
    assert!(!fetched.reset);
    assert_eq!(fetched.withdrawn.len(), 1);
    let again = phone.send_answer(&world, challenges[0].id(), &answer).await;
    assert_eq!(again.status, StatusCode::OK, "the same answer again, after the restart");
    let late = phone.approve(&challenges[1], None);
    phone.settle(&world, &challenges[1], &late).await;
    assert!(matches!(world.verdict(&pending.approval), Verdict::Approved(_)));
}

#[tokio::test]
async fn a_restored_backup_says_reset_even_after_its_cursor_advanced() {
    let mut world = World::new();
    let mut phone = world.enroll("Phone").await;
    let backup = tempfile::tempdir().expect("a directory");
    // A copy as SQLite makes it, while the gateway runs; the keys are in the backup as well.
    let copy = backup.path().join("provider.db").display().to_string();
    world
        .gateway
        .store()
        .read_blocking(|snapshot| Ok(snapshot.connection().execute("VACUUM INTO ?1", [copy])?))
        .expect("a backup");
    std::os::unix::fs::symlink(world.home.path().join("keys"), backup.path().join("keys")).expect("the same keys");
    world.ask().await;
    phone.pull(&world).await;

    let _lost = std::mem::replace(&mut world.home, backup);
    world.restart();
    // As many entries as the device has heard of, but other ones.
    let pending = world.ask_as("another").await;
    let fetched = phone.pull(&world).await;
    assert!(fetched.reset, "the cursor is of a history that never happened");
    assert_eq!(fetched.challenges.len(), 1);
    assert_eq!(phone.verify(&fetched.challenges[0]).claims().approval, pending.approval);
}

#[tokio::test]
async fn an_unconfirmed_device_fetches_only_its_own_statement() {
    let world = World::new();
    world.enroll("Phone").await;
    let link = world.link(Confirm::Code).await;
    let mut tablet = world.device("Tablet");
    tablet.register(&world, &link.link).await;
    tablet.pull(&world).await;
    let path = format!("/push/challenges?wait=25&after={}", tablet.cursor.as_ref().expect("a cursor"));
    let code = tablet.code.clone().expect("six digits");
    world.ask().await;
    let (response, _) = tokio::join!(tablet.call(&world, Method::GET, &path, None), async {
        world.until_somebody_waits().await;
        world.gateway.confirm(&link.id, &code).await.expect("confirmed")
    });
    let fetched: FetchResponse = response.json();
    assert_eq!((fetched.notices.len(), fetched.challenges.len()), (1, 0));
}
