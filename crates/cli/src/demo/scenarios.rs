//! Scenarios of the demo: every request it can send, by which client and with which parameters.

use serde::Serialize;

/// Where a request is made; each has a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The till of a café.
    Till,
    /// The desk of a call centre.
    Support,
    /// A station of rental bikes.
    Kiosk,
    /// An AI agent.
    Agent,
}

/// Which program is the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `countersign request`.
    Request,
    /// The agent of `examples/`, in Python.
    Script,
}

/// One request of a client.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name in the pages' calls.
    pub item: &'static str,
    /// Where it is asked.
    pub place: Place,
    /// The key to press in the terminal.
    pub key: &'static str,
    /// Its title in the menu.
    pub title: &'static str,
    /// The amount as displayed.
    pub amount: Option<&'static str>,
    /// Shown by the client after approval.
    pub done: &'static str,
    /// The client's id.
    pub client_id: &'static str,
    /// The client's name on its own screen.
    pub client: &'static str,
    /// `login_hint`.
    pub hint: &'static str,
    /// `binding_message`.
    pub message: &'static str,
    /// `authorization_details` as sent; `None` if the program has its own.
    pub details: Option<&'static str>,
    /// The program that is the client.
    pub program: Program,
}

/// Alice's hints: e-mail address, phone number, customer card number.
pub const HINTS: [&str; 3] = ["alice@acme.example", "+49 171 3920014", "ACME-0042-7713"];

const TILL: Scenario = Scenario {
    item: "flat-white",
    place: Place::Till,
    key: "1",
    title: "Flat white",
    amount: Some("€ 4.20"),
    done: "paid",
    client_id: "coffee-pos",
    client: "Acme Coffee",
    hint: HINTS[0],
    message: "Till 2: flat white",
    details: Some(
        r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4.20"},"creditorName":"Acme Coffee, Berlin"}]"#,
    ),
    program: Program::Request,
};

/// All scenarios; an unattended demo runs the first.
pub const SCENARIOS: [Scenario; 6] = [
    TILL,
    Scenario {
        item: "catering",
        key: "2",
        title: "Catering for twelve",
        amount: Some("€ 186.40"),
        message: "Till 2: catering on Friday",
        details: Some(
            r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"186.40"},"creditorName":"Acme Coffee, Berlin","creditorAccount":{"iban":"DE02100100109307118603"},"remittanceInformationUnstructured":"Catering for twelve, Friday 11:30"}]"#,
        ),
        ..TILL
    },
    Scenario {
        item: "record",
        place: Place::Support,
        key: "3",
        title: "A call centre wants to see your record",
        amount: None,
        done: "the record is open",
        client_id: "support-desk",
        client: "Acme Support Desk",
        hint: HINTS[1],
        message: "Case 20914",
        details: Some(
            r#"[{"type":"account_information","actions":["see your customer record"],"datatypes":["your name, address and telephone","your last orders"],"identifier":"ACME-0042-7713"}]"#,
        ),
        program: Program::Request,
    },
    Scenario {
        item: "bike",
        place: Place::Kiosk,
        key: "4",
        title: "Sign in at a bike station, with a number",
        amount: None,
        done: "bike 12 is unlocked",
        client_id: "bike-station",
        client: "City Bikes",
        hint: HINTS[2],
        message: "Station 7: bike 12",
        details: None,
        program: Program::Request,
    },
    Scenario {
        item: "invoices",
        place: Place::Agent,
        key: "5",
        title: "An AI agent wants to delete old invoices",
        amount: None,
        done: "the agent may delete them",
        client_id: "acme-agent",
        client: "Acme Agent",
        hint: HINTS[0],
        message: "Tidying up the archive",
        details: None,
        program: Program::Script,
    },
    Scenario {
        item: "stranger",
        place: Place::Till,
        key: "6",
        title: "Somebody you don't know wants a sign-in",
        amount: None,
        done: "signed in",
        client_id: "prize-line",
        client: "Prize Line",
        hint: HINTS[0],
        message: "Confirm to receive your prize",
        details: None,
        program: Program::Request,
    },
];

impl Scenario {
    /// The scenario of this name.
    pub fn by_item(item: &str) -> Option<&'static Scenario> {
        SCENARIOS.iter().find(|scenario| scenario.item == item)
    }

    /// The form that the client posts, without its secret. `signed` are the details in the challenge, for a program that has its own.
    pub fn form<'a>(&'a self, signed: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
        let mut form = vec![("scope", "openid"), ("login_hint", self.hint), ("binding_message", self.message)];
        let details = match self.program {
            Program::Request => self.details,
            Program::Script => signed,
        };
        form.extend(details.map(|details| ("authorization_details", details)));
        form
    }
}
