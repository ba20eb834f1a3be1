//! Polling `/token` while a request is pending: interval, held polls, ownership of the request, and shutdown.

use std::time::Duration;

use axum::http::StatusCode;
use countersign_op::{OpenError, Provider};
use countersign_testing_gateway::DeviceCalls as _;
use countersign_testing_gateway::event_stream::Events;
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

impl World {
    /// Asks Alice for `seconds`, as a client that she has approved nothing for yet.
    async fn asked_for(&self, seconds: &str) -> String {
        let form = [("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")];
        let form = [form.as_slice(), &[("requested_expiry", seconds)]].concat();
        self.post("till", BC, &form).await.text("auth_req_id")
    }
}

#[tokio::test]
async fn an_answer_in_time_is_fetched_by_a_client_that_polls_as_it_was_told() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.asked_for("40").await;
    for expected in ["authorization_pending", "slow_down", "slow_down"] {
        assert_eq!(world.poll("till", &id).await.text("error"), expected);
    }
    for _ in 0..2 {
        world.side.clock.advance_millis(15_200);
        assert_eq!(world.poll("till", &id).await.text("error"), "authorization_pending");
    }
    world.side.clock.advance_millis(1_900);
    let challenge = phone.next_challenge(&world.side).await;
    let answer = phone.approve(&challenge, None);
    phone.settle(&world.side, &challenge, &answer).await;
    // As told: 15 seconds after the last one, 5 after the request's end.
    world.side.clock.advance_millis(13_300);
    let reply = world.poll("till", &id).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
}

#[tokio::test]
async fn an_approval_of_a_life_under_five_intervals_is_fetched_at_the_next_poll() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.asked_for("14").await;
    assert_eq!(world.poll("till", &id).await.text("error"), "authorization_pending");
    world.side.clock.advance_millis(10_400);
    assert_eq!(world.poll("till", &id).await.text("error"), "authorization_pending");
    let challenge = phone.next_challenge(&world.side).await;
    let answer = phone.approve(&challenge, None);
    phone.settle(&world.side, &challenge, &answer).await;
    world.side.clock.advance_millis(4_700);
    assert_eq!(world.poll("till", &id).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_ended_in_time_is_told_as_it_ended_however_late_the_client_asks() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let (denied, approved, unanswered) =
        (world.asked_for("60").await, world.asked_for("60").await, world.asked_for("60").await);
    let challenges = phone.pull(&world.side).await.challenges;
    let challenges: Vec<_> = challenges.iter().map(|challenge| phone.verify(challenge)).collect();
    let answer = phone.deny(&challenges[0], None);
    phone.settle(&world.side, &challenges[0], &answer).await;
    let answer = phone.approve(&challenges[1], None);
    phone.settle(&world.side, &challenges[1], &answer).await;

    // Twice the interval of 5 seconds after the end, less a moment; and then.
    world.advance_seconds(69);
    let reply = world.poll("till", &denied).await;
    assert_eq!(
        (reply.text("error").as_str(), reply.text("error_description").as_str()),
        ("access_denied", "the user denied the request")
    );
    assert_eq!(world.poll("till", &unanswered).await.text("error"), "expired_token");
    world.advance_seconds(1);
    let reply = world.poll("till", &approved).await;
    assert_eq!(reply.text("error"), "expired_token");
    assert!(reply.text("error_description").starts_with("the request was approved in time, but"), "{}", reply.body);
    assert_eq!(world.poll("till", &denied).await.text("error"), "access_denied");
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
async fn t03_of_overlapping_polls_the_earlier_ends_at_once_and_the_later_is_too_fast() {
    let world = World::with(&CONFIG.replace("token_wait = 0", "token_wait = 30"));
    let id = world.unanswered().await;
    let first = world.poll("kiosk", &id);
    let second = async {
        world.polled().await;
        world.advance_seconds(5);
        world.poll("kiosk", &id).await
    };
    let both = async { tokio::join!(first, second) };
    let (first, second) = tokio::time::timeout(LONG_BEFORE_THE_WAIT_ENDS, both).await.expect("at once");
    assert_eq!(first.text("error"), "authorization_pending");
    assert_eq!((second.text("error").as_str(), &second.json()["interval"]), ("slow_down", &10.into()));
}

#[tokio::test]
async fn a_poll_is_held_no_longer_than_leaves_time_for_two_more() {
    let world = World::with(&CONFIG.replace("token_wait = 0", "token_wait = 30"));
    let form = [("scope", "openid"), ("login_hint", "mallory"), ("requested_expiry", "10")];
    let id = world.post("kiosk", BC, &form).await.text("auth_req_id");
    // Two intervals of 5 s are all that is left.
    let reply = tokio::time::timeout(LONG_BEFORE_THE_WAIT_ENDS, world.poll("kiosk", &id)).await.expect("at once");
    assert_eq!(reply.text("error"), "authorization_pending");
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

#[tokio::test]
async fn a_client_that_may_know_hears_how_the_person_is_reached_and_whether_a_device_has_the_request() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let ask = [("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")];
    let asked = world.post("till", BC, &ask).await;
    assert_eq!(asked.text("wake"), "open_app", "no device holds a connection, and none can be woken");
    let delivery = async |wait: u64| {
        world.advance_seconds(wait);
        let pending = world.poll("till", &asked.text("auth_req_id")).await;
        assert_eq!(pending.text("error"), "authorization_pending");
        pending.text("delivery")
    };
    assert_eq!(delivery(0).await, "waiting");
    device.pull(&world.side).await;
    assert_eq!(delivery(5).await, "delivered");

    let stream = Events::open(&world.side, &device).await;
    assert_eq!(world.post("till", BC, &ask).await.text("wake"), "stream");
    drop(stream);

    // Nothing for a client that must not learn who exists.
    let asked = world.post("kiosk", BC, &ask).await;
    assert!(asked.json().get("wake").is_none(), "{}", asked.body);
    let pending = world.poll("kiosk", &asked.text("auth_req_id")).await.json();
    assert!(pending["error"] == "authorization_pending" && pending.get("delivery").is_none(), "{pending}");
}
