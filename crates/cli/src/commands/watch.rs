//! `countersign watch`: prints requests as they arrive, and answers those that a rule matches.

use std::collections::BTreeSet;
use std::path::PathBuf;

use countersign_device::error::AnswerError;
use countersign_device::ports::key_store::KeyError;
use countersign_device::view::ChallengeView;
use countersign_device::{Decision, Device, DeviceEvent, Events};
use countersign_protocol::id::ChallengeId;
use tokio::sync::mpsc;

use crate::answer_rules::{RuleDecision, Rules};
use crate::arguments::Watch;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::offline_providers::OfflineProviders;
use crate::output::Output;
use crate::pin_pad::{self, PinPad};
use crate::push_endpoint::{LeftBehind, PushEndpoint, Registrations};
use crate::{device_event_text, device_failure, idle_accounts, next_command, open_device, request_text, stop_signal};

/// State of the command while it runs.
struct Watcher {
    device: Device,
    /// As it was given.
    home: Option<PathBuf>,
    pad: std::sync::Arc<PinPad>,
    rules: Rules,
    output: Output,
    /// Requests that count towards `--count`: those a rule answers once they have ended, others once they were printed.
    done: BTreeSet<ChallengeId>,
    failed_answers: mpsc::UnboundedSender<(ChallengeId, AnswerError)>,
    offline: OfflineProviders,
}

/// Runs the command.
pub async fn run(watch: Watch, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let rules = Rules::parse(&watch.approve_if, &watch.deny_if)?;
    let pad = PinPad::from_options(&watch.pin)?;
    let given = home.clone();
    let no_accounts = || {
        let enroll = next_command::of_device("enroll LINK", given.as_deref());
        let what = format!("this device has no account yet; enroll it first: {enroll}");
        Failure::usage(ErrorCode::NoAccounts, what)
    };
    let device = open_device::open_existing(home, output).await?.ok_or_else(no_accounts)?;
    let accounts = device.accounts().await.map_err(|error| device_failure::open_failed(&error))?;
    if accounts.is_empty() {
        return Err(no_accounts());
    }
    if !watch.approve_if.is_empty() && !pad.is_available() {
        let classes: Vec<_> = accounts.iter().map(|account| account.device_class).collect();
        return Err(pin_pad::no_pin(&classes));
    }
    let stopped = stop_signal::received();
    let mut left = None;
    let (events, registrations) = match watch.push {
        None => {
            left = Some(LeftBehind::take_back(&device, &accounts, output));
            (device.run().await, None)
        }
        Some(at) => {
            let (endpoint, wake) = PushEndpoint::listen(at).await?;
            let registrations = Registrations::begin(&device, endpoint, given.as_deref(), output).await?;
            // After the registration, so that nothing is missed in between.
            (device.run_by(Box::new(wake)).await, Some(registrations))
        }
    };
    let (failed_answers, failures) = mpsc::unbounded_channel();
    let (done, offline) = (BTreeSet::new(), OfflineProviders::default());
    idle_accounts::report(&device, given.as_deref(), output).await?;
    let home = given;
    let mut watcher = Watcher { device, home, pad: pad.into(), rules, output, done, failed_answers, offline };
    let ended = tokio::select! {
        ended = watcher.watch(watch.count, events, failures) => ended,
        () = stopped => Ok(()),
    };
    // However it ends: nothing listens any more.
    if let Some(left) = left {
        left.finish().await;
    }
    if let Some(registrations) = registrations {
        registrations.withdraw(output).await;
    }
    ended.map(|()| Exit::Ok)
}

impl Watcher {
    async fn watch(
        &mut self,
        count: Option<u64>,
        mut events: Events,
        mut failures: mpsc::UnboundedReceiver<(ChallengeId, AnswerError)>,
    ) -> Result<(), Failure> {
        while count.is_none_or(|count| (self.done.len() as u64) < count) {
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => self.on_event(&event).await?,
                    None => break,
                },
                Some((id, error)) = failures.recv() => self.on_failed_answer(&id, &error)?,
            }
        }
        Ok(())
    }

    async fn on_event(&mut self, event: &DeviceEvent) -> Result<(), Failure> {
        match event {
            DeviceEvent::Challenge(view) => {
                self.output.result(event, |paint| {
                    format!("{}\n  {}", request_text::request(view, paint), paint.dim(view.id.as_str()))
                })?;
                self.device.shown(&view.id).await;
                self.apply_rules(view);
            }
            DeviceEvent::Answered { id, approval_ref, decision, outcome, practice, .. } => {
                self.output.result(event, |_| {
                    let how = outcome.map_or("unknown to the provider", request_text::ending);
                    let said = serde_json::to_value(decision).unwrap_or_default();
                    let said = said.as_str().unwrap_or("answered");
                    let mark = request_text::practice_mark(*practice);
                    format!("{id}: {mark}this device {said}; {how}{}", request_text::by_name(*approval_ref))
                })?;
                self.done.insert(id.clone());
            }
            DeviceEvent::Ended { id, approval_ref, outcome, practice, .. } => {
                self.output.result(event, |_| {
                    let how = outcome.map_or("unknown to the provider", request_text::ending);
                    let mark = request_text::practice_mark(*practice);
                    format!("{id}: {mark}{how}{}", request_text::by_name(*approval_ref))
                })?;
                self.done.insert(id.clone());
            }
            DeviceEvent::Stopped { message, .. } => return Err(Failure::usage(ErrorCode::Stopped, message)),
            other => self.tell(other).await?,
        }
        Ok(())
    }

    /// Tells of an event that is neither a request nor an answer. A provider that goes offline, or comes back, is told
    /// of once for all its accounts.
    async fn tell(&mut self, event: &DeviceEvent) -> Result<(), Failure> {
        let accounts = self.device.accounts().await.map_err(|error| device_failure::open_failed(&error))?;
        let of = accounts.iter().find(|known| known.account == *event.account());
        let host = of.map_or_else(|| event.account().to_string(), |of| of.issuer.host());
        if self.offline.is_news(event, &host) {
            let whom = match event {
                DeviceEvent::Offline { .. } | DeviceEvent::Online { .. } => host,
                _ => of.map_or(host, |of| device_event_text::account_name(of, &accounts)),
            };
            self.output.progress(&device_event_text::describe(event, &whom));
        }
        Ok(())
    }

    /// Answers by the rules, in a task of its own; a request that no rule matches counts as done.
    fn apply_rules(&mut self, view: &ChallengeView) {
        let text = serde_json::to_string(view).unwrap_or_default();
        let decision = match self.rules.decide(&text) {
            RuleDecision::NoMatch => {
                self.done.insert(view.id.clone());
                return;
            }
            RuleDecision::Approve => Decision::Approve { value: None },
            RuleDecision::Deny => Decision::Deny { reason: None },
        };
        let (device, pad, failed_answers) = (self.device.clone(), self.pad.clone(), self.failed_answers.clone());
        let (account, id) = (view.account.clone(), view.id.clone());
        tokio::spawn(async move {
            if let Err(error) = device.answer_for(&account, &id, decision, &*pad).await {
                // The receiver is gone once the command has ended.
                let _ = failed_answers.send((id, error));
            }
        });
    }

    /// Handles an answer that failed. A wrong PIN ends the command: repeated ten times it would destroy the approval key.
    fn on_failed_answer(&mut self, id: &ChallengeId, error: &AnswerError) -> Result<(), Failure> {
        match error {
            AnswerError::Ended | AnswerError::Expired | AnswerError::Answered => {}
            AnswerError::ValueNeeded | AnswerError::ValueUnfit { .. } => {
                let answer = next_command::of_device(&format!("answer {id} approve --value N"), self.home.as_deref());
                self.output.progress(&format!("{id} is not answered: {error}. Answer it with: {answer}"));
                self.done.insert(id.clone());
            }
            // Other accounts may take part.
            AnswerError::NoPart { .. } | AnswerError::Unusable { .. } => {
                self.output.progress(&format!("{id} is not answered: {error}."));
                self.done.insert(id.clone());
            }
            // It may be open again before the next request comes, and keys of other accounts may do without it.
            AnswerError::Keys(KeyError::Keyring(_)) => {
                let answer = next_command::of_device(&format!("answer {id} approve"), self.home.as_deref());
                self.output.progress(&format!("{id} is not answered: {error}. Then answer it with: {answer}"));
                self.done.insert(id.clone());
            }
            // The rules and the PIN may be another person's on this device.
            AnswerError::PersonNeeded => {
                let answer = next_command::of_device(&format!("answer {id} approve"), self.home.as_deref());
                self.output.progress(&format!("{id} is not answered: {error}: {answer}"));
                self.done.insert(id.clone());
            }
            other => return Err(device_failure::answer_failed(other)),
        }
        Ok(())
    }
}
