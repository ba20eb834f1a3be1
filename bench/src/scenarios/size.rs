//! Cost of a flow with few and with many enrolled devices and expired requests: two providers measured in alternation, compared by
//! CPU time per flow.

use crate::failure::Failure;
use crate::load::closed_loop;
use crate::plan::Plan;
use crate::provider_child::ProviderChild;
use crate::report::Figure;
use crate::scenarios::with_device;

/// Users with a device that run flows.
const ACTIVE: usize = 8;
/// Further devices in the small provider: ten in all.
const FEW: usize = 2;
/// Factor of windows over other measurements: on a shared machine a few windows can't resolve ten percent.
const MORE_ROUNDS: usize = 3;

const WHAT: &str = "complete flow with the device, as with_device";

/// Runs the measurement.
///
/// # Errors
/// [`Failure`] when a provider doesn't start or a flow fails.
pub async fn measure(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let small = start(FEW, 0)?;
    let large = start(plan.devices.max(1), plan.expired)?;
    let mut sides = Vec::new();
    for (provider, name) in [(&small, "size_small"), (&large, "size_large")] {
        sides.push((provider.id(), with_device::pairs(provider).await?, Figure::new(name, WHAT, ACTIVE)));
    }
    for _ in 0..plan.rounds * MORE_ROUNDS {
        for (provider, pairs, figure) in &mut sides {
            let active = std::mem::take(pairs);
            let (idle, window) = closed_loop(active, *provider, plan.warm_up, plan.window / 2).await?;
            *pairs = idle;
            figure.windows.push(window);
        }
    }
    let mut figures: Vec<Figure> = sides.into_iter().map(|(_, _, figure)| figure).collect();
    let cost = |figure: &Figure| figure.median(|window| window.provider_cpu_us_per_flow);
    let ratio = cost(&figures[1]) / cost(&figures[0]);
    figures[0].notes.push(format!("{} devices enrolled, nothing expired", ACTIVE + FEW));
    figures[1].notes.push(format!(
        "{} devices enrolled, {} expired requests behind; the provider's CPU time per flow is {ratio:.2} × that of size_small",
        ACTIVE + plan.devices,
        plan.expired,
    ));
    Ok(figures)
}

fn start(enrolled: usize, expired: usize) -> Result<ProviderChild, Failure> {
    let arguments = [("--devices", ACTIVE), ("--enrolled", enrolled), ("--expired", expired)];
    let arguments = arguments.iter().flat_map(|(name, count)| [(*name).to_owned(), count.to_string()]);
    ProviderChild::start(&std::iter::once("provider".to_owned()).chain(arguments).collect::<Vec<_>>())
}
