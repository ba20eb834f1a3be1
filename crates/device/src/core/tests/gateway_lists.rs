//! A gateway that asks in another provider's name: its own claim until that provider confirms it.

use countersign_jose::clock::Timestamp;
use countersign_protocol::challenge::{Challenge, Party};
use countersign_protocol::id::ChallengeId;
use countersign_protocol::transcript::Role;

use crate::core::Event;
use crate::ports::transport::{Reply, TransportError, Unreached};
use crate::testing::CoreHarness;

const BANK: &str = "https://id.redbank.example/tenant";
const DAY_MS: u64 = 86_400_000;

/// A list of gateways, with a `Date` and a nonce that must not count.
fn list(gateways: &str) -> Reply {
    Reply {
        status: 200,
        media_type: Some("application/json".to_owned()),
        body: format!(r#"{{"gateways":[{gateways}]}}"#).into_bytes(),
        date: Some(Timestamp::from_seconds(7)),
        dpop_nonce: Some("another host's".to_owned()),
        ..Reply::default()
    }
}

/// An account whose gateway says that it asks for the bank; the bank's host replies with this.
fn on_behalf(bank: Reply) -> CoreHarness {
    let mut harness = CoreHarness::pulled();
    harness.provider.lists.insert("https://id.redbank.example".to_owned(), bank);
    harness.provider.restate(|next| next.on_behalf_of = Some(vec![BANK.parse().unwrap()]));
    pull(&mut harness);
    harness
}

fn pull(harness: &mut CoreHarness) {
    harness.event(Event::Wake);
    harness.deliver_all();
}

fn asked(harness: &mut CoreHarness) -> ChallengeId {
    let claims = harness.provider.claims();
    let provider = Party { issuer: BANK.parse().unwrap(), name: "Red Bank".into() };
    let id = harness.provider.ask(&Challenge { provider, ..claims });
    pull(harness);
    id
}

/// The role of the line that names the provider, and its caption.
fn provider_line(harness: &CoreHarness, id: &ChallengeId) -> (Role, String) {
    let view = harness.core.pending(harness.at).into_iter().find(|view| view.id == *id).unwrap();
    let lines = &view.transcript.lines;
    assert!(lines.iter().any(|line| line.role == Role::Gateway && line.prominence == 1), "the gateway is always named");
    let line = lines.iter().find(|line| matches!(line.role, Role::Provider | Role::ProviderClaimed)).unwrap();
    (line.role, line.label.clone())
}

#[test]
fn a_provider_that_lists_the_gateway_is_shown_as_the_provider() {
    let mut harness = on_behalf(list(r#""https://other.example","https://id.acme.example""#));
    let call = harness.provider.list_calls.pop().unwrap();
    assert_eq!(call.url, "https://id.redbank.example/.well-known/countersign-gateways");
    assert!(call.headers.iter().all(|(name, _)| *name == "accept"), "no credential leaves for another host");
    let id = asked(&mut harness);
    assert_eq!(provider_line(&harness, &id), (Role::Provider, "Via".to_owned()));
    harness.approve(&id, None).unwrap();
    harness.deliver_all();
    assert!(harness.kept(&id).unwrap().outcomes.len() == 1, "another host's date and nonce have changed nothing");
    harness.crash();
    harness.deliver_all();
    let again = asked(&mut harness);
    assert_eq!(provider_line(&harness, &again).0, Role::Provider, "the answer is kept");
    assert!(harness.provider.list_calls.is_empty(), "asked once a day");
}

#[test]
fn anything_but_a_list_that_names_the_gateway_leaves_it_a_claim() {
    let listed = list(r#""https://id.acme.example""#);
    for reply in [
        list(r#""https://id.acme.example/""#),
        Reply { status: 302, ..listed.clone() },
        Reply { status: 401, ..listed.clone() },
        Reply { media_type: Some("text/html".to_owned()), ..listed.clone() },
        Reply { media_type: None, ..listed.clone() },
        Reply { status: 404, ..Reply::default() },
    ] {
        let status = reply.status;
        let mut harness = on_behalf(reply);
        assert!(harness.core.account().status.no_part().is_none(), "another host says nothing about the account");
        let id = asked(&mut harness);
        let (role, label) = provider_line(&harness, &id);
        assert_eq!((role, label.as_str()), (Role::ProviderClaimed, "id.acme.example says it asks for"), "{status}");
        assert_eq!(harness.provider.list_calls.len(), 1);
    }
}

#[test]
fn a_confirmation_is_asked_for_daily_and_good_for_seven_days() {
    let mut harness = on_behalf(list(r#""https://id.acme.example""#));
    let bank = "https://id.redbank.example";
    harness.provider.lists.insert(bank.to_owned(), Reply { status: 503, ..Reply::default() });
    for day in 1..7 {
        let asked_before = harness.provider.list_calls.len();
        harness.pass_ms(DAY_MS);
        harness.deliver_all();
        assert!(harness.provider.list_calls.len() > asked_before, "day {day}");
        let id = asked(&mut harness);
        assert_eq!(provider_line(&harness, &id).0, Role::Provider, "day {day}: no answer takes nothing away");
        harness.deny(&id).unwrap();
        harness.deliver_all();
    }
    harness.pass_ms(DAY_MS);
    harness.deliver_all();
    let id = asked(&mut harness);
    assert_eq!(provider_line(&harness, &id).0, Role::ProviderClaimed, "after seven days it is none");
    // A provider that takes the gateway from its list is heard at once; what is on the screen stays.
    harness.provider.lists.insert(bank.to_owned(), list(r#""https://id.acme.example""#));
    harness.pass_ms(3_600_000);
    harness.deliver_all();
    let shown = asked(&mut harness);
    assert_eq!(provider_line(&harness, &shown).0, Role::Provider);
    harness.provider.lists.insert(bank.to_owned(), list(""));
    harness.provider.restate(|next| next.device_name = "Desk 2".into());
    harness.pass_ms(DAY_MS - 3_000_000);
    harness.deliver_all();
    harness.pass_ms(3_600_000);
    harness.deliver_all();
    let after = asked(&mut harness);
    assert_eq!(provider_line(&harness, &after).0, Role::ProviderClaimed);
}

#[test]
fn another_host_that_is_away_is_no_provider_that_is_offline() {
    let mut harness = CoreHarness::pulled();
    harness.provider.restate(|next| next.on_behalf_of = Some(vec![BANK.parse().unwrap()]));
    harness.event(Event::Wake);
    while let Some((id, call)) = harness.wire.pop_front() {
        if call.url.contains("countersign-gateways") {
            assert!(!harness.core.is_busy() || !harness.wire.is_empty(), "nobody waits for it");
            harness.event(Event::Failed { id, why: Some(TransportError::Unreachable(Unreached::default())) });
        } else {
            let reply = harness.provider.reply(&call);
            harness.event(Event::Replied { id, reply });
        }
    }
    assert_eq!(harness.core.offline(), None);
    assert_eq!(harness.provider.list_calls.len(), 0);
    harness.pass_ms(3_600_000);
    harness.deliver_all();
    assert_eq!(harness.provider.list_calls.len(), 1, "asked again in an hour");
}
