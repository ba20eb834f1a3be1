//! The till: what it sells, and `countersign request` as its process for each sale.

use std::process::Stdio;
use std::time::Instant;

use countersign_device::edge::system::SystemClock;
use countersign_protocol::clock::{Clock as _, Timestamp};
use serde_json::Value;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;

use super::processes::{countersign, lines};
use super::settings::ALICE;
use super::state::State;
use crate::failure::Failure;

/// Something that a client asks for.
#[derive(Debug, Clone, Copy)]
pub struct Sale {
    /// The name on the till's page.
    pub item: &'static str,
    /// The key to press.
    pub key: &'static str,
    /// What stands in the menu.
    pub title: &'static str,
    /// The amount, for people.
    pub amount: Option<&'static str>,
    /// Who asks.
    pub client_id: &'static str,
    /// The client's name on its own screen.
    pub client: &'static str,
    /// The line on both screens.
    pub message: &'static str,
    /// `authorization_details`, as sent.
    pub details: Option<&'static str>,
}

/// What can be bought, and what can happen.
pub const SALES: [Sale; 4] = [
    Sale {
        item: "flat-white",
        key: "1",
        title: "Flat white",
        amount: Some("€ 4.20"),
        client_id: "coffee-pos",
        client: "Acme Coffee",
        message: "Till 2: flat white",
        details: Some(
            r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4.20"},"creditorName":"Acme Coffee, Berlin"}]"#,
        ),
    },
    Sale {
        item: "catering",
        key: "2",
        title: "Catering for twelve",
        amount: Some("€ 186.40"),
        client_id: "coffee-pos",
        client: "Acme Coffee",
        message: "Till 2: catering on Friday",
        details: Some(
            r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"186.40"},"creditorName":"Acme Coffee, Berlin","creditorAccount":{"iban":"DE02100100109307118603"},"remittanceInformationUnstructured":"Catering for twelve, Friday 11:30"}]"#,
        ),
    },
    Sale {
        item: "kiosk",
        key: "3",
        title: "Sign in at the kiosk, with a number",
        amount: None,
        client_id: "coffee-pos",
        client: "Acme Coffee",
        message: "Kiosk at the entrance",
        details: None,
    },
    Sale {
        item: "stranger",
        key: "4",
        title: "Somebody you don't know wants a sign-in",
        amount: None,
        client_id: "prize-line",
        client: "Prize Line",
        message: "Confirm to receive your prize",
        details: None,
    },
];

/// What a client's process says.
#[derive(Debug)]
pub struct Told {
    /// Which sale, counted from 0.
    pub number: usize,
    /// Its line as JSON; `None` when the process has ended.
    pub line: Option<Value>,
    /// When the line came.
    pub at: Instant,
    /// The same by the clock that the provider uses, too.
    pub clock: Timestamp,
}

/// Runs the clients.
pub struct Till {
    tell: mpsc::UnboundedSender<Told>,
    /// What the clients say.
    pub told: mpsc::UnboundedReceiver<Told>,
}

/// The standard input of a client's process: it ends with the demo.
pub struct Running(#[expect(dead_code, reason = "kept open for the child's sake")] Option<ChildStdin>);

impl Till {
    /// A till that sells nothing yet.
    pub fn new() -> Till {
        let (tell, told) = mpsc::unbounded_channel();
        Till { tell, told }
    }

    /// Asks, in a process of its own.
    ///
    /// # Errors
    /// The process does not start.
    pub fn ask(&self, state: &State, sale: &Sale, number: usize) -> Result<Running, Failure> {
        let mut command = countersign()?;
        command.args(["request", "--json", "--stop-with-stdin", "--issuer", &state.issuer]);
        command.args(["--client-id", sale.client_id, "--client-secret-file"]);
        command.arg(state.path(&format!("{}.secret", sale.client_id)));
        command.args(["--login-hint", ALICE, "--binding-message", sale.message]);
        if let Some(details) = sale.details {
            command.args(["--authorization-details", details]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command
            .spawn()
            .map_err(|error| Failure::provider("demo_client", format_args!("the till does not start: {error}")))?;
        let stdin = child.stdin.take();
        let mut lines = lines(&mut child);
        let tell = self.tell.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let line = serde_json::from_str(&line).ok();
                let _ = tell.send(Told { number, line, at: Instant::now(), clock: SystemClock.now() });
            }
            let _ = child.wait().await;
            let _ = tell.send(Told { number, line: None, at: Instant::now(), clock: SystemClock.now() });
        });
        Ok(Running(stdin))
    }
}

/// The form that a client posts for a sale, without its secret.
pub fn form(sale: &Sale) -> Vec<(&'static str, &'static str)> {
    let mut form = vec![("scope", "openid"), ("login_hint", ALICE), ("binding_message", sale.message)];
    form.extend(sale.details.map(|details| ("authorization_details", details)));
    form
}
