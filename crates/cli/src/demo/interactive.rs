//! The demo in a terminal: Alice's device, and a menu of the clients that ask her.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use countersign_device::error::AnswerError;
use countersign_device::view::ChallengeView;
use countersign_device::{Decision, DeviceEvent, Events};
use countersign_protocol::answer::DenialReason;
use countersign_protocol::interaction::InteractionType;

use super::client_processes::{ClientHandle, ClientMessage, ClientProcesses};
use super::demo_device::{self, DemoDevice};
use super::demo_state::DemoState;
use super::flow_record::{FlowRecord, STEPS};
use super::scenarios::{SCENARIOS, Scenario};
use super::terminal_text;
use super::web::PageServer;
use crate::commands::answer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::pin_pad::PinPad;
use crate::stdin_lines::StdinLines;
use crate::{device_event_text, request_text};

/// Runs until the person quits.
///
/// # Errors
/// The device does not open, or standard output is closed.
pub async fn play(state: &DemoState, web: &PageServer, output: Output) -> Result<Exit, Failure> {
    output.message(&terminal_text::welcome(state, &web.url, web.window_announcement(), output.paint()))?;
    let alice = demo_device::open(state, &state.path("device"), &PinPad::Terminal, output).await?;
    let events = alice.device.run().await;
    let mut session = Session {
        state,
        alice,
        output,
        clients: ClientProcesses::new(),
        running: Vec::new(),
        records: Vec::new(),
        waiting: VecDeque::new(),
        current: None,
    };
    session.run(events).await?;
    output.message(&terminal_text::farewell(state))?;
    Ok(Exit::Ok)
}

/// Switches the terminal's echo on again, in case a PIN prompt was interrupted.
pub fn restore() {
    if io::stdin().is_terminal() {
        let stty = std::process::Command::new("stty").arg("echo").stderr(Stdio::null()).status();
        if let Err(error) = stty {
            tracing::debug!(%error, "the terminal's echo could not be restored");
        }
    }
}

/// The session: device, clients, and the state of each request.
struct Session<'a> {
    state: &'a DemoState,
    alice: DemoDevice,
    output: Output,
    clients: ClientProcesses,
    /// Kept so that client processes run as long as the demo.
    running: Vec<ClientHandle>,
    /// One per request, by number.
    records: Vec<FlowRecord>,
    /// Requests that are not displayed yet.
    waiting: VecDeque<ChallengeView>,
    /// The displayed request.
    current: Option<CurrentRequest>,
}

struct CurrentRequest {
    view: ChallengeView,
    shown_at: Instant,
    wants_number: bool,
}

/// Whether to go on after a line of input.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Quit,
}

impl Session<'_> {
    async fn run(&mut self, mut events: Events) -> Result<(), Failure> {
        let mut lines = StdinLines::start();
        self.menu()?;
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => self.on_device_event(event)?,
                    None => return Ok(()),
                },
                Some(message) = self.clients.messages.recv() => self.on_client_message(message)?,
                line = lines.next() => match line {
                    Some(line) if self.on_line(line.trim()).await? == Next::GoOn => {}
                    _ => return Ok(()),
                },
            }
            self.show_next().await?;
        }
    }

    fn menu(&self) -> Result<(), Failure> {
        let has_result = self.records.iter().any(|record| record.result.is_some());
        self.output.message(&terminal_text::menu(has_result, self.output.paint()))?;
        self.output.prompt("> ")
    }

    fn on_device_event(&mut self, event: DeviceEvent) -> Result<(), Failure> {
        match event {
            DeviceEvent::Challenge(view) => {
                let at = Instant::now();
                if let Some(record) = self.record_of(&view) {
                    record.challenge = Some((at, (*view).clone()));
                }
                self.waiting.push_back(*view);
            }
            DeviceEvent::Ended { id, outcome, .. } => {
                self.waiting.retain(|view| view.id != id);
                if let Some(current) = self.current.take_if(|current| current.view.id == id) {
                    let how = outcome.map_or("unknown to the provider", request_text::ending);
                    self.output.message(&format!("\nThis request is over: {how}."))?;
                    // For a request of this demo the client prints how it ended.
                    if self.record_of(&current.view).is_none() {
                        self.menu()?;
                    }
                }
            }
            DeviceEvent::Offline { since, why, .. } => {
                self.output.message(&device_event_text::offline(&self.alice.account.issuer.host(), since, why))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The record of a request; `None` for one that another program sent.
    fn record_of(&mut self, view: &ChallengeView) -> Option<&mut FlowRecord> {
        self.records.iter_mut().find(|record| {
            record.challenge.as_ref().is_none_or(|(_, known)| known.id == view.id)
                && record.result.is_none()
                && view.client.id == record.scenario.client_id
                && view.binding_message.as_deref() == Some(record.scenario.message)
        })
    }

    fn on_client_message(&mut self, message: ClientMessage) -> Result<(), Failure> {
        let paint = self.output.paint();
        let Some(record) = self.records.get_mut(message.number) else { return Ok(()) };
        match message.line {
            Some(line) if line["event"] == "acknowledged" => {
                if let Some(number) = line["interaction_value"].as_str() {
                    self.output.message(&terminal_text::number(&record.scenario, number, paint))?;
                }
                record.acknowledged = Some((message.at, line));
            }
            // Whether the device has it is seen in this terminal.
            Some(line) if line["event"] == "pending" => {}
            Some(line) => {
                record.result = Some((message.at, line));
                self.output.message(&terminal_text::receipt(record, &self.alice, paint))?;
                self.menu()?;
            }
            None if record.result.is_none() => {
                self.output.message(&format!("\n{}: its process ended without a result.", record.scenario.client))?;
                self.menu()?;
            }
            None => {}
        }
        Ok(())
    }

    /// Displays the next request, once its client's own message is printed.
    async fn show_next(&mut self) -> Result<(), Failure> {
        if self.current.is_some() {
            return Ok(());
        }
        let Some(view) = self.waiting.pop_front() else { return Ok(()) };
        if self.record_of(&view).is_some_and(|record| record.acknowledged.is_none()) {
            self.waiting.push_front(view);
            return Ok(());
        }
        // As it is now: what was approved since it came is in its lines.
        let Some(view) = self.alice.device.pending().await.into_iter().find(|now| now.id == view.id) else {
            return Ok(());
        };
        let request = request_text::request(&view, self.output.paint());
        self.output.message(&terminal_text::on_the_device(&request, self.output.paint()))?;
        self.output.prompt(terminal_text::CHOICES)?;
        self.alice.device.shown(&view.id).await;
        self.current = Some(CurrentRequest { view, shown_at: Instant::now(), wants_number: false });
        Ok(())
    }

    async fn on_line(&mut self, line: &str) -> Result<Next, Failure> {
        let Some(current) = &mut self.current else { return self.on_menu_choice(line).await };
        let inert = current.shown_at.elapsed() < Duration::from_millis(current.view.inert_ms());
        let by_number = current.view.interaction.kind != InteractionType::Boolean;
        let decision = match line {
            _ if inert => {
                self.output.message("Too fast: read the request first.")?;
                None
            }
            number if current.wants_number && !number.is_empty() => {
                current.wants_number = false;
                let value = Some(number.split_whitespace().collect());
                Some(Decision::Approve { value })
            }
            "a" if by_number => {
                current.wants_number = true;
                self.output.prompt("The number on the other screen: ")?;
                return Ok(Next::GoOn);
            }
            "a" => Some(Decision::Approve { value: None }),
            "d" => Some(Decision::Deny { reason: None }),
            "n" => Some(Decision::Deny { reason: Some(DenialReason::NotMe) }),
            _ => {
                current.wants_number = false;
                self.output.message("Answer this request first: a, d or n.")?;
                None
            }
        };
        match decision {
            Some(decision) => self.answer(decision).await?,
            None => self.output.prompt(terminal_text::CHOICES)?,
        }
        Ok(Next::GoOn)
    }

    async fn answer(&mut self, decision: Decision) -> Result<(), Failure> {
        let Some(current) = self.current.take() else { return Ok(()) };
        let not_me = decision == Decision::Deny { reason: Some(DenialReason::NotMe) };
        let (view, decided) = (current.view, Instant::now());
        match self.alice.device.answer_for(&view.account, &view.id, decision, &PinPad::Terminal).await {
            Ok(answered) => {
                self.output.message(&format!("\n{}", answer::describe(&answered, self.output.paint())))?;
                if not_me {
                    self.output.message(&terminal_text::not_me(&view, &self.alice))?;
                }
                match self.record_of(&view) {
                    Some(record) => {
                        record.decided = Some(decided);
                        record.answered = Some(answered);
                    }
                    // From another program: no result follows here.
                    None => self.menu()?,
                }
            }
            Err(error @ (AnswerError::Ended | AnswerError::Expired | AnswerError::Answered)) => {
                self.output.message(&format!("\nToo late: {error}."))?;
            }
            Err(error) => {
                self.output.message(&format!("Not approved: {error}."))?;
                self.output.prompt(terminal_text::CHOICES)?;
                self.current = Some(CurrentRequest { view, wants_number: false, ..current });
            }
        }
        Ok(())
    }

    /// A line of input at the menu.
    async fn on_menu_choice(&mut self, line: &str) -> Result<Next, Failure> {
        if let Some(scenario) = SCENARIOS.iter().find(|scenario| scenario.key == line) {
            self.ask(*scenario)?;
            return Ok(Next::GoOn);
        }
        match line {
            "q" | "quit" | "exit" => return Ok(Next::Quit),
            "w" => self.print_flow().await?,
            "" => {}
            _ => self.output.message("That is not on the menu.")?,
        }
        self.menu()?;
        Ok(Next::GoOn)
    }

    fn ask(&mut self, scenario: Scenario) -> Result<(), Failure> {
        match self.clients.ask(self.state, &scenario, self.records.len()) {
            Ok(running) => {
                self.output.message(&format!("\n{} asks Acme ID to have Alice approve it …", scenario.client))?;
                self.records.push(FlowRecord::begin(scenario, &self.state.issuer, false));
                self.running.push(running);
                Ok(())
            }
            Err(failure) => self.output.message(&format!("\n{}.", failure.message)),
        }
    }

    async fn print_flow(&self) -> Result<(), Failure> {
        let Some(record) = self.records.iter().rev().find(|record| record.result.is_some()) else {
            return self.output.message("Nothing has happened yet.");
        };
        let paint = self.output.paint();
        self.output.message("")?;
        for number in 1..=STEPS {
            if let Some(step) = record.step(number, &self.alice.device, &self.alice.sent_answers, paint).await {
                self.output.message(&step)?;
            }
        }
        if let Some((_, view)) = &record.challenge {
            self.output.message(&terminal_text::evidence(view, self.state, paint))?;
        }
        Ok(())
    }
}
