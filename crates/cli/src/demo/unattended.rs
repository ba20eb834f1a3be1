//! The demo without a terminal: one approval through the same processes, printed step by step.

use std::time::Duration;

use countersign_device::{Decision, DeviceEvent};

use super::client_processes::ClientProcesses;
use super::demo_device::{self, AUTOMATED, DemoDevice};
use super::demo_state::DemoState;
use super::flow_record::{FlowRecord, STEPS};
use super::scenarios::SCENARIOS;
use crate::arguments;
use crate::device_failure;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::pin_pad::PinPad;

/// Time limit of the whole approval.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs one approval.
///
/// # Errors
/// A step failed, or the approval took longer than a minute.
pub async fn play(state: &DemoState, output: Output) -> Result<Exit, Failure> {
    let options = arguments::Pin { pin_file: Some(state.path("automated.pin")) };
    let pad = PinPad::from_options(&options)?;
    let alice = demo_device::open(state, &state.path(AUTOMATED), &pad, output).await?;
    output.message(&format!(
        "Three processes talk over TCP: the provider {}, the till of Acme Coffee, and Alice's device.\n",
        state.issuer
    ))?;
    match tokio::time::timeout(PATIENCE, approve(state, &alice, &pad, output)).await {
        Ok(result) => result,
        Err(_) => Err(Failure::provider(ErrorCode::DemoSlow, "the demo did not finish within a minute")),
    }
}

async fn approve(state: &DemoState, alice: &DemoDevice, pad: &PinPad, output: Output) -> Result<Exit, Failure> {
    let mut events = alice.device.run().await;
    let mut clients = ClientProcesses::new();
    let mut record = FlowRecord::begin(SCENARIOS[0], &state.issuer, true);
    let _client = clients.ask(state, &record.scenario, 0)?;
    let mut printed = 0;
    loop {
        while printed < STEPS
            && let Some(step) = record.step(printed + 1, &alice.device, &alice.sent_answers, output.paint()).await
        {
            output.message(&step)?;
            printed += 1;
        }
        if let Some((_, result)) = &record.result {
            return end(&record, alice, result["event"] == "tokens", output);
        }
        // Answer only once the client has its acknowledgement, so that the steps are printed in order.
        if let (Some(_), Some((_, view)), None) = (&record.acknowledged, &record.challenge, record.decided) {
            let id = view.id.clone();
            record.decided = Some(std::time::Instant::now());
            let approved = alice.device.answer(&id, Decision::Approve { value: None }, pad).await;
            record.answered = Some(approved.map_err(|error| device_failure::answer_failed(&error))?);
            continue;
        }
        tokio::select! {
            Some(event) = events.next() => {
                if let DeviceEvent::Challenge(view) = event
                    && view.binding_message.as_deref() == Some(record.scenario.message)
                {
                    alice.device.shown(&view.id).await;
                    record.challenge = Some((std::time::Instant::now(), *view));
                }
            }
            Some(message) = clients.messages.recv() => match message.line {
                Some(line) if line["event"] == "acknowledged" => record.acknowledged = Some((message.at, line)),
                Some(line) if line["event"] == "error" => {
                    return Err(Failure::provider(ErrorCode::DemoClient, line["message"].as_str().unwrap_or("the till failed")));
                }
                Some(line) if line["event"] == "pending" => {}
                Some(line) => record.result = Some((message.at, line)),
                None if record.result.is_none() => return Err(Failure::provider(ErrorCode::DemoClient, "the till ended without a result")),
                None => {}
            },
        }
    }
}

fn end(record: &FlowRecord, alice: &DemoDevice, paid: bool, output: Output) -> Result<Exit, Failure> {
    if !paid {
        return Err(Failure {
            exit: Exit::Denied,
            code: ErrorCode::DemoDenied.code(),
            message: "the till got no tokens".to_owned(),
        });
    }
    let after = record.receipt_after(&alice.sent_answers).unwrap_or_default();
    output.message(&format!(
        "\n{} € 4.20, released by the signature of Alice's device; the till had its tokens {after} ms after it was sent.",
        output.paint().green("Paid:")
    ))?;
    Ok(Exit::Ok)
}
