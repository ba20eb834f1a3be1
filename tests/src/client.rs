//! A CIBA client: `countersign request` as a process, or its two calls over HTTP by hand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::http::{self, Response};
use crate::process::Process;
use crate::test_env::TestEnv;

/// The grant type of CIBA Core §4.
pub const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";

/// A payment as a till sends it. The spaces must be kept: these very bytes are signed and returned.
pub const PAYMENT: &str = r#"[ {"type": "payment_initiation",  "instructedAmount": {"currency": "EUR", "amount": "4.20"},
 "creditorName": "Acme Coffee, Berlin" } ]"#;

/// A client registered at an issuer.
pub struct Client<'a> {
    env: &'a TestEnv,
    issuer: String,
    id: &'static str,
    secret: &'static str,
    log: Option<&'static str>,
}

impl<'a> Client<'a> {
    /// A client registered at the issuer.
    pub fn new(env: &'a TestEnv, issuer: &str, id: &'static str, secret: &'static str) -> Client<'a> {
        Client { env, issuer: issuer.to_owned(), id, secret, log: None }
    }

    /// Sets `COUNTERSIGN_LOG` of its processes.
    pub fn with_log(self, log: &'static str) -> Client<'a> {
        Client { log: Some(log), ..self }
    }

    /// Begins `countersign request` about alice.
    pub fn request(&self, arguments: &[&str]) -> Process {
        self.request_for("alice", arguments)
    }

    /// Begins `countersign request` about this user.
    pub fn request_for(&self, hint: &str, arguments: &[&str]) -> Process {
        let mut command = self.env.command(&["request", "--issuer", &self.issuer, "--client-id", self.id]);
        command.args(["--login-hint", hint, "--json"]).args(arguments);
        command.env("COUNTERSIGN_CLIENT_SECRET", self.secret);
        if let Some(log) = self.log {
            command.env("COUNTERSIGN_LOG", log);
        }
        Process::start(self.env, self.id, command)
    }

    /// Begins a payment of so many euros to Acme Coffee.
    pub fn pay(&self, amount: &str, message: &str) -> Process {
        let details = format!(
            r#"[{{"type":"payment_initiation","instructedAmount":{{"currency":"EUR","amount":"{amount}"}},"creditorName":"Acme Coffee, Berlin"}}]"#
        );
        self.request(&["--binding-message", message, "--authorization-details", &details])
    }

    /// Begins `countersign request` about alice and waits until the provider has acknowledged it.
    pub fn acknowledged(&self, arguments: &[&str]) -> (Process, Value) {
        let mut process = self.request(arguments);
        let acknowledged = process.line("acknowledged");
        (process, acknowledged)
    }

    /// `POST /bc-authorize` about alice with these parameters too.
    ///
    /// # Panics
    /// If it is refused.
    pub fn ask(&self, parameters: &[(&str, &str)]) -> Value {
        let usual = [("login_hint", "alice"), ("scope", "openid")];
        let response = self.post("/bc-authorize", &[&usual, parameters].concat());
        assert_eq!(response.status, 200, "the request is acknowledged: {}", response.text());
        response.json()
    }

    /// `POST /token` for a request.
    pub fn poll(&self, acknowledged: &Value) -> Response {
        let auth_req_id = acknowledged["auth_req_id"].as_str().expect("an acknowledgement has an auth_req_id");
        self.post("/token", &[("grant_type", CIBA_GRANT), ("auth_req_id", auth_req_id)])
    }

    /// Polls until the response is neither `authorization_pending` nor `slow_down`.
    pub fn poll_to_the_end(&self, acknowledged: &Value) -> Response {
        loop {
            let response = self.poll(acknowledged);
            let waits =
                response.status == 400 && matches!(response.error().as_str(), "authorization_pending" | "slow_down");
            if !waits {
                return response;
            }
        }
    }

    /// POSTs a form as this client (`client_secret_basic`).
    pub fn post(&self, path: &str, parameters: &[(&str, &str)]) -> Response {
        http::post_form(&format!("{}{path}", self.issuer), &[("authorization", &self.authorization())], parameters)
    }

    /// The value of its `Authorization` header. Its id and secret need no form-encoding.
    pub fn authorization(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.id, self.secret)))
    }
}
