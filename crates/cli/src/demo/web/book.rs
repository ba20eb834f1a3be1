//! The till's book: every sale, and how far it is.

use countersign_op::Provider;
use countersign_protocol::clock::{Clock as _, Timestamp};
use countersign_protocol::text;
use serde::Serialize;
use serde_json::Value;

use super::proof::{self, Proof};
use super::steps::{self, Step};
use crate::demo::till::{Running, Sale, Till};
use crate::demo::{State, till};
use countersign_device::edge::system::SystemClock;

/// So many sales are kept.
const KEPT: usize = 50;

/// All sales of one run.
pub struct Book {
    till: Till,
    sales: Vec<Entry>,
}

/// A line of a client, and when it came.
type Line = (Timestamp, Value);

/// One sale.
pub struct Entry {
    /// What was asked.
    pub sale: Sale,
    began: Timestamp,
    acknowledged: Option<Line>,
    result: Option<Line>,
    ended: bool,
    _client: Running,
}

/// A sale as the page shows it.
#[derive(Serialize, Clone, PartialEq)]
pub struct Shown {
    id: usize,
    item: &'static str,
    title: &'static str,
    client: &'static str,
    amount: Option<&'static str>,
    message: &'static str,
    state: &'static str,
    /// What the till's screen says about the end.
    said: Option<String>,
    /// The number for the person to type.
    number: Option<String>,
    /// Whether the device got it without a sound.
    held: bool,
    /// The lines on the device, once it is asked.
    device: Option<Vec<proof::ShownLine>>,
    /// Who answered.
    by: Option<String>,
    /// Milliseconds from the answer's arrival at the provider until the till had its tokens.
    receipt_ms: Option<u64>,
    steps: Vec<Step>,
    can_cheat: bool,
    evidence: bool,
}

impl Book {
    /// An empty book.
    pub fn new() -> Book {
        Book { till: Till::new(), sales: Vec::new() }
    }

    /// Asks for something, in a process of its own.
    pub fn sell(&mut self, state: &State, item: &str) -> Result<usize, String> {
        let sale = till::SALES.iter().find(|sale| sale.item == item).ok_or("that is not on the menu")?;
        if self.sales.len() >= KEPT {
            return Err("the till has no more paper: start the demo again".to_owned());
        }
        let id = self.sales.len();
        let client = self.till.ask(state, sale, id).map_err(|failure| failure.message)?;
        self.sales.push(Entry {
            sale: *sale,
            began: SystemClock.now(),
            acknowledged: None,
            result: None,
            ended: false,
            _client: client,
        });
        Ok(id)
    }

    /// Takes what the clients have said since. Says whether there was anything.
    pub fn listen(&mut self) -> bool {
        let mut heard = false;
        while let Ok(told) = self.till.told.try_recv() {
            heard = true;
            let Some(entry) = self.sales.get_mut(told.number) else { continue };
            match told.line {
                Some(line) if line["event"] == "acknowledged" => entry.acknowledged = Some((told.clock, line)),
                Some(line) => entry.result = Some((told.clock, line)),
                None => entry.ended = true,
            }
        }
        heard
    }

    /// Everything the provider knows about a sale.
    pub fn proof(&self, provider: &Provider, id: usize) -> Option<Proof> {
        let (_, acknowledged) = self.sales.get(id)?.acknowledged.as_ref()?;
        let approval = provider.approval_of(acknowledged["auth_req_id"].as_str()?).ok()??;
        Proof::of(provider.gateway().record(&approval).ok()?)
    }

    /// All sales as the page shows them, newest first.
    pub fn shown(&self, provider: &Provider, issuer: &str) -> Vec<Shown> {
        let shown = |id: usize| self.entry(provider, issuer, id);
        (0..self.sales.len()).rev().map(shown).collect()
    }

    fn entry(&self, provider: &Provider, issuer: &str, id: usize) -> Shown {
        let entry = &self.sales[id];
        let proof = self.proof(provider, id);
        let (state, said) = entry.state(proof.as_ref());
        let answered = proof.as_ref().and_then(Proof::answered_at);
        let paid = matches!(state, "paid" | "signed_in");
        let number = entry.acknowledged.as_ref().and_then(|(_, line)| line["interaction_value"].as_str());
        Shown {
            id,
            item: entry.sale.item,
            title: entry.sale.title,
            client: entry.sale.client,
            amount: entry.sale.amount,
            message: entry.sale.message,
            state,
            said,
            number: number.map(str::to_owned),
            held: proof.as_ref().is_some_and(Proof::held),
            device: proof.as_ref().map(Proof::lines),
            by: proof.as_ref().and_then(Proof::by),
            receipt_ms: match (&entry.result, answered) {
                (Some((at, _)), Some(answered)) if paid => Some(at.millis_since(answered)),
                _ => None,
            },
            steps: steps::of(entry, proof.as_ref(), issuer),
            can_cheat: proof.as_ref().is_some_and(Proof::has_amount),
            evidence: proof.as_ref().is_some_and(Proof::is_complete),
        }
    }
}

impl Entry {
    /// When the sale began, and what its client heard and when.
    pub fn heard(&self) -> (Timestamp, Option<&Line>, Option<&Line>) {
        (self.began, self.acknowledged.as_ref(), self.result.as_ref())
    }

    fn state(&self, proof: Option<&Proof>) -> (&'static str, Option<String>) {
        let Some((_, line)) = &self.result else {
            return match &self.acknowledged {
                _ if self.ended => ("failed", Some("The till’s process ended without a word.".to_owned())),
                None => ("asking", None),
                Some(_) => ("waiting", None),
            };
        };
        if line["event"] == "tokens" {
            return (if self.sale.amount.is_some() { "paid" } else { "signed_in" }, None);
        }
        let said = |name: &str| line.get(name).and_then(Value::as_str).map(text::escape);
        let why = said("error_description").or_else(|| said("message"));
        let error = said("error").unwrap_or_default();
        match (error.as_str(), said("denial_reason").as_deref()) {
            ("access_denied", Some("not_me")) => ("not_me", Some("Alice says: this wasn’t me.".to_owned())),
            ("access_denied", _) if proof.is_some_and(Proof::was_mismatch) => {
                ("mismatch", Some("The number was wrong, and the request is dead.".to_owned()))
            }
            ("access_denied", _) => ("denied", Some("Alice said no.".to_owned())),
            ("expired_token", _) => ("expired", Some("Nobody answered in time.".to_owned())),
            ("unknown_user_id", _) => {
                ("no_device", Some("Alice has no device yet. Make one above, then try again.".to_owned()))
            }
            _ => ("failed", Some(format!("{} ({error})", why.unwrap_or_default()))),
        }
    }
}
