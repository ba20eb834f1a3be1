//! Requests, answers and outcomes: every way an approval can end, and the outcome that each device receives.

use std::time::Duration;

use axum::http::StatusCode;
use countersign_gateway::{AcceptError, InteractionError, NotRedeemable, Verdict};
use countersign_jose::clock::{Clock as _, Timestamp};
use countersign_protocol::answer::{Answer, DenialReason};
use countersign_protocol::challenge::ContextSource;
use countersign_protocol::details::Details;
use countersign_protocol::fetch::Receipt;
use countersign_protocol::interaction::{InteractionType, UserVerification};
use countersign_protocol::jws::Compact;
use countersign_protocol::kind::Kind;
use countersign_protocol::outcome::Ending;
use countersign_protocol::problem::Problem;
use countersign_protocol::registration::DeviceClass;
use countersign_protocol::text::TextError;
use countersign_store::Error;
use countersign_testing_gateway::{DeviceCalls as _, World, counter, payment};

#[tokio::test]
async fn a_payment_is_requested_shown_approved_and_redeemable() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let mut request = world.request();
    let details = payment("80.00");
    request.authorization_details = Some(details.clone());
    let accepted = world.accept(request).await.expect("accepted");
    assert_eq!(
        (accepted.interaction, accepted.interaction_value, accepted.held),
        (InteractionType::Boolean, None, false)
    );
    assert_eq!(world.verdict(&accepted.approval), Verdict::Pending);

    let challenge = phone.next_challenge(&world).await;
    let claims = challenge.claims();
    assert_eq!(claims.kind, Kind::Payment);
    assert_eq!(claims.authorization_details_json.as_deref(), Some(details.as_str()));
    assert_eq!(claims.approval, accepted.approval);
    // 300 s less min(interval + 2 s, a fifth).
    assert_eq!(claims.exp, claims.iat + 293);

    let answer = phone.approve(&challenge, None);
    let outcome = phone.settle(&world, &challenge, &answer).await;
    assert_eq!(outcome.ending(), Ending::Approved);
    assert_eq!(outcome.claims().enrollment_hash, *phone.enrollment().current().1);

    let Verdict::Approved(approval) = world.verdict(&accepted.approval) else { panic!("approved") };
    assert_eq!(signed(&approval).answer_hash, answer.hash());
    assert_eq!(signed(&approval).challenge_hash, *challenge.hash());
    assert_eq!(approval.details_hash, Some(details.hash()));
    assert_eq!(signed(&approval).amr, ["swk", "pin"]);
    assert_eq!(signed(&approval).acr, "urn:countersign:acr:verified");
    assert_eq!(signed(&approval).device_class, DeviceClass::Interactive);
    assert_eq!(signed(&approval).device_id, *phone.id());
    let again = world.gateway.store().read_blocking(|c| Ok(world.gateway.redeemable(c, &accepted.approval)));
    assert_eq!(again.expect("read").expect("redeemable"), approval);
}

#[tokio::test]
async fn a_denial_needs_only_the_transport_key_and_is_final() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let accepted = world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let denial = phone.deny(&challenge, Some(DenialReason::Mistake));
    assert_eq!(phone.settle(&world, &challenge, &denial).await.ending(), Ending::Denied);
    assert_eq!(world.verdict(&accepted.approval), Verdict::Denied { reason: Some(DenialReason::Mistake) });

    let too_late = phone.approve(&challenge, None);
    let response = phone.send_answer(&world, challenge.id(), &too_late).await;
    assert_eq!(response.problem(), (409, "approval_decided".to_owned()));
    let problem: Problem = response.json();
    let outcome = phone.verify_outcome(&challenge, Some(&denial), &problem.outcome.expect("an outcome"));
    assert_eq!(outcome.ending(), Ending::Denied);
    assert_eq!(world.verdict(&accepted.approval), Verdict::Denied { reason: Some(DenialReason::Mistake) });
}

#[tokio::test]
async fn an_answer_sent_twice_counts_once_and_gets_the_same_reply() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve(&challenge, None);
    let first = phone.send_answer(&world, challenge.id(), &answer).await;
    let second = phone.send_answer(&world, challenge.id(), &answer).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!((first.status, &first.body), (second.status, &second.body));

    // ECDSA signatures can be written in two ways; the answer stays the same one.
    let claims: Answer = answer.peek().expect("own answer");
    let signed_anew = Compact::sign(&claims, &*phone.approval).expect("signed");
    assert_ne!(signed_anew, answer, "ring draws a nonce for each signature");
    let third = phone.send_answer(&world, challenge.id(), &signed_anew).await;
    assert_eq!((third.status, &third.body), (first.status, &first.body));
}

#[tokio::test]
async fn the_other_devices_learn_which_device_answered() {
    let world = World::new();
    let (mut phone, mut tablet) = (world.enroll("Phone").await, world.enroll("Tablet").await);
    phone.pull(&world).await;
    world.ask().await;
    let (on_phone, on_tablet) = (phone.next_challenge(&world).await, tablet.next_challenge(&world).await);
    assert_ne!(on_phone.id(), on_tablet.id());
    let answer = phone.approve(&on_phone, None);
    phone.settle(&world, &on_phone, &answer).await;

    let fetched = tablet.pull(&world).await;
    assert_eq!(fetched.withdrawn.len(), 1);
    assert_eq!(fetched.withdrawn[0].id, *on_tablet.id());
    let outcome = tablet.verify_outcome(&on_tablet, None, &fetched.withdrawn[0].outcome);
    assert_eq!(outcome.ending(), Ending::AnsweredElsewhere);
    assert_eq!(outcome.claims().by.as_deref(), Some("Phone"));

    let late = tablet.deny(&on_tablet, None);
    let response = tablet.send_answer(&world, on_tablet.id(), &late).await;
    assert_eq!(response.problem(), (409, "approval_decided".to_owned()));
}

#[tokio::test]
async fn an_unanswered_request_expires_on_every_device() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let accepted = world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    world.clock.advance_seconds(292);
    assert_eq!(world.verdict(&accepted.approval), Verdict::Pending);
    world.clock.advance_seconds(1);
    assert_eq!(world.verdict(&accepted.approval), Verdict::Expired, "judged by the clock, swept or not");

    world.gateway.sweep().await.expect("swept");
    let fetched = phone.pull(&world).await;
    let outcome = phone.verify_outcome(&challenge, None, &fetched.withdrawn[0].outcome);
    assert_eq!(outcome.ending(), Ending::Expired);
    world.gateway.sweep().await.expect("swept again");
    assert!(phone.pull(&world).await.withdrawn.is_empty(), "it is told once");
}

#[tokio::test]
async fn an_answer_that_arrives_too_late_gets_410_with_the_outcome() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let accepted = world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve(&challenge, None);
    world.clock.advance_seconds(293);
    for _ in 0..2 {
        let response = phone.send_answer(&world, challenge.id(), &answer).await;
        assert_eq!(response.problem(), (410, "challenge_expired".to_owned()));
        let problem: Problem = response.json();
        let outcome = phone.verify_outcome(&challenge, Some(&answer), &problem.outcome.expect("an outcome"));
        assert_eq!(outcome.ending(), Ending::Expired);
    }
    assert_eq!(world.verdict(&accepted.approval), Verdict::Expired);
}

#[tokio::test(start_paused = true)]
async fn between_two_writes_of_many_withdrawals_there_is_a_pause_for_other_processes() {
    let world = World::new();
    let mut approvals = Vec::new();
    world.enroll("Phone").await;
    for client in 0..17 {
        approvals.push(world.ask_as(&format!("client-{client}")).await.approval);
    }
    let begun = tokio::time::Instant::now();
    assert_eq!(world.gateway.withdraw_all(approvals).await.expect("withdrawn"), 17);
    // Nothing but pauses moves this clock: two between three writes of eight.
    assert!(begun.elapsed() >= std::time::Duration::from_millis(40), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_request_that_is_withdrawn_disappears_from_every_device() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let accepted = world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let (gateway, approval) = (world.gateway.clone(), accepted.approval.clone());
    let withdraw = || {
        let (gateway, approval) = (gateway.clone(), approval.clone());
        world.gateway.store().write(move |tx| gateway.withdraw(tx, &approval))
    };
    assert!(withdraw().await.expect("withdrawn"));
    assert!(!withdraw().await.expect("nothing left to withdraw"));
    assert_eq!(world.verdict(&accepted.approval), Verdict::Cancelled);
    let fetched = phone.pull(&world).await;
    let outcome = phone.verify_outcome(&challenge, None, &fetched.withdrawn[0].outcome);
    assert_eq!(outcome.ending(), Ending::Cancelled);
}

#[tokio::test]
async fn a_request_ends_as_refused_only_when_every_device_refuses() {
    let world = World::new();
    let (mut phone, mut tablet) = (world.enroll("Phone").await, world.enroll("Tablet").await);
    phone.pull(&world).await;
    let accepted = world.ask().await;
    let (on_phone, on_tablet) = (phone.next_challenge(&world).await, tablet.next_challenge(&world).await);

    let first: Receipt = phone.refuse(&world, &on_phone).await.json();
    assert_eq!(first.outcome, None);
    assert_eq!(world.verdict(&accepted.approval), Verdict::Pending);
    let last: Receipt = tablet.refuse(&world, &on_tablet).await.json();
    let outcome = tablet.verify_outcome(&on_tablet, None, &last.outcome.expect("an outcome"));
    assert_eq!(outcome.ending(), Ending::Refused);
    assert_eq!(world.verdict(&accepted.approval), Verdict::Refused);
    let again: Receipt = phone.refuse(&world, &on_phone).await.json();
    assert!(again.outcome.is_some(), "a refusal sent again is answered with the outcome");
}

#[tokio::test]
async fn a_dispute_adds_a_second_statement_and_forbids_redemption() {
    let world = World::new();
    let (mut phone, mut tablet) = (world.enroll("Phone").await, world.enroll("Tablet").await);
    phone.pull(&world).await;
    let accepted = world.ask().await;
    let (on_phone, on_tablet) = (phone.next_challenge(&world).await, tablet.next_challenge(&world).await);
    assert_eq!(phone.dispute(&world, &on_phone).await.problem().1, "invalid_message", "nothing was approved yet");
    let answer = phone.approve(&on_phone, None);
    phone.settle(&world, &on_phone, &answer).await;
    let first = tablet.pull(&world).await.withdrawn.remove(0).outcome;

    world.clock.advance_seconds(29 * 86_400);
    let received: Receipt = tablet.dispute(&world, &on_tablet).await.json();
    let second = received.outcome.expect("an outcome");
    let outcome = tablet.verify_outcome(&on_tablet, None, &second);
    assert_eq!(outcome.ending(), Ending::Disputed);
    assert_eq!(outcome.claims().replaces, Some(first.hash()));
    let Verdict::Approved(approval) = world.verdict(&accepted.approval) else { panic!("the verdict never changes") };
    assert!(approval.disputed);
    let redeemed =
        world.gateway.store().read_blocking(|c| Ok(world.gateway.redeemable(c, &accepted.approval))).expect("read");
    assert!(matches!(redeemed, Err(NotRedeemable::Disputed)));
    let told = phone.pull(&world).await.withdrawn;
    let last = told.last().expect("the phone is told");
    assert_eq!(phone.verify_outcome(&on_phone, Some(&answer), &last.outcome).ending(), Ending::Disputed);
}

#[tokio::test]
async fn after_thirty_days_nothing_can_be_disputed() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve(&challenge, None);
    phone.settle(&world, &challenge, &answer).await;
    // The credential lives as long; it is renewed on the way.
    world.clock.advance_seconds(20 * 86_400);
    phone.renew(&world).await;
    world.clock.advance_seconds(10 * 86_400 + 1);
    assert_eq!(phone.dispute(&world, &challenge).await.problem(), (400, "invalid_message".to_owned()));
}

#[tokio::test]
async fn the_right_number_approves_and_the_outcome_opens_the_commitment() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let accepted = world.ask_with_number().await;
    assert_eq!(accepted.interaction, InteractionType::InputManual);
    let value = accepted.interaction_value.expect("a number to show");
    assert!(value.len() == 6 && value.bytes().all(|b| b.is_ascii_digit()));
    let challenge = phone.next_challenge(&world).await;
    let answer = phone.approve(&challenge, Some(&value));
    let outcome = phone.settle(&world, &challenge, &answer).await;
    assert_eq!(outcome.claims().opening.as_ref().map(|o| o.value.as_str()), Some(value.as_str()));
    let Verdict::Approved(approval) = world.verdict(&accepted.approval) else { panic!("approved") };
    assert_eq!(signed(&approval).acr, "urn:countersign:acr:number-verified");
}

#[tokio::test]
async fn an_automated_device_answers_and_the_approval_says_so() {
    let world = World::new();
    let mut robot = world.enroll_automated("Robot").await;
    let accepted = world.ask().await;
    let challenge = robot.next_challenge(&world).await;
    let answer = robot.approve(&challenge, None);
    robot.settle(&world, &challenge, &answer).await;
    let Verdict::Approved(approval) = world.verdict(&accepted.approval) else { panic!("approved") };
    assert_eq!(signed(&approval).amr, ["swk"]);
    assert_eq!(signed(&approval).acr, "urn:countersign:acr:automated");
    assert_eq!(signed(&approval).device_class, DeviceClass::Automated);
}

#[tokio::test]
async fn without_verification_the_transport_key_approves_only_where_it_is_discouraged() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    for (wanted, status) in [(UserVerification::Required, 400), (UserVerification::Discouraged, 200)] {
        let mut request = world.request();
        request.user_verification = wanted;
        let accepted = world.accept(request).await.expect("accepted");
        let challenge = phone.next_challenge(&world).await;
        let mut claims: Answer = phone.approve(&challenge, None).peek().expect("own answer");
        claims.amr = vec!["swk".to_owned(), "pin".to_owned()];
        let answer = Compact::sign(&claims, &*phone.transport).expect("signed");
        let response = phone.send_answer(&world, challenge.id(), &answer).await;
        assert_eq!(response.status.as_u16(), status, "{wanted:?}");
        if let Verdict::Approved(approval) = world.verdict(&accepted.approval) {
            assert_eq!(signed(&approval).amr, ["swk"], "the transport key vouches for nobody");
            assert_eq!(signed(&approval).acr, "urn:countersign:acr:tap");
        }
    }
}

#[tokio::test]
async fn a_verification_from_before_the_request_does_not_count() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let good: Answer = phone.approve(&challenge, None).peek().expect("own answer");
    let now = world.clock.now().seconds();
    for (uv_at, amr) in [(Some(now - 1000), vec!["swk", "pin"]), (None, vec!["swk", "pin"]), (Some(now), vec!["hwk"])] {
        let amr: Vec<String> = amr.into_iter().map(str::to_owned).collect();
        let claims = Answer { uv_at, amr, ..good.clone() };
        let answer = Compact::sign(&claims, &*phone.approval).expect("signed");
        let response = phone.send_answer(&world, challenge.id(), &answer).await;
        assert_eq!(response.problem(), (400, "invalid_answer".to_owned()));
    }
    let answer = Compact::sign(&good, &*phone.approval).expect("signed");
    assert_eq!(phone.settle(&world, &challenge, &answer).await.ending(), Ending::Approved);
}

#[tokio::test]
async fn when_the_person_was_verified_is_bounded_by_the_gateways_clock_whatever_the_device_says_of_its_own() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    world.clock.advance_seconds(4000);
    for wanted in [UserVerification::Preferred, UserVerification::Discouraged] {
        let mut request = world.request();
        request.user_verification = wanted;
        world.accept(request).await.expect("accepted");
        let challenge = phone.next_challenge(&world).await;
        let now = world.clock.now().seconds();
        let good: Answer = phone.approve(&challenge, None).peek().expect("own answer");
        let verified_at = |uv_at: u64, iat: u64| {
            let amr = vec!["swk".to_owned(), "pin".to_owned()];
            let claims = Answer { uv_at: Some(uv_at), iat, amr, ..good.clone() };
            Compact::sign(&claims, &*phone.approval).expect("signed")
        };
        // An old verification under a clock that stands still, one before the device was enrolled, one of the future.
        for (uv_at, iat) in [(now - 3000, now - 3000), (now - 4200, now - 4200), (now + 3000, now + 3000)] {
            let response = phone.send_answer(&world, challenge.id(), &verified_at(uv_at, iat)).await;
            assert_eq!(response.problem(), (400, "invalid_answer".to_owned()), "{wanted:?}: {uv_at} {iat}, now {now}");
        }
        let answer = verified_at(now - 290, now - 1);
        assert_eq!(phone.settle(&world, &challenge, &answer).await.ending(), Ending::Approved, "{wanted:?}");
        world.clock.advance_seconds(600);
        let again = phone.send_answer(&world, challenge.id(), &answer).await;
        assert_eq!(again.status.as_u16(), 200, "the same bytes, sent again after their reply was lost");
        world.clock.advance_seconds(1000);
    }
}

#[tokio::test]
async fn the_interaction_is_the_strongest_that_all_can_and_never_below_the_minimum() {
    use InteractionType::{Boolean, InputManual, NumberChoose};
    let world = World::new();
    world.enroll("Phone").await;
    let effective = async |asked, client_can: &[InteractionType], minimum, pays: bool| {
        let mut request = world.request();
        request.client.id = format!("client-{}", counter());
        request.interaction_policy.requested = asked;
        request.interaction_policy.client_supported = client_can.to_vec();
        request.interaction_policy.minimum = minimum;
        request.authorization_details = pays.then(|| payment("1.00"));
        world.accept(request).await.map(|accepted| accepted.interaction)
    };
    let all = InteractionType::ALL;
    assert_eq!(effective(None, &[], Boolean, false).await.ok(), Some(Boolean), "a client that shows no number");
    assert_eq!(effective(None, &all, Boolean, false).await.ok(), Some(InputManual));
    assert_eq!(effective(None, &[NumberChoose], Boolean, false).await.ok(), Some(NumberChoose));
    assert_eq!(effective(None, &all, Boolean, true).await.ok(), Some(Boolean), "payments default to a tap");
    assert_eq!(effective(Some(NumberChoose), &all, Boolean, true).await.ok(), Some(NumberChoose));
    assert!(matches!(
        effective(Some(Boolean), &all, NumberChoose, false).await,
        Err(AcceptError::Interaction(InteractionError::BelowMinimum { requested: Boolean, minimum: NumberChoose }))
    ));
    assert!(matches!(
        effective(Some(InputManual), &[], Boolean, false).await,
        Err(AcceptError::Interaction(InteractionError::BeyondClient(InputManual)))
    ));
    assert!(matches!(
        effective(None, &[], InputManual, false).await,
        Err(AcceptError::Interaction(InteractionError::BelowMinimum { .. }))
    ));
}

#[tokio::test]
async fn admitting_a_device_always_takes_a_number_and_verification() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let mut request = world.request();
    let details = r#"[{"type":"urn:countersign:device","name":"Tablet"}]"#;
    request.authorization_details = Some(Details::parse(details).expect("sound details"));
    request.user_verification = UserVerification::Discouraged;
    let tap = world.accept(request.clone()).await;
    assert!(matches!(tap, Err(AcceptError::Interaction(InteractionError::BelowMinimum { .. }))));
    request.interaction_policy.client_supported = vec![InteractionType::NumberChoose];
    let accepted = world.accept(request).await.expect("accepted");
    assert_eq!(accepted.interaction, InteractionType::NumberChoose);
    let challenge = phone.next_challenge(&world).await;
    assert_eq!(challenge.claims().kind, Kind::Device);
    assert_eq!(challenge.claims().user_verification, UserVerification::Required);
}

#[tokio::test]
async fn a_request_that_cannot_be_shown_is_refused_before_any_device_is_asked() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let mut request = world.request();
    request.binding_message = Some("Pay \u{202e}00.08€".to_owned());
    assert!(matches!(world.accept(request).await, Err(AcceptError::BindingMessage(TextError::Bidi(_)))));
    let mut request = world.request();
    request.client.name = "Acme\u{200b}".to_owned();
    assert!(matches!(world.accept(request).await, Err(AcceptError::Text { .. })));
    let mut request = world.request();
    let value = "x".repeat(900);
    for n in 0..14 {
        let value =
            countersign_protocol::challenge::ContextValue { value: value.clone(), source: ContextSource::Client };
        request.context.insert(format!("member {n}"), value);
    }
    assert!(matches!(world.accept(request).await, Err(AcceptError::TooLarge)));
    assert!(phone.pull(&world).await.challenges.is_empty());
}

#[tokio::test]
async fn a_user_without_devices_and_one_whose_devices_are_revoked_are_distinguished() {
    let world = World::new();
    assert!(matches!(world.accept(world.request()).await, Err(AcceptError::NoDevice)));
    let phone = world.enroll("Phone").await;
    let by = countersign_protocol::revocation::RevokedBy::Operator;
    world.gateway.revoke_device(phone.id(), by).await.expect("revoked");
    assert!(matches!(world.accept(world.request()).await, Err(AcceptError::DevicesRevoked)));
}

#[tokio::test]
async fn request_and_callers_rows_commit_or_roll_back_together() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let (gateway, request) = (world.gateway.clone(), world.request());
    let undone = world.gateway.store().write(move |tx| -> Result<(), Error> {
        gateway.accept(tx, &request).expect("accepted");
        Err(Error::MissingRow) // the caller's own part failed
    });
    assert!(undone.await.is_err());
    assert!(phone.pull(&world).await.challenges.is_empty());
}

#[tokio::test]
async fn a_caller_that_waits_for_a_verdict_gets_it_at_once() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let accepted = world.ask().await;
    let challenge = phone.next_challenge(&world).await;
    let denial = phone.deny(&challenge, None);
    let began = std::time::Instant::now();
    let (waited, ()) =
        tokio::join!(world.gateway.verdict_changed(&accepted.approval, Duration::from_secs(25)), async {
            world.until_somebody_waits().await;
            // A commit about another approval is no verdict: the wait goes on.
            world.gateway.store().notifier().notify_all();
            phone.settle(&world, &challenge, &denial).await;
        });
    waited.expect("waited");
    assert_eq!(world.verdict(&accepted.approval), Verdict::Denied { reason: None });
    assert!(began.elapsed() < Duration::from_secs(20), "not the whole wait");
}

#[tokio::test]
async fn a_short_request_leaves_time_for_the_last_poll() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let mut request = world.request();
    request.ttl_seconds = 10;
    let accepted = world.accept(request).await.expect("accepted");
    assert_eq!(accepted.expires_at, Timestamp::from_seconds(world.clock.now().seconds() + 10));
    let challenge = phone.next_challenge(&world).await;
    assert_eq!(challenge.claims().exp, world.clock.now().seconds() + 8, "a fifth of its life");
}

/// What the device signed.
fn signed(approval: &countersign_gateway::Approval) -> &countersign_gateway::SignedAnswer {
    approval.signed.as_ref().expect("a device approved")
}
