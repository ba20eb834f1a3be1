//! Which interaction a request gets: what the client asks, client, devices and policy can agree on. Nobody lowers it.

use countersign_protocol::interaction::InteractionType;
use countersign_protocol::kind::Kind;

use crate::request::{Interactions, RequestRefused};
use crate::store::devices::Device;

/// The effective interaction. With `raised` (a request that is held) it asks for a number wherever client and devices can.
pub(crate) fn effective(
    interactions: &Interactions,
    kind: Kind,
    raised: bool,
    devices: &[Device],
) -> Result<InteractionType, RequestRefused> {
    let client_can = |one: InteractionType| one == InteractionType::Boolean || interactions.client_can.contains(&one);
    let every_device_can = |one: InteractionType| devices.iter().all(|device| device.interaction_types.contains(&one));
    let strongest_shared = InteractionType::ALL
        .into_iter()
        .rev()
        .find(|one| client_can(*one) && every_device_can(*one))
        .unwrap_or(InteractionType::Boolean);

    // Admitting a device always takes a number: nobody does that by a tap.
    let minimum = match kind {
        Kind::Device => interactions.minimum.max(InteractionType::NumberChoose),
        _ => interactions.minimum,
    };
    let wanted = match (interactions.asked, interactions.told) {
        (Some(InteractionType::Unknown), _) => {
            return Err(RequestRefused::InteractionBeyondClient(InteractionType::Unknown));
        }
        (Some(asked), _) => asked,
        // The client shows that number or none that counts: nothing in between would match what is on its screen.
        (None, Some(told)) if every_device_can(told) || minimum > InteractionType::Boolean => told,
        (None, Some(_)) => InteractionType::Boolean,
        (None, None) if kind == Kind::Payment && !interactions.number_wanted => minimum,
        (None, None) => strongest_shared,
    };
    if wanted < minimum {
        return Err(RequestRefused::InteractionBelowMinimum { asked: wanted, minimum });
    }
    if !client_can(wanted) {
        return Err(RequestRefused::InteractionBeyondClient(wanted));
    }
    if !devices.iter().any(|device| device.interaction_types.contains(&wanted)) {
        return Err(RequestRefused::InteractionBeyondDevices(wanted));
    }
    // A number that the client does not show can't be asked for, and showing it would tell the client that it is held.
    Ok(if raised && interactions.told.is_none() { wanted.max(strongest_shared) } else { wanted })
}
