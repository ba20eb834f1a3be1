//! What a device says that it showed is checked before there is a verdict: an approval of anything else than was asked ends the
//! request as refused, and the operator is told.

use axum::http::{Method, StatusCode};
use countersign_gateway::Verdict;
use countersign_jose::key::Signer as _;
use countersign_protocol::answer::{Answer, Decision, TransportKey};
use countersign_protocol::evidence::{Evidence, EvidenceError};
use countersign_protocol::id::ApprovalId;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::Ending;
use countersign_protocol::problem::Problem;
use countersign_protocol::transcript::{Line, LineValue, Money, Role, Source};
use countersign_store::Transaction;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice, World, alice};

/// Two payments, the dearer one hidden behind a reference that looks like the cheaper.
const PAYMENTS: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4.20"},"creditorName":"Acme Coffee"},
 {"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4200.00"},"creditorName":"Evil GmbH","endToEndIdentification":"4.20"}]"#;

type Lie = fn(&mut Vec<Line>);

fn of(lines: &mut [Line], role: Role) -> &mut Line {
    lines.iter_mut().rfind(|line| line.role == role).expect("there is one")
}

/// Every way to lie that a verifier refuses, by name.
const LIES: &[(&str, Lie)] = &[
    ("nothing shown", |lines| lines.clear()),
    ("a payment left out", |lines| lines.retain(|line| !line.from.to_string().contains("_json/1/"))),
    ("another amount", |lines| {
        let (amount, currency) = ("4.20".to_owned(), "EUR".to_owned());
        of(lines, Role::Amount).value = LineValue::Money(Money { amount, currency });
    }),
    ("the payee from the message", |lines| {
        of(lines, Role::Payee).from = "challenge:/binding_message".parse().expect("a source");
    }),
    ("an amount shown twice", |lines| {
        let amount = of(lines, Role::Amount).clone();
        lines.push(amount);
    }),
    ("a foreign line within an element", |lines| {
        let payee = lines.iter().position(|line| line.role == Role::Payee).expect("there is one");
        let id = lines.iter().position(|line| line.role == Role::ClientId).expect("there is one");
        let id = lines.remove(id);
        lines.insert(payee, id);
    }),
    ("an amount behind a fold", |lines| of(lines, Role::Amount).prominence = 3),
    ("the device's own amount", |lines| of(lines, Role::Amount).from = Source::Device),
    ("an unverified client as verified", |lines| {
        let client = lines.iter_mut().find(|line| matches!(line.role, Role::Client | Role::ClientClaimed));
        let client = client.expect("there is one");
        client.role = if client.role == Role::Client { Role::ClientClaimed } else { Role::Client };
        client.label = "Somebody".into();
    }),
    ("a caption of another row", |lines| of(lines, Role::Detail).label = "Amount".into()),
];

async fn asked(world: &World) -> countersign_gateway::AcceptedRequest {
    let mut request = world.request();
    request.binding_message = Some("Acme Coffee".to_owned());
    request.authorization_details = Some(serde_json::from_value(PAYMENTS.into()).expect("sound details"));
    world.accept(request).await.expect("accepted")
}

#[tokio::test]
async fn attack_28_an_approval_of_other_lines_than_were_asked_ends_the_request_as_refused() {
    for (name, lie) in LIES {
        let world = World::new();
        let (mut phone, mut tablet) = (world.enroll("Phone").await, world.enroll("Tablet").await);
        phone.pull(&world).await;
        let accepted = asked(&world).await;
        let (on_phone, on_tablet) = (phone.next_challenge(&world).await, tablet.next_challenge(&world).await);
        let mut lines = phone.lines(&on_phone);
        lie(&mut lines);
        let answer = phone.approve_showing(&on_phone, lines, None);
        // The same answer again gets the same reply.
        for _ in 0..2 {
            let response = phone.send_answer(&world, on_phone.id(), &answer).await;
            assert_eq!(response.problem(), (422, "display_mismatch".to_owned()), "{name}");
            let problem: Problem = response.json();
            let outcome = phone.verify_outcome(&on_phone, Some(&answer), &problem.outcome.expect("an outcome"));
            assert_eq!(outcome.ending(), Ending::Refused, "{name}");
        }
        assert_eq!(world.verdict(&accepted.approval), Verdict::DisplayMismatch, "{name}");
        let told = tablet.pull(&world).await.withdrawn.remove(0).outcome;
        assert_eq!(tablet.verify_outcome(&on_tablet, None, &told).ending(), Ending::Refused, "{name}");
        let honest = tablet.approve(&on_tablet, None);
        let response = tablet.send_answer(&world, on_tablet.id(), &honest).await;
        assert_eq!(response.problem(), (409, "approval_decided".to_owned()), "{name}: it has ended for all");

        // Its place in the device's history is used, and what was signed is kept: it is no evidence of an approval.
        let record = evidence(&world, &accepted.approval);
        assert!(matches!(record.verify(None), Err(EvidenceError::Display(_))), "{name}");
    }
}

#[tokio::test]
async fn the_record_holds_the_transcript_and_is_evidence() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let accepted = asked(&world).await;
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve(&challenge, None);
    phone.settle(&world, &challenge, &answer).await;
    assert!(matches!(world.verdict(&accepted.approval), Verdict::Approved(_)));
    let report = evidence(&world, &accepted.approval).verify(None).expect("consistent");
    assert!(report.is_complete() && report.is_approved());
    assert_eq!(report.lines.len(), phone.lines(&challenge).len());
    let file = evidence(&world, &accepted.approval).to_file();
    assert!(Evidence::from_file(file.as_bytes()).is_ok(), "one canonical form");
}

#[tokio::test]
async fn an_approval_under_the_name_of_before_a_change_counts_and_its_evidence_says_so() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    for pulls in [false, true] {
        let accepted = asked(&world).await;
        let challenge = phone.next_challenge(&world).await;
        let label = if pulls { "Alice B." } else { "Alice A." };
        let gateway = world.gateway.clone();
        let renamed = world.gateway.store().write(move |tx: &Transaction<'_>| gateway.relabel(tx, &alice(), label));
        assert_eq!(renamed.await.expect("stored"), 1);
        if pulls {
            phone.pull(&world).await;
        }
        let answer = phone.approve(&challenge, None);
        phone.settle(&world, &challenge, &answer).await;
        assert!(matches!(world.verdict(&accepted.approval), Verdict::Approved(_)), "{label}");
        let report = evidence(&world, &accepted.approval).verify(None).expect("consistent");
        assert!(report.is_approved(), "{label}");
    }
    // A name that was replaced before the request is another's.
    world.clock.advance_seconds(1);
    let old = phone.copy();
    let gateway = world.gateway.clone();
    let renamed = world.gateway.store().write(move |tx: &Transaction<'_>| gateway.relabel(tx, &alice(), "Alice C."));
    renamed.await.expect("stored");
    world.clock.advance_seconds(1);
    let accepted = asked(&world).await;
    let challenge = phone.next_challenge(&world).await;
    let mut lines = phone.lines(&challenge);
    of(&mut lines, Role::Subject).value = of(&mut old.lines(&challenge), Role::Subject).value.clone();
    let answer = phone.approve_showing(&challenge, lines, None);
    let response = phone.send_answer(&world, challenge.id(), &answer).await;
    assert_eq!(response.problem(), (422, "display_mismatch".to_owned()));
    assert_eq!(world.verdict(&accepted.approval), Verdict::DisplayMismatch);
}

#[tokio::test]
async fn an_approval_comes_with_the_transcript_that_it_signs_and_a_denial_counts_without() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let accepted = asked(&world).await;
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve(&challenge, None);
    let path = format!("/push/challenges/{}/answer", challenge.id());
    let transcript = phone.transcripts.values().last().expect("it shows one").clone();
    for body in [
        serde_json::json!({ "answer": answer }),
        serde_json::json!({ "answer": answer, "transcript": transcript.replace("4200.00", "4.20") }),
        serde_json::json!({ "answer": answer, "transcript": "" }),
    ] {
        let response = phone.call(&world, Method::POST, &path, Some(body.to_string().as_bytes())).await;
        assert_eq!(response.problem(), (400, "invalid_answer".to_owned()), "{body}");
        assert_eq!(world.verdict(&accepted.approval), Verdict::Pending, "nothing has changed");
    }
    // A denial whose transcript lies, and one without any.
    let lying = phone.draft_showing(&challenge, Vec::new());
    let denial = TransportKey::new(phone.transport.public_key()).deny(lying, None);
    let denial = denial.sign(&*phone.transport).expect("signs");
    assert_eq!(phone.settle(&world, &challenge, &denial).await.ending(), Ending::Denied);
    let accepted = asked(&world).await;
    let challenge = phone.next_challenge(&world).await;
    let denial: Compact<Answer> = phone.deny(&challenge, None);
    let path = format!("/push/challenges/{}/answer", challenge.id());
    let body = serde_json::json!({ "answer": denial });
    let response = phone.call(&world, Method::POST, &path, Some(body.to_string().as_bytes())).await;
    assert_eq!(response.status, StatusCode::OK, "{response:?}");
    assert_eq!(world.verdict(&accepted.approval), Verdict::Denied { reason: None });
    assert_eq!(denial.peek().expect("an answer").decision, Decision::Denied);
    let report = evidence(&world, &accepted.approval).verify(None).expect("a denial needs no transcript");
    assert!(report.is_complete() && !report.is_approved() && report.lines.is_empty());
}

#[tokio::test]
async fn a_body_larger_than_an_answer_may_be_is_refused() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    asked(&world).await;
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve(&challenge, None);
    let path = format!("/push/challenges/{}/answer", challenge.id());
    for (length, code) in [(96 * 1024, "body_too_large"), (40 * 1024, "invalid_answer")] {
        let body = serde_json::json!({ "answer": answer, "transcript": " ".repeat(length) }).to_string();
        let response = phone.call(&world, Method::POST, &path, Some(body.as_bytes())).await;
        assert_eq!(response.problem().1, code);
    }
}

#[tokio::test]
async fn details_whose_lines_would_not_fit_are_refused_before_anybody_is_asked() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let members = (0..200).map(|at| format!(r#""member-{at:03}":1"#)).collect::<Vec<_>>().join(",");
    let details = format!(r#"[{{"type":"generic","{}":{{{members}}}}}]"#, "deep".repeat(10));
    let mut request = world.request();
    request.authorization_details = Some(serde_json::from_value(details.into()).expect("sound details"));
    let refused = world.accept(request).await.expect_err("too long");
    assert_eq!(refused.code(), "details_too_long");
    assert!(phone.pull(&world).await.challenges.is_empty());
}

#[tokio::test]
async fn attack_an_answer_costs_no_more_however_often_its_device_was_renamed() {
    let mut steps = Vec::new();
    for names in [20, 200] {
        let world = World::new();
        let mut phone = world.enroll("Phone").await;
        phone.pull(&world).await;
        asked(&world).await;
        let challenge = phone.next_challenge(&world).await;
        for n in 0..names {
            assert!(world.gateway.rename_device(phone.id(), &format!("Phone {n}")).await.expect("stored"));
        }
        let answer = phone.approve_showing(&challenge, Vec::new(), None);
        let counter = world.gateway.store().count_work().await.expect("counted");
        let response = phone.send_answer(&world, challenge.id(), &answer).await;
        assert_eq!(response.problem(), (422, "display_mismatch".to_owned()));
        steps.push(counter.take().steps);
    }
    assert!(steps[1].abs_diff(steps[0]) < 200, "{steps:?}");
}

#[tokio::test]
async fn attack_a_device_that_renames_itself_without_pause_makes_no_evidence_too_large() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let before = approved(&world, &mut phone).await;
    let file = evidence(&world, &before).to_file();
    let (mut names, mut hours) = (0, 0);
    loop {
        let body = serde_json::json!({ "device_name": format!("Phone {names}") }).to_string();
        let response = phone.call(&world, Method::PATCH, "/push/device", Some(body.as_bytes())).await;
        match response.status {
            StatusCode::OK => names += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                hours += 1;
                assert_eq!(names, 3 * hours, "three new names an hour");
                assert!(response.headers.contains_key("retry-after"));
                let same = serde_json::json!({ "device_name": format!("Phone {}", names - 1) }).to_string();
                let same = phone.call(&world, Method::PATCH, "/push/device", Some(same.as_bytes())).await;
                assert_eq!(same.status, StatusCode::OK, "its name already");
                world.clock.advance_seconds(3600);
            }
            _ => break assert_eq!(response.problem(), (400, "invalid_request".to_owned())),
        }
        assert!(names < 100, "a device may rename itself for ever");
    }
    assert_eq!(names, 63, "with the first, as many statements as evidence has room for");
    assert_eq!(evidence(&world, &before).to_file(), file, "what was approved before is proven as before");
    let after = approved(&world, &mut phone).await;
    let after = evidence(&world, &after);
    assert_eq!((after.statements.len(), phone.statements.len()), (64, 64));
    let after = Evidence::from_file(after.to_file().as_bytes()).expect("small enough");
    assert!(after.verify(None).expect("consistent").is_approved());
}

async fn approved(world: &World, phone: &mut TestDevice) -> ApprovalId {
    let accepted = asked(world).await;
    let challenge = phone.next_challenge(world).await;
    let answer = phone.approve(&challenge, None);
    phone.settle(world, &challenge, &answer).await;
    accepted.approval
}

/// The evidence in the gateway's record, of the device whose answer decided.
fn evidence(world: &World, approval: &ApprovalId) -> Evidence {
    let records = world.gateway.challenge_records(approval).expect("records");
    records.into_iter().find(|record| record.decided).expect("one decided").evidence
}
