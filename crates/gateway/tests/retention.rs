//! Retention: which rows a sweep deletes, and which it keeps.

use countersign_gateway::{ApprovalRequest, Verdict};
use countersign_protocol::details::Details;
use countersign_protocol::evidence::Evidence;
use countersign_protocol::registration::Confirm;
use countersign_protocol::revocation::RevokedBy;
use countersign_protocol::transcript::Transcript;
use countersign_store::Transaction;
use countersign_testing_gateway::{DeviceCalls as _, World};

const DAY: u64 = 86_400;

/// Rows of a table of the gateway.
fn count(world: &World, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM {table}");
    world
        .gateway
        .store()
        .read_blocking(|snapshot| Ok(snapshot.connection().query_row(&count, [], |row| row.get(0))?))
        .expect("a count")
}

fn records(world: &World) -> [i64; 4] {
    ["approval", "challenge", "answer", "link"].map(|table| count(world, table))
}

#[tokio::test]
async fn records_are_deleted_after_their_retention_and_not_before() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    world.enroll("Tablet").await;
    let approved = world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve(&challenge, None);
    phone.settle(&world, &challenge, &answer).await;
    let unanswered = world.ask().await;
    world.clock.advance_seconds(301);
    world.gateway.sweep().await.expect("swept");
    assert_eq!(records(&world), [2, 4, 1, 2]);

    world.clock.advance_seconds(400 * DAY - 301);
    world.gateway.sweep().await.expect("swept");
    assert_eq!(records(&world), [2, 4, 1, 2], "to the second");
    assert!(matches!(world.verdict(&approved.approval), Verdict::Approved(_)));
    world.clock.advance_seconds(1);
    world.gateway.sweep().await.expect("swept");
    assert_eq!(records(&world), [1, 2, 0, 2], "what ended first is forgotten first");
    assert_eq!(world.verdict(&unanswered.approval), Verdict::Expired);
    world.clock.advance_seconds(700);
    world.gateway.sweep().await.expect("swept");
    assert_eq!(records(&world), [0, 0, 0, 0]);

    assert_eq!(
        (count(&world, "device"), count(&world, "statement")),
        (2, 2),
        "devices and what verifies their keys stay"
    );
}

#[tokio::test]
async fn a_device_that_kept_its_evidence_proves_what_the_gateway_has_deleted() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let accepted = world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let shown = Transcript::new(&challenge, "en", phone.lines(&challenge)).freeze();
    let answer = phone.approve(&challenge, None);
    let outcome = phone.settle(&world, &challenge, &answer).await;
    let kept = world.gateway.challenge_records(&accepted.approval).expect("a record").remove(0).evidence;
    let of_device = Evidence {
        challenge: challenge.compact().clone(),
        answer: Some(answer),
        transcript: Some(shown.text().to_owned()),
        outcome: Some(outcome.compact().clone()),
        ..kept
    };
    world.clock.advance_seconds(401 * DAY);
    world.gateway.sweep().await.expect("swept");
    assert!(world.gateway.challenge_records(&accepted.approval).expect("read").is_empty());
    of_device.verify(None).expect("sound without the gateway");
}

#[tokio::test]
async fn one_sweep_deletes_a_bounded_number_and_the_next_continues() {
    let world = World::new();
    world.enroll("Phone").await;
    let names: Vec<String> = (0..2100).map(|n| format!("client-{n}")).collect();
    futures_util::future::join_all(names.iter().map(|name| world.ask_as(name))).await;
    world.clock.advance_seconds(301);
    world.gateway.sweep().await.expect("swept");
    world.clock.advance_seconds(401 * DAY);
    world.gateway.sweep().await.expect("swept");
    assert_eq!(records(&world)[..2], [2100 - 2048, 2100 - 2048]);
    world.gateway.sweep().await.expect("swept");
    assert_eq!(records(&world), [0, 0, 0, 0]);
}

#[tokio::test]
async fn pending_requests_are_never_deleted() {
    let mut world = World::new();
    world.enroll("Phone").await;
    let mut request = world.request();
    request.ttl_seconds = 72 * 3600;
    let accepted = world.accept(request).await.expect("accepted");
    world.clock.advance_seconds(71 * 3600);
    world.restart();
    world.gateway.sweep().await.expect("swept");
    assert_eq!(world.verdict(&accepted.approval), Verdict::Pending);
}

#[tokio::test]
async fn a_deleted_link_stays_invalid() {
    let world = World::new();
    let link = world.link(Confirm::None).await;
    let mut late = world.device("Late");
    let registration = late.registration(&world, &link.link).await;
    world.clock.advance_seconds(500 * DAY);
    world.gateway.sweep().await.expect("swept");
    assert_eq!(count(&world, "link"), 0);
    let response = late.post_registration(&world, &registration, &link.link).await;
    assert_eq!(response.problem(), (400, "registration_token_expired".to_owned()));
}

#[tokio::test]
async fn the_bytes_of_what_nobody_answered_are_kept_for_a_day() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let details = r#"[{"type":"generic","title":"Refund"}]"#;
    let request = || ApprovalRequest {
        authorization_details: Some(Details::parse(details).expect("details")),
        ..world.request()
    };
    let answered = world.accept(request()).await.expect("accepted");
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve(&challenge, None);
    phone.settle(&world, &challenge, &answer).await;
    let unanswered = world.accept(request()).await.expect("accepted");
    let second = phone.next_challenge(&world).await;

    let swept = async |seconds: u64| {
        world.clock.advance_seconds(seconds);
        world.gateway.sweep().await.expect("swept");
        world.gateway.challenge_records(&unanswered.approval).expect("read").len()
    };
    assert_eq!((swept(301).await, count(&world, "challenge_content")), (1, 2));
    assert_eq!((swept(DAY).await, count(&world, "challenge_content")), (1, 2), "to the millisecond");
    assert_eq!((swept(1).await, count(&world, "challenge_content")), (0, 1));
    assert_eq!(count(&world, "challenge"), 2, "its metadata and hash stay");
    let trace = world.gateway.store().read_blocking(|snapshot| world.gateway.trace(snapshot, &unanswered.approval));
    assert_eq!(trace.expect("read").expect("a record").outcome, "expired");
    let late = phone.approve(&second, None);
    let reply = phone.send_answer(&world, second.id(), &late).await;
    assert_eq!(reply.status.as_u16(), 410, "and a late answer still hears how it ended");

    let kept = world.gateway.challenge_records(&answered.approval).expect("read");
    assert_eq!(kept[0].challenge.as_str(), challenge.compact().as_str(), "what was answered stays, byte for byte");
}

#[tokio::test]
async fn attack_the_bytes_of_what_ended_without_an_answer_are_kept_for_a_day_however_it_ended() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let cancelled = world.ask().await.approval;
    let gateway = world.gateway.clone();
    let ended = cancelled.clone();
    assert!(
        world.gateway.store().write(move |tx: &Transaction<'_>| gateway.withdraw(tx, &ended)).await.expect("withdrawn")
    );
    let refused = world.ask().await.approval;
    let challenge = phone.next_challenge(&world).await;
    assert!(phone.refuse(&world, &challenge).await.status.is_success());
    // Answered, by lines that say something else than was asked: that is kept.
    let answered = world.ask().await.approval;
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve_showing(&challenge, Vec::new(), None);
    assert_eq!(phone.send_answer(&world, challenge.id(), &answer).await.problem().1, "display_mismatch");
    let revoked = world.ask().await.approval;
    assert!(world.gateway.revoke_device(phone.id(), RevokedBy::Operator).await.expect("revoked"));
    let verdicts = [&cancelled, &refused, &answered, &revoked].map(|approval| world.verdict(approval));
    let expected = [Verdict::Cancelled, Verdict::Refused, Verdict::DisplayMismatch, Verdict::DeviceRevoked];
    assert_eq!(verdicts, expected);

    let swept = async |seconds: u64| {
        world.clock.advance_seconds(seconds);
        world.gateway.sweep().await.expect("swept");
        count(&world, "challenge_content")
    };
    assert_eq!((swept(DAY).await, swept(1).await), (4, 1));
    assert_eq!(world.gateway.challenge_records(&answered).expect("read").len(), 1);
    assert_eq!(count(&world, "challenge"), 4, "metadata and hashes stay");
}

#[tokio::test]
async fn details_take_their_place_once_however_many_devices_are_asked() {
    let world = World::new();
    for name in ["Phone", "Tablet", "Desk"] {
        world.enroll(name).await;
    }
    let pages = |world: &World| {
        let size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        let read = world
            .gateway
            .store()
            .read_blocking(|snapshot| Ok(snapshot.connection().query_row(size, [], |row| row.get::<_, i64>(0))?));
        read.expect("a size")
    };
    let noise =
        |n: usize| (0..1440).map(|at| format!("{:04x}", (n * 7919 + at * 104_729) % 65_536)).collect::<String>();
    let before = pages(&world);
    for n in 0..300 {
        let text = format!(r#"[{{"type":"generic","title":"Refund","text":"{}"}}]"#, noise(n));
        let details = Details::parse(&text).expect("details");
        world
            .accept(ApprovalRequest { authorization_details: Some(details), ..world.request() })
            .await
            .expect("accepted");
    }
    let each = (pages(&world) - before) / 300;
    // With the row of `op` 60 MB for 6,000 requests.
    assert!(each <= 9_000, "{each} bytes for 5.8 KB of details at three devices");
}
