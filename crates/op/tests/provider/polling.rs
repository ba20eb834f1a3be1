//! Polling `/token` while a request is pending: interval, held polls, ownership of the request, and shutdown.

use std::time::Duration;

use axum::http::StatusCode;
use countersign_op::{OpenError, Provider};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{BC, CONFIG, SECRET, TOKEN, World, basic};

/// The polls below are held for 30 s: what ends sooner was not ended by that.
const LONG_BEFORE_THE_WAIT_ENDS: Duration = Duration::from_secs(10);

impl World {
    /// A request that nobody will ever answer.
    async fn unanswered(&self) -> String {
        let reply = self.post("kiosk", BC, &[("scope", "openid"), ("login_hint", "mallory")]).await;
        reply.text("auth_req_id")
    }

    /// Resolves as soon as the only request has been polled.
    pub(crate) async fn polled(&self) {
        let polls = || {
            let counted = self.provider.gateway().store().read_blocking(|snapshot| {
                let count = "SELECT COUNT(polled_at) FROM authentication_request";
                Ok(snapshot.connection().query_row(count, [], |row| row.get::<_, i64>(0))?)
            });
            counted.expect("a count")
        };
        while polls() == 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn t02_polling_too_fast_slows_down_every_later_poll() {
    let world = World::new();
    let id = world.unanswered().await;
    let mut told = Vec::new();
    for pause in [0, 4, 9, 15, 14, 13] {
        world.advance_seconds(pause);
        let reply = world.poll("kiosk", &id).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        told.push((pause, reply.text("error")));
    }
    let told: Vec<_> = told.iter().map(|(pause, error)| (*pause, error.as_str())).collect();
    let expected = [
        (0, "authorization_pending"), // t03: the first poll is never too early
        (4, "slow_down"),             // from now on 10
        (9, "authorization_pending"), // a tenth is forgiven
        (15, "authorization_pending"),
        (14, "authorization_pending"),
        (13, "authorization_pending"),
    ];
    assert_eq!(told, expected);
    world.advance_seconds(8);
    let reply = world.poll("kiosk", &id).await;
    assert_eq!(reply.text("error_description"), "polled too early: from now on wait 15 seconds between polls");
    world.advance_seconds(13);
    assert_eq!(world.poll("kiosk", &id).await.text("error"), "slow_down");
}

#[tokio::test]
async fn t01_a_request_belongs_to_the_client_that_made_it() {
    let world = World::new();
    let id = world.unanswered().await;
    let reply = world.poll("till", &id).await;
    assert_eq!((reply.status, reply.text("error").as_str()), (StatusCode::BAD_REQUEST, "invalid_grant"));
    assert_eq!(world.poll("kiosk", &id).await.text("error"), "authorization_pending", "and stays theirs");
}

#[tokio::test]
async fn t03_of_overlapping_polls_the_earlier_ends_at_once() {
    let world = World::with(&CONFIG.replace("token_wait = 0", "token_wait = 30"));
    let id = world.unanswered().await;
    let first = world.poll("kiosk", &id);
    let second = async {
        world.polled().await;
        world.advance_seconds(5);
        world.poll("kiosk", &id).await
    };
    tokio::select! {
        reply = tokio::time::timeout(LONG_BEFORE_THE_WAIT_ENDS, first) => {
            assert_eq!(reply.expect("at once").text("error"), "authorization_pending");
        }
        reply = second => panic!("the later poll is the one that is held: {}", reply.body),
    }
}

#[tokio::test]
async fn a_held_poll_is_answered_when_the_provider_stops() {
    let world = World::with(&CONFIG.replace("token_wait = 0", "token_wait = 30"));
    let id = world.unanswered().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = {
        let provider = world.provider.clone();
        tokio::spawn(async move { provider.serve(listener, async { stopped.await.unwrap_or(()) }).await })
    };

    let body = format!("grant_type=urn%3Aopenid%3Aparams%3Agrant-type%3Aciba&auth_req_id={id}");
    let head = format!(
        "POST {TOKEN} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        basic("kiosk", SECRET),
        body.len()
    );
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.write_all(format!("{head}{body}").as_bytes()).await.expect("sent");
    world.polled().await;
    stop.send(()).expect("still serving");

    let mut reply = String::new();
    let read = tokio::time::timeout(LONG_BEFORE_THE_WAIT_ENDS, connection.read_to_string(&mut reply)).await;
    read.expect("at once").expect("an answer, then the end");
    assert!(reply.starts_with("HTTP/1.1 400 Bad Request") && reply.contains("authorization_pending"), "{reply}");
    serving.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn one_process_serves_a_home_and_others_may_read_it() {
    let world = World::new();
    let open = |admin: bool| {
        let config = world.config();
        let open = if admin { Provider::open_for_admin } else { Provider::open };
        open(config, world.home(), world.ports())
    };
    match open(false) {
        Err(OpenError::InUse { pid, .. }) => assert_eq!(pid, std::process::id().to_string()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("two processes would serve one home"),
    }
    assert!(open(true).is_ok());
    let world = world.restarted_with(CONFIG);
    assert_eq!(world.get("/tenant/jwks").await.status, StatusCode::OK);
}
