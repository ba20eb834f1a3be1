//! A full disk, a locked store: 503 with Retry-After, never 500, and everything works again afterwards.

use axum::http::{StatusCode, header};
use countersign_testing_gateway::DeviceCalls as _;
use futures_util::FutureExt as _;

use crate::world::{BC, Reply, World};

const ASK: &[(&str, &str)] = &[("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")];

fn is_passing(reply: &Reply) {
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.body);
    assert_eq!(reply.text("error"), "temporarily_unavailable");
    assert_eq!(reply.header(header::RETRY_AFTER), Some("5"));
}

/// From now on the file has room for no page more, as on a full disk.
async fn no_room(world: &World) {
    let limited = world.provider.gateway().store().write(|transaction| {
        let connection = transaction.connection();
        let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        Ok(connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, i64>(0))?)
    });
    limited.await.unwrap_or_else(|error: countersign_store::Error| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_store_is_503_and_readyz_says_so() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    assert_eq!(world.get("/readyz").await.status, StatusCode::OK);
    let pending = world.post("till", BC, ASK).await.text("auth_req_id");
    let challenge = device.next_challenge(&world.side).await;
    let answer = device.approve(&challenge, None);

    let other = rusqlite::Connection::open(world.home().join("provider.db")).expect("the store");
    other.execute_batch("BEGIN EXCLUSIVE").expect("held");
    // The last check is a second old.
    world.advance_seconds(1);
    let (asked, polled, answered, ready) = tokio::join!(
        world.post("till", BC, ASK),
        world.poll("till", &pending),
        device.send_answer(&world.side, challenge.id(), &answer),
        world.get("/readyz"),
    );
    is_passing(&asked);
    is_passing(&polled);
    assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE, "{answered:?}");
    assert!(answered.headers.contains_key(header::RETRY_AFTER));
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE, "{}", ready.body);
    assert_eq!(world.get("/healthz").await.status, StatusCode::OK, "the process lives all the same");
    other.execute_batch("ROLLBACK").expect("let go");

    let answered = device.send_answer(&world.side, challenge.id(), &answer).await;
    assert_eq!(answered.status, StatusCode::OK, "the same bytes again count");
    world.advance_seconds(6);
    assert_eq!(world.poll("till", &pending).await.status, StatusCode::OK);
    assert_eq!(world.get("/readyz").await.text("status"), "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_503_and_loses_nothing() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let pending = world.post("till", BC, ASK).await.text("auth_req_id");
    no_room(&world).await;
    let mut refused = 0;
    for n in 0..400 {
        world.advance_seconds(1);
        let reply =
            world.post("till", BC, &[ASK, &[("binding_message", &format!("{n} {}", "x".repeat(400)))]].concat()).await;
        if reply.status != StatusCode::OK {
            is_passing(&reply);
            refused += 1;
            if refused == 3 {
                break;
            }
        }
    }
    assert_eq!(refused, 3, "the file has no room for another page");
    assert_eq!(world.poll("till", &pending).await.text("error"), "authorization_pending", "what was there is there");
    assert_eq!(world.get("/readyz").await.status, StatusCode::OK, "writes that need no more room still work");
    device.pull(&world.side).await;
}

#[tokio::test]
async fn attack_readyz_writes_once_a_second_however_many_ask() {
    let world = World::new();
    world.enroll("phone").await;
    for second in 0..2 {
        let before = world.commits();
        // Callers that go away at once start one check together.
        for _ in 0..50 {
            drop(world.get("/readyz").now_or_never());
        }
        let asked = (0..50).map(|_| world.get("/readyz"));
        for reply in futures_util::future::join_all(asked).await {
            assert_eq!(reply.text("status"), "ready");
        }
        assert_eq!(world.commits() - before, 1, "in second {second}");
        world.advance_seconds(1);
    }
}
