//! The interaction of a request: what client, devices and policy agree on. A client's choice is never lowered.

use countersign_protocol::interaction::InteractionType;
use countersign_protocol::kind::Kind;

use crate::request::{AcceptError, InteractionPolicy};
use crate::store::devices::Device;

/// The effective interaction. With `raised` (a request that is held) it asks for a number wherever client and devices can.
pub(crate) fn effective(
    policy: &InteractionPolicy,
    kind: Kind,
    raised: bool,
    devices: &[Device],
) -> Result<InteractionType, AcceptError> {
    let client_can = |one: InteractionType| one == InteractionType::Boolean || policy.client_supported.contains(&one);
    let every_device_can = |one: InteractionType| devices.iter().all(|device| device.interaction_types.contains(&one));
    let strongest_shared = InteractionType::ALL
        .into_iter()
        .rev()
        .find(|one| client_can(*one) && every_device_can(*one))
        .unwrap_or(InteractionType::Boolean);

    // Admitting a device always takes a number, never a tap.
    let minimum = match kind {
        Kind::Device => policy.minimum.max(InteractionType::NumberChoose),
        _ => policy.minimum,
    };
    let wanted = match (policy.requested, policy.disclosed) {
        (Some(InteractionType::Unknown), _) => {
            return Err(AcceptError::InteractionBeyondClient(InteractionType::Unknown));
        }
        (Some(asked), _) => asked,
        // The client shows that number or none that counts: nothing in between would match what is on its screen.
        (None, Some(told)) if every_device_can(told) || minimum > InteractionType::Boolean => told,
        (None, Some(_)) => InteractionType::Boolean,
        (None, None) if kind == Kind::Payment && !policy.number_preferred => minimum,
        (None, None) => strongest_shared,
    };
    if wanted < minimum {
        return Err(AcceptError::InteractionBelowMinimum { asked: wanted, minimum });
    }
    if !client_can(wanted) {
        return Err(AcceptError::InteractionBeyondClient(wanted));
    }
    if !devices.iter().any(|device| device.interaction_types.contains(&wanted)) {
        return Err(AcceptError::InteractionBeyondDevices(wanted));
    }
    // A number that the client does not show can't be asked for, and showing it would tell the client that it is held.
    Ok(if raised && policy.disclosed.is_none() { wanted.max(strongest_shared) } else { wanted })
}
