//! How many streams and long polls one device may hold: the oldest ends when one more comes.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{Method, StatusCode};
use countersign_gateway::{CallConnection, KeyOwner, PeerConnection};
use countersign_protocol::limits;
use countersign_protocol::registration::Confirm;
use countersign_testing_gateway::event_stream::Events;
use countersign_testing_gateway::{DeviceCalls as _, World};

#[tokio::test]
async fn a_fifth_stream_of_a_device_ends_its_oldest() {
    let world = World::new();
    let (mut phone, tablet) = (world.enroll("Phone").await, world.enroll("Tablet").await);
    phone.pull(&world).await;
    let mut of_tablet = Events::open(&world, &tablet).await;
    let mut open = Vec::new();
    for _ in 0..=limits::DEVICE_HELD_CALLS {
        open.push(Events::open(&world, &phone).await);
    }
    let mut oldest = open.remove(0);
    assert_eq!(oldest.next().await, None, "it ended");
    world.ask().await;
    for events in open.iter_mut().chain([&mut of_tablet]) {
        assert_eq!(events.update().await.challenges.len(), 1, "the others go on");
    }
}

#[tokio::test]
async fn streams_that_were_closed_do_not_count() {
    let world = World::new();
    let phone = world.enroll("Phone").await;
    let mut first = Events::open(&world, &phone).await;
    for _ in 0..20 {
        drop(Events::open(&world, &phone).await);
    }
    world.ask().await;
    assert_eq!(first.update().await.challenges.len(), 1);
}

#[tokio::test]
async fn an_unconfirmed_device_has_one_stream() {
    let world = World::new();
    let link = world.link(Confirm::Code).await;
    let mut phone = world.device("Phone");
    assert_eq!(phone.register(&world, &link.link).await.status, StatusCode::CREATED);
    let mut older = Events::open(&world, &phone).await;
    let mut newer = Events::open(&world, &phone).await;
    while older.next().await.is_some_and(|event| event.name == "update") {}
    assert!(newer.next().await.is_some(), "of 600 that it opens the last is left");
}

#[tokio::test]
async fn a_fifth_long_poll_of_a_device_returns_its_oldest() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    phone.pull(&world).await;
    let path = format!("/push/challenges?wait=25&after={}", phone.cursor.as_ref().expect("a cursor"));
    let poll = || phone.call(&world, Method::GET, &path, None);
    let mut oldest = pin!(poll());
    tokio::select! {
        response = &mut oldest => panic!("{response:?}"),
        () = world.until_somebody_waits() => {}
    }
    let response = tokio::select! {
        response = &mut oldest => response,
        newer = async { tokio::join!(poll(), poll(), poll(), poll()) } => panic!("{newer:?}"),
    };
    assert_eq!(response.status, StatusCode::OK);
}

#[tokio::test]
async fn a_connection_is_told_of_each_call_that_proved_a_key_and_of_no_other() {
    struct Counted(AtomicUsize);
    impl PeerConnection for Counted {
        fn key_proven(&self, owner: &KeyOwner, is_vouched_for: bool) {
            assert!(matches!(owner, KeyOwner::Device(_)) && is_vouched_for, "{owner:?}");
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let world = World::new();
    let phone = world.enroll("Phone").await;
    let counted = Arc::new(Counted(AtomicUsize::new(0)));
    let send = async |tampered: bool| {
        let mut request = phone.signed(&Method::GET, "/push/challenges");
        request.extensions_mut().insert(CallConnection::new(counted.clone()));
        if tampered {
            request.headers_mut().insert("authorization", "DPoP somebody-elses".parse().expect("a header"));
        }
        let status = world.call(request).await.status;
        (status.as_u16(), counted.0.load(Ordering::SeqCst))
    };
    assert_eq!(send(false).await, (200, 1));
    assert_eq!(send(true).await, (401, 1));
    assert_eq!(send(false).await, (200, 2));
}
