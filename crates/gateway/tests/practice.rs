//! Practice requests: one device is asked, answers, and hears how it ended; nothing comes of it, and nothing of it is kept.

use axum::http::{Method, StatusCode};
use countersign_gateway::{Gateway, NotRedeemable, Settings, Verdict};
use countersign_protocol::answer::DenialReason;
use countersign_protocol::challenge::VerifiedChallenge;
use countersign_protocol::discovery::Mode;
use countersign_protocol::kind::Kind;
use countersign_protocol::outcome::Ending;
use countersign_protocol::registration::Confirm;
use countersign_testing_gateway::{DeviceCalls as _, Response, TestDevice, World, issuer};

const PATH: &str = "/push/device/practice";

/// How long a gateway keeps it after its end, in seconds.
const KEPT: u64 = 600;

async fn begin(world: &World, device: &TestDevice) -> Response {
    device.call(world, Method::POST, PATH, None).await
}

async fn practice(world: &World, device: &mut TestDevice) -> VerifiedChallenge {
    let response = begin(world, device).await;
    assert_eq!((response.status, response.body.len()), (StatusCode::ACCEPTED, 0), "{response:?}");
    device.next_challenge(world).await
}

fn count(gateway: &Gateway, query: &str) -> i64 {
    let read = |snapshot: &countersign_store::Snapshot<'_>| {
        Ok::<_, countersign_store::Error>(snapshot.connection().query_row(query, [], |row| row.get(0))?)
    };
    gateway.store().read_blocking(read).expect("a count")
}

#[tokio::test]
async fn a_practice_request_asks_its_device_alone_and_says_what_it_is() {
    let named = Settings { name: "Example Bank".to_owned(), ..Settings::new(issuer(), Mode::Test) };
    let world = World::with_settings(named);
    let mut phone = world.enroll("phone").await;
    let mut tablet = world.enroll("tablet").await;
    let challenge = practice(&world, &mut phone).await;
    let asked = challenge.claims();
    assert!(asked.practice);
    assert_eq!(asked.must_understand.as_deref(), Some(&["practice".to_owned()][..]));
    assert_eq!((asked.kind, asked.exp - asked.iat), (Kind::Other, 300));
    assert_eq!((asked.client.id.as_str(), asked.client.name.as_str()), (issuer().as_str(), "Example Bank"));
    assert!(asked.client.verified);
    assert!(tablet.pull(&world).await.challenges.is_empty(), "no other device of the user's");
}

#[tokio::test]
async fn it_is_answered_as_always_and_nothing_redeems_it() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let challenge = practice(&world, &mut device).await;
    let answer = device.approve(&challenge, None);
    let outcome = device.settle(&world, &challenge, &answer).await;
    assert_eq!(outcome.ending(), Ending::Approved);
    let again = device.send_answer(&world, challenge.id(), &answer).await;
    assert_eq!(again.status, StatusCode::OK, "the same answer again gets the same reply");

    let approval = &challenge.claims().approval;
    assert_eq!(world.verdict(approval), Verdict::Cancelled);
    let redeemable =
        |snapshot: &countersign_store::Snapshot<'_>| Ok(world.gateway.redeemable(snapshot, approval).map(drop));
    let redeemable: Result<Result<(), NotRedeemable>, countersign_store::Error> =
        world.gateway.store().read_blocking(redeemable);
    assert!(matches!(redeemable, Ok(Err(NotRedeemable::NotApproved))), "{redeemable:?}");
    assert!(world.gateway.challenge_records(approval).expect("read").is_empty(), "there is no evidence of it");
    assert_eq!(device.dispute(&world, &challenge).await.problem(), (400, "invalid_message".to_owned()));

    // A real request follows: the number that practice used stays used.
    world.ask().await;
    let real = device.next_challenge(&world).await;
    let answer = device.approve(&real, None);
    assert_eq!(answer.peek().expect("claims").seq, 2);
    assert_eq!(device.settle(&world, &real, &answer).await.ending(), Ending::Approved);
}

#[tokio::test]
async fn record_and_statistics_forget_practice_and_its_number_stays_used() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let challenge = practice(&world, &mut device).await;
    let pending = |snapshot: &countersign_store::Snapshot<'_>| world.gateway.pending_approvals(snapshot);
    assert_eq!(world.gateway.store().read_blocking(pending).expect("counted").pending, 0);
    let denial = device.deny(&challenge, Some(DenialReason::NotMe));
    let outcome = device.settle(&world, &challenge, &denial).await;
    assert_eq!((outcome.ending(), outcome.claims().held_until), (Ending::Denied, None), "no client is held for it");
    assert_eq!(count(&world.gateway, "SELECT count(*) FROM prompt_history"), 0, "no limit counts it");

    let kept = || {
        ["approval", "challenge", "challenge_content", "answer"]
            .map(|table| count(&world.gateway, &format!("SELECT count(*) FROM {table}")))
    };
    world.clock.advance_seconds(KEPT);
    world.gateway.sweep().await.expect("swept");
    assert_eq!(kept(), [1; 4], "a lost reply is asked for again");
    world.clock.advance_seconds(1);
    world.gateway.sweep().await.expect("swept");
    assert_eq!(kept(), [0; 4]);
    assert_eq!(device.send_answer(&world, challenge.id(), &denial).await.problem().0, 404);
    assert!(device.pull(&world).await.withdrawn.is_empty(), "the feed has nothing to say of it");

    // Somebody with a copy of the device answers in the place that practice used.
    let mut copy = device.copy();
    copy.seq = 0;
    world.ask().await;
    let real = copy.next_challenge(&world).await;
    let forged = copy.approve(&real, None);
    let response = copy.send_answer(&world, real.id(), &forged).await;
    assert_eq!(response.problem(), (403, "device_suspended".to_owned()));
}

#[tokio::test]
async fn an_unanswered_practice_request_expires_and_is_forgotten() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let challenge = practice(&world, &mut device).await;
    world.clock.advance_seconds(300);
    world.gateway.sweep().await.expect("swept");
    let ended = device.pull(&world).await.withdrawn;
    assert_eq!(ended.len(), 1);
    assert_eq!(device.verify_outcome(&challenge, None, &ended[0].outcome).ending(), Ending::Expired);
    world.clock.advance_seconds(KEPT + 1);
    world.gateway.sweep().await.expect("swept");
    assert_eq!(count(&world.gateway, "SELECT count(*) FROM approval"), 0);
}

#[tokio::test]
async fn a_device_practises_three_times_an_hour_and_only_once_it_is_confirmed() {
    let world = World::new();
    let link = world.link(Confirm::Code).await;
    let mut unconfirmed = world.device("new");
    assert_eq!(unconfirmed.register(&world, &link.link).await.status, StatusCode::CREATED);
    assert_eq!(begin(&world, &unconfirmed).await.problem(), (404, "not_found".to_owned()));
    let device = world.enroll("phone").await;
    for _ in 0..3 {
        assert_eq!(begin(&world, &device).await.status, StatusCode::ACCEPTED);
    }
    let refused = begin(&world, &device).await;
    assert_eq!(refused.headers["retry-after"], "3600");
    assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
    let other = world.enroll("tablet").await;
    assert_eq!(begin(&world, &other).await.status, StatusCode::ACCEPTED, "no other device pays for it");
    world.clock.advance_seconds(3600);
    assert_eq!(begin(&world, &device).await.status, StatusCode::ACCEPTED);
    let response = device.call(&world, Method::GET, PATH, None).await;
    assert_eq!(response.problem(), (405, "method_not_allowed".to_owned()));
}
