//! Texts of the demo in a terminal.

use countersign_device::view::ChallengeView;
use serde_json::Value;

use super::demo_device::DemoDevice;
use super::demo_state::DemoState;
use super::flow_record::FlowRecord;
use super::scenarios::{Place, SCENARIOS, Scenario};
use crate::output::Paint;

/// The keys under a request.
pub const CHOICES: &str = "\n  a  Approve     d  Deny     n  This wasn't me\n> ";

/// Minutes for which the provider holds a client's requests after "this wasn't me".
const HELD_MINUTES: u32 = 15;

/// Heading: the processes and their addresses. `window` says what is to come of the app's.
pub fn welcome(state: &DemoState, pages: &str, window: &str, paint: Paint) -> String {
    let again = if state.continues { ", continued" } else { "" };
    format!(
        "{}{again}\n\n  \
         Provider  Acme ID, {} (a process of its own)\n  \
         Pages     {pages} in your browser: a till, a call centre, a bike station, an AI agent (or the keys below)\n  \
         Device    this terminal: you are Alice{window}\n  \
         State     {}\n",
        paint.bold("Countersign demo"),
        state.issuer,
        state.folder().display()
    )
}

/// The menu, displayed when no request is pending.
pub fn menu(has_result: bool, paint: Paint) -> String {
    let mut out = format!("\n{}", paint.bold("Who asks?"));
    for scenario in &SCENARIOS {
        let amount = scenario.amount.unwrap_or_default();
        out += format!("\n  {}  {:<42}{amount:>9}", scenario.key, scenario.title).trim_end();
    }
    if has_result {
        out += "\n  w  What happened?";
    }
    out + "\n  q  Quit\nType a key, then Enter."
}

/// The client's screen with the number to type.
pub fn number(scenario: &Scenario, number: &str, paint: Paint) -> String {
    let (first, second) = number.split_at_checked(3).unwrap_or((number, ""));
    let screen = match scenario.place {
        // Not on the agent's screen: a caller who impersonates Alice could ask the agent for it.
        Place::Support => "Alice's own page at Acme".to_owned(),
        _ => format!("The screen of {}", scenario.client),
    };
    format!("{screen} shows:   {}", paint.bold(format!("{first} {second}").trim()))
}

/// A request, with a heading that sets it apart from the menu.
pub fn on_the_device(request: &str, paint: Paint) -> String {
    format!("\n{}\n{request}", paint.dim("── Alice's device ─────────────────────────────"))
}

/// The client's screen after the request ended.
pub fn receipt(record: &FlowRecord, alice: &DemoDevice, paint: Paint) -> String {
    let client = record.scenario.client;
    let Some((_, result)) = &record.result else { return String::new() };
    if result["event"] == "tokens" {
        let amount = record.scenario.amount.map(|amount| format!(", {amount}")).unwrap_or_default();
        let done = format!("{}{amount}", record.scenario.done);
        let after =
            record.receipt_after(&alice.sent_answers).map(|after| format!("; tokens {after} ms after it was sent"));
        let after = after.unwrap_or_default();
        return format!(
            "{} {}. Released by Alice's signature{after}.",
            paint.bold(&format!("{client}:")),
            paint.green(&done)
        );
    }
    let text = |name: &str| result.get(name).and_then(Value::as_str).map(countersign_protocol::text::escape);
    let why = text("denial_reason").or_else(|| text("error")).unwrap_or_default();
    let said = text("error_description").or_else(|| text("message")).unwrap_or_default();
    format!("{} no tokens: {said} ({why}).", paint.bold(&format!("{client}:")))
}

/// The effect of "this wasn't me".
pub fn not_me(view: &ChallengeView, alice: &DemoDevice) -> String {
    let client = countersign_protocol::text::escape(&view.client.name);
    let mut out =
        format!("Requests of {client} to you are held for {HELD_MINUTES} minutes: listed, without a notification.");
    if let Some(phone) = alice.account.support.as_ref().and_then(|support| support.phone.as_deref()) {
        let provider = countersign_protocol::text::escape(&view.provider.name);
        out += &format!(" If you are worried, call {provider}: {}", countersign_protocol::text::escape(phone));
    }
    out
}

/// How to export and verify the evidence.
pub fn evidence(view: &ChallengeView, state: &DemoState, paint: Paint) -> String {
    let folder = state.folder().display();
    // As it was typed: it may not be on PATH.
    let program = std::env::args().next().unwrap_or_else(|| "countersign".to_owned());
    let hint = format!(
        "Everything signed is evidence. After you quit, anyone can verify it offline:\n  \
         {program} evidence {} --home {folder}/device > evidence.json\n  \
         {program} verify evidence.json --trust {folder}/trust.json",
        view.id
    );
    format!("\n{}", paint.dim(&hint))
}

/// The state of another issuer or build was in the demo's folder.
pub fn started_anew(aside: &std::path::Path) -> String {
    format!("This demo was started anew; the earlier state is in {}.", aside.display())
}

/// Printed at the end: where the state is.
pub fn farewell(state: &DemoState) -> String {
    format!(
        "\nStopped. The state is in {}; the same command continues from it, with --fresh it starts over.",
        state.folder().display()
    )
}
