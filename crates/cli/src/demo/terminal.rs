//! The demo in a terminal: it is Alice's device, and beside it stands a menu of everybody who asks.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use countersign_device::error::AnswerError;
use countersign_device::view::ChallengeView;
use countersign_device::{DeviceEvent, Events, Verdict};
use countersign_protocol::answer::DenialReason;
use countersign_protocol::clock::Clock as _;
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::limits::APPROVE_INERT_MILLISECONDS;

use super::alice::{self, Alice};
use super::clients::{Clients, Running, Told};
use super::state::State;
use super::story::{Record, STEPS};
use super::web::Web;
use super::wishes::{WISHES, Wish};
use super::words;
use crate::commands::answer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lines::Lines;
use crate::output::Output;
use crate::pin::PinPad;
use crate::{device, screen};
use countersign_device::edge::system::SystemClock;

/// Plays until the person quits.
///
/// # Errors
/// The device does not open, or standard output is closed.
pub async fn play(state: &State, web: &Web, output: Output) -> Result<Exit, Failure> {
    output.words(&words::welcome(state, &web.url, output.paint()))?;
    let alice = alice::open(state, &state.path("device"), &PinPad::Terminal, output).await?;
    let events = alice.device.run().await;
    let mut table = Table {
        state,
        alice,
        output,
        clients: Clients::new(),
        running: Vec::new(),
        records: Vec::new(),
        waiting: VecDeque::new(),
        current: None,
    };
    table.run(events).await?;
    output.words(&words::farewell(state))?;
    Ok(Exit::Ok)
}

/// Shows what is typed again, should a PIN prompt have been interrupted.
pub fn restore() {
    if io::stdin().is_terminal() {
        let stty = std::process::Command::new("stty").arg("echo").stderr(Stdio::null()).status();
        if let Err(error) = stty {
            tracing::debug!(%error, "the terminal's echo could not be restored");
        }
    }
}

/// Everything on the table: the device, the clients, and how far each request is.
struct Table<'a> {
    state: &'a State,
    alice: Alice,
    output: Output,
    clients: Clients,
    /// Kept so that the clients' processes live as long as the demo.
    running: Vec<Running>,
    /// One for each request.
    records: Vec<Record>,
    /// Requests that have not been shown yet.
    waiting: VecDeque<ChallengeView>,
    /// The request on the screen.
    current: Option<Current>,
}

struct Current {
    view: ChallengeView,
    shown_at: Instant,
    wants_number: bool,
}

/// What a line that was typed leads to.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Quit,
}

impl Table<'_> {
    async fn run(&mut self, mut events: Events) -> Result<(), Failure> {
        let mut lines = Lines::of_stdin();
        self.menu()?;
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => self.happened(event)?,
                    None => return Ok(()),
                },
                Some(told) = self.clients.told.recv() => self.told(told)?,
                line = lines.next() => match line {
                    Some(line) if self.typed(line.trim()).await? == Next::GoOn => {}
                    _ => return Ok(()),
                },
            }
            self.show_next().await?;
        }
    }

    fn menu(&self) -> Result<(), Failure> {
        let told = self.records.iter().any(|record| record.result.is_some());
        self.output.words(&words::menu(told, self.output.paint()))?;
        self.output.prompt("> ")
    }

    fn happened(&mut self, event: DeviceEvent) -> Result<(), Failure> {
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
                    let how = outcome.map_or("the provider no longer knows it", screen::ending);
                    self.output.words(&format!("\nThis request is over: {how}."))?;
                    // How a request from here ended is told by its client.
                    if self.record_of(&current.view).is_none() {
                        self.menu()?;
                    }
                }
            }
            DeviceEvent::Offline { since, why, .. } => {
                self.output.words(&device::trouble(&self.alice.account.issuer.host(), since, why))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The record that a request belongs to; requests may also come from elsewhere.
    fn record_of(&mut self, view: &ChallengeView) -> Option<&mut Record> {
        self.records.iter_mut().find(|record| {
            record.challenge.as_ref().is_none_or(|(_, known)| known.id == view.id)
                && record.result.is_none()
                && view.client.id == record.wish.client_id
                && view.binding_message.as_deref() == Some(record.wish.message)
        })
    }

    fn told(&mut self, told: Told) -> Result<(), Failure> {
        let paint = self.output.paint();
        let Some(record) = self.records.get_mut(told.number) else { return Ok(()) };
        match told.line {
            Some(line) if line["event"] == "acknowledged" => {
                if let Some(number) = line["interaction_value"].as_str() {
                    self.output.words(&words::number(&record.wish, number, paint))?;
                }
                record.acknowledged = Some((told.at, line));
            }
            Some(line) => {
                record.result = Some((told.at, line));
                self.output.words(&words::receipt(record, &self.alice, paint))?;
                self.menu()?;
            }
            None if record.result.is_none() => {
                self.output.words(&format!("\n{}: its process ended without a word.", record.wish.client))?;
                self.menu()?;
            }
            None => {}
        }
        Ok(())
    }

    /// Shows the next request, once its client's screen shows what belongs to it.
    async fn show_next(&mut self) -> Result<(), Failure> {
        if self.current.is_some() {
            return Ok(());
        }
        let Some(view) = self.waiting.pop_front() else { return Ok(()) };
        if self.record_of(&view).is_some_and(|record| record.acknowledged.is_none()) {
            self.waiting.push_front(view);
            return Ok(());
        }
        let request = screen::request(&view, SystemClock.now().seconds(), self.output.paint());
        self.output.words(&words::on_the_device(&request, self.output.paint()))?;
        self.output.prompt(words::CHOICES)?;
        self.alice.device.shown(&view.id).await;
        self.current = Some(Current { view, shown_at: Instant::now(), wants_number: false });
        Ok(())
    }

    async fn typed(&mut self, line: &str) -> Result<Next, Failure> {
        let Some(current) = &mut self.current else { return self.chosen(line) };
        let inert = current.shown_at.elapsed() < Duration::from_millis(APPROVE_INERT_MILLISECONDS);
        let by_number = current.view.interaction.kind != InteractionType::Boolean;
        let verdict = match line {
            _ if inert => {
                self.output.words("Too quick: read it first.")?;
                None
            }
            number if current.wants_number && !number.is_empty() => {
                current.wants_number = false;
                let value = Some(number.split_whitespace().collect());
                Some(Verdict::Approve { value })
            }
            "a" if by_number => {
                current.wants_number = true;
                self.output.prompt("The number on the other screen: ")?;
                return Ok(Next::GoOn);
            }
            "a" => Some(Verdict::Approve { value: None }),
            "d" => Some(Verdict::Deny { reason: None }),
            "n" => Some(Verdict::Deny { reason: Some(DenialReason::NotMe) }),
            _ => {
                current.wants_number = false;
                self.output.words("Answer this request first: a, d or n.")?;
                None
            }
        };
        match verdict {
            Some(verdict) => self.answer(verdict).await?,
            None => self.output.prompt(words::CHOICES)?,
        }
        Ok(Next::GoOn)
    }

    async fn answer(&mut self, verdict: Verdict) -> Result<(), Failure> {
        let Some(current) = self.current.take() else { return Ok(()) };
        let not_me = verdict == Verdict::Deny { reason: Some(DenialReason::NotMe) };
        let (view, decided) = (current.view, Instant::now());
        match self.alice.device.answer(&view.id, verdict, &PinPad::Terminal).await {
            Ok(answered) => {
                self.output.words(&format!("\n{}", answer::words(&answered, self.output.paint())))?;
                if not_me {
                    self.output.words(&words::not_me(&view, &self.alice))?;
                }
                match self.record_of(&view) {
                    Some(record) => {
                        record.decided = Some(decided);
                        record.answered = Some(answered);
                    }
                    // From another client: nothing more will be told here.
                    None => self.menu()?,
                }
            }
            Err(error @ (AnswerError::Ended | AnswerError::Expired | AnswerError::Answered)) => {
                self.output.words(&format!("\nToo late: {error}."))?;
            }
            Err(error) => {
                self.output.words(&format!("Not approved: {error}."))?;
                self.output.prompt(words::CHOICES)?;
                self.current = Some(Current { view, wants_number: false, ..current });
            }
        }
        Ok(())
    }

    /// A line typed at the menu.
    fn chosen(&mut self, line: &str) -> Result<Next, Failure> {
        if let Some(wish) = WISHES.iter().find(|wish| wish.key == line) {
            self.ask(*wish)?;
            return Ok(Next::GoOn);
        }
        match line {
            "q" | "quit" | "exit" => return Ok(Next::Quit),
            "w" => self.tell_story()?,
            "" => {}
            _ => self.output.words("That is not on the menu.")?,
        }
        self.menu()?;
        Ok(Next::GoOn)
    }

    fn ask(&mut self, wish: Wish) -> Result<(), Failure> {
        match self.clients.ask(self.state, &wish, self.records.len()) {
            Ok(running) => {
                self.output.words(&format!("\n{} asks Acme ID to have Alice approve it …", wish.client))?;
                self.records.push(Record::begin(wish, &self.state.issuer, false));
                self.running.push(running);
                Ok(())
            }
            Err(failure) => self.output.words(&format!("\n{}.", failure.message)),
        }
    }

    fn tell_story(&self) -> Result<(), Failure> {
        let Some(record) = self.records.iter().rev().find(|record| record.result.is_some()) else {
            return self.output.words("Nothing has happened yet.");
        };
        let paint = self.output.paint();
        self.output.words("")?;
        for number in 1..=STEPS {
            if let Some(step) = record.step(number, &self.alice.device, &self.alice.heard, paint) {
                self.output.words(&step)?;
            }
        }
        if let Some((_, view)) = &record.challenge {
            self.output.words(&words::evidence(view, self.state, paint))?;
        }
        Ok(())
    }
}
