//! The event sink is called within the transaction that made the change, and can undo it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use countersign_gateway::{EventSink, Gateway, GatewayEvent, Keys, Ports, Settings, Verdict};
use countersign_jose::clock::Clock as _;
use countersign_protocol::answer::DenialReason;
use countersign_protocol::discovery::Mode;
use countersign_store::{Error, Transaction};
use countersign_testing_gateway::{DeviceCalls as _, World, issuer, open_store};

/// Records events as text, in a table of its own too; refuses on demand.
#[derive(Default)]
struct Notes {
    seen: Mutex<Vec<String>>,
    refuses: AtomicBool,
}

impl EventSink for Notes {
    fn record(&self, transaction: &Transaction<'_>, event: &GatewayEvent<'_>) -> Result<(), Error> {
        let words = match event {
            GatewayEvent::Ended { approval, expired, outcome, .. } => {
                assert_eq!(*expired, *outcome == "expired");
                format!("{approval} ended, expired: {expired}")
            }
            GatewayEvent::NotMe { approval, subject, client_id, held_until } => {
                format!("{subject} did not start {approval} of {client_id}, held until {}", held_until.seconds())
            }
            GatewayEvent::Disputed { approval, subject, client_id, device } => {
                format!("{subject} disputes {approval} of {client_id} by {device}")
            }
            GatewayEvent::DeviceAdded { subject, device, name, class } => {
                format!("{subject} has {device}, {name}, {}", class.as_str())
            }
            GatewayEvent::DeviceCopied { subject, device, name } => {
                format!("{device} of {subject}, {name}, was copied")
            }
            other => format!("{other:?}"),
        };
        if self.refuses.load(Ordering::SeqCst) {
            return Err(Error::MissingRow);
        }
        transaction.connection().execute("INSERT INTO note (words) VALUES (?1)", [&words])?;
        self.seen.lock().expect("the notes").push(words);
        Ok(())
    }
}

/// A gateway whose events are noted.
fn watched() -> (World, Arc<Notes>) {
    let mut world = World::new();
    let notes = Arc::new(Notes::default());
    let random = world.random.clone();
    let home = world.home.path();
    let store = open_store(home, &random);
    let table: Result<(), Error> = store.write_blocking(|transaction| {
        transaction.connection().execute_batch("CREATE TABLE note (words TEXT NOT NULL)")?;
        Ok(())
    });
    table.expect("a table");
    let keys = Keys::load_or_create(&home.join("keys"), &*random).expect("keys");
    let ports = Ports { clock: world.clock.clone(), random };
    let settings = Settings::new(issuer(), Mode::Test);
    world.gateway =
        Gateway::open_with_event_sink(settings, store, keys, ports, notes.clone()).expect("the gateway opens");
    world.router = world.gateway.router();
    (world, notes)
}

impl Notes {
    /// What was seen since the last call.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().expect("the notes"))
    }
}

#[tokio::test]
async fn every_event_is_recorded_once() {
    let (world, notes) = watched();
    let mut phone = world.enroll("Phone").await;
    assert_eq!(notes.take(), [format!("alice has {}, Phone, interactive", phone.id())]);

    let approved = world.ask().await.approval;
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve(&challenge, None);
    phone.send_answer(&world, challenge.id(), &answer).await;
    phone.send_answer(&world, challenge.id(), &answer).await;
    assert_eq!(notes.take(), [format!("{approved} ended, expired: false")]);

    assert_eq!(phone.dispute(&world, &challenge).await.status, StatusCode::OK);
    assert_eq!(phone.dispute(&world, &challenge).await.status, StatusCode::OK);
    assert_eq!(notes.take(), [format!("alice disputes {approved} of coffee-pos by {}", phone.id())]);

    let expired = world.ask_as("kiosk").await.approval;
    world.clock.advance_seconds(400);
    world.gateway.sweep().await.expect("swept");
    world.gateway.sweep().await.expect("swept");
    assert_eq!(notes.take(), [format!("{expired} ended, expired: true")]);
    phone.pull(&world).await;

    let denied = world.ask_as("call-centre").await.approval;
    let challenge = phone.next_challenge(&world).await;
    let denial = phone.deny(&challenge, Some(DenialReason::NotMe));
    phone.send_answer(&world, challenge.id(), &denial).await;
    let until = world.clock.now().seconds() + 900;
    let told = [
        format!("{denied} ended, expired: false"),
        format!("alice did not start {denied} of call-centre, held until {until}"),
    ];
    assert_eq!(notes.take(), told);
}

#[tokio::test]
async fn a_forked_history_is_recorded() {
    let (world, notes) = watched();
    let mut phone = world.enroll("Phone").await;
    world.ask().await;
    world.ask_as("another").await;
    let pending = phone.pull(&world).await.challenges;
    let (one, two) = (phone.verify(&pending[0]), phone.verify(&pending[1]));
    let answer = phone.approve(&one, None);
    phone.settle(&world, &one, &answer).await;
    // The copy goes on from the same point of the history.
    phone.seq -= 1;
    let of_the_copy = phone.approve(&two, None);
    let refused = phone.send_answer(&world, two.id(), &of_the_copy).await;
    assert_eq!(refused.problem(), (403, "device_suspended".to_owned()));
    let told = format!("{} of alice, Phone, was copied", phone.id());
    assert_eq!(notes.take().iter().filter(|words| **words == told).count(), 1);
}

#[tokio::test]
async fn a_change_whose_event_cannot_be_recorded_is_rolled_back() {
    let (world, notes) = watched();
    let mut phone = world.enroll("Phone").await;
    let accepted = world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve(&challenge, None);
    notes.refuses.store(true, Ordering::SeqCst);
    let response = phone.send_answer(&world, challenge.id(), &answer).await;
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(world.verdict(&accepted.approval), Verdict::Pending);
    notes.refuses.store(false, Ordering::SeqCst);
    let response = phone.send_answer(&world, challenge.id(), &answer).await;
    assert_eq!(response.status, StatusCode::OK);
    assert!(matches!(world.verdict(&accepted.approval), Verdict::Approved(_)));
}

#[tokio::test]
async fn practice_is_no_event_whatever_is_answered() {
    let (world, notes) = watched();
    let mut device = world.enroll("phone").await;
    let before = notes.seen.lock().expect("the notes").len();
    let response = device.call(&world, axum::http::Method::POST, "/push/device/practice", None).await;
    assert_eq!(response.status, StatusCode::ACCEPTED);
    let challenge = device.next_challenge(&world).await;
    let denial = device.deny(&challenge, Some(DenialReason::NotMe));
    device.settle(&world, &challenge, &denial).await;
    assert_eq!(notes.seen.lock().expect("the notes").len(), before);
}
