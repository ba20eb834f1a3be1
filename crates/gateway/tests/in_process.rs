//! Approvals without a device: only with an approver passed in, only for its users, and never as if a device had signed.
#![expect(clippy::disallowed_methods, reason = "this is the test of it")]

use std::sync::Arc;

use countersign_gateway::{
    AcceptError, AcceptedRequest, ApprovalRequest, Gateway, InProcessApprover, InteractionError, Keys, NoopSink,
    NotRedeemable, Ports, Settings, Verdict,
};
use countersign_protocol::id::Subject;
use countersign_protocol::interaction::InteractionType;
use countersign_testing_gateway::{DeviceCalls as _, World, issuer};

struct Auto;

impl InProcessApprover for Auto {
    fn approves(&self, subject: &Subject) -> bool {
        subject.as_str() == "auto0"
    }
}

/// A gateway over the world's files that approves for `auto0`.
fn approving(world: &World) -> Gateway {
    let store = countersign_testing_gateway::open_store(world.home.path(), &world.random);
    let keys = Keys::load_or_create(&world.home.path().join("keys"), &*world.random).expect("keys");
    let ports = Ports { clock: world.clock.clone(), random: world.random.clone() };
    let settings = Settings::new(issuer(), world.gateway.settings().mode);
    Gateway::open_with_approver(settings, store, keys, ports, Arc::new(NoopSink), Arc::new(Auto))
        .expect("the gateway opens")
}

async fn accept(gateway: &Gateway, request: ApprovalRequest) -> Result<AcceptedRequest, AcceptError> {
    let inside = gateway.clone();
    gateway.store().write(move |tx| inside.accept(tx, &request)).await
}

fn about_auto(world: &World) -> ApprovalRequest {
    ApprovalRequest { subject: "auto0".parse().expect("a subject"), ..world.request() }
}

#[tokio::test]
async fn an_approval_without_a_device_is_decided_once_and_signed_by_nobody() {
    let world = World::new();
    let gateway = approving(&world);
    let accepted = accept(&gateway, about_auto(&world)).await.expect("accepted");
    let redeemable = gateway.store().read_blocking(|connection| Ok(gateway.redeemable(connection, &accepted.approval)));
    let approval = redeemable.expect("read").expect("redeemable");
    assert_eq!((&approval.id, &approval.signed), (&accepted.approval, &None));
    let id = accepted.approval.clone();
    let inside = gateway.clone();
    let withdrawn = gateway.store().write(move |tx| inside.withdraw(tx, &id)).await;
    assert!(!withdrawn.expect("written"), "it has its verdict already");
}

#[tokio::test]
async fn other_users_are_asked_on_their_devices() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let gateway = approving(&world);
    let refused = accept(&gateway, ApprovalRequest { subject: "auto1".parse().unwrap(), ..world.request() }).await;
    assert!(matches!(refused, Err(AcceptError::NoDevice)), "{refused:?}");
    let accepted = accept(&gateway, world.request()).await.expect("accepted");
    let verdict = gateway.store().read_blocking(|connection| gateway.verdict(connection, &accepted.approval));
    assert_eq!(verdict.expect("read"), Verdict::Pending);
    assert_eq!(phone.next_challenge(&world).await.claims().approval, accepted.approval);
}

#[tokio::test]
async fn an_in_process_approval_is_void_without_the_approver() {
    let world = World::new();
    let accepted = accept(&approving(&world), about_auto(&world)).await.expect("accepted");
    assert_eq!(world.verdict(&accepted.approval), Verdict::Cancelled);
    let redeemable = world.gateway.store().read_blocking(|c| Ok(world.gateway.redeemable(c, &accepted.approval)));
    assert!(matches!(redeemable.expect("read"), Err(NotRedeemable::NotApproved)));
    let refused = accept(&world.gateway, about_auto(&world)).await;
    assert!(matches!(refused, Err(AcceptError::NoDevice)), "the gateway of everybody asks devices: {refused:?}");
}

#[tokio::test]
async fn what_needs_a_number_is_not_approved_without_a_device() {
    let world = World::new();
    let gateway = approving(&world);
    let mut asked = about_auto(&world);
    asked.interaction_policy.requested = Some(InteractionType::InputManual);
    asked.interaction_policy.client_supported = vec![InteractionType::InputManual];
    let mut policy = about_auto(&world);
    policy.interaction_policy.minimum = InteractionType::NumberChoose;
    let beyond = InteractionError::BeyondDevices(InteractionType::InputManual);
    let (requested, minimum) = (InteractionType::Boolean, InteractionType::NumberChoose);
    let below = InteractionError::BelowMinimum { requested, minimum };
    for (request, expected) in [(asked, beyond), (policy, below)] {
        let refused = accept(&gateway, request).await;
        assert!(matches!(refused, Err(AcceptError::Interaction(error)) if error == expected), "{refused:?}");
    }
}
