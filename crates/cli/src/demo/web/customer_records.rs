//! Customer records of the call centre: a resource server that opens a record only for an access token of Alice's approval.

use countersign_device::edge::system::SystemClock;
use countersign_jose::clock::{Clock as _, Timestamp};
use countersign_protocol::issuer::Issuer;
use serde::Serialize;
use serde_json::Value;

use crate::ciba_client::{self, HttpClient};
use crate::demo::DemoState;
use crate::failure::Failure;

/// The only client that may read records.
const CLIENT: &str = "support-desk";

/// The type of authorization details required, and its action.
const DETAILS: (&str, &str) = ("account_information", "see your customer record");

/// Alice's record, line by line.
const ALICE: [(&str, &str); 5] = [
    ("Customer", "Alice, ACME-0042-7713"),
    ("Telephone", "+49 171 3920014"),
    ("E-mail", "alice@acme.example"),
    ("Last order", "Catering for twelve, €\u{a0}186.40"),
    ("Before that", "Flat white, €\u{a0}4.20"),
];

/// The records, and the provider whose access tokens open them.
pub struct CustomerRecords {
    http: HttpClient,
    issuer: String,
}

/// The record that a token opened, or why it did not.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct CustomerRecord {
    lines: Vec<(&'static str, &'static str)>,
    /// When the token expires and the record closes, in milliseconds since the epoch.
    until: u64,
    /// Why the token was refused.
    refused: Option<String>,
}

impl CustomerRecord {
    /// Whether there is something to show at this time.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.refused.is_some() || now.millis() < self.until
    }

    fn refused(why: String) -> CustomerRecord {
        CustomerRecord { lines: Vec::new(), until: 0, refused: Some(why) }
    }
}

impl CustomerRecords {
    /// The records of this demo.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn new(state: &DemoState) -> Result<CustomerRecords, Failure> {
        Ok(CustomerRecords { http: HttpClient::new(CLIENT, &state.secret(CLIENT)?)?, issuer: state.issuer.clone() })
    }

    /// Opens the record of a token after verifying its signature with the provider's published keys.
    pub async fn open(&self, access_token: &str) -> CustomerRecord {
        match self.checked(access_token).await {
            Ok(until) => CustomerRecord { lines: ALICE.to_vec(), until: until * 1000, refused: None },
            Err(why) => CustomerRecord::refused(why),
        }
    }

    async fn checked(&self, access_token: &str) -> Result<u64, String> {
        let issuer: Issuer = self.issuer.parse().map_err(|_| "the provider has no usable address".to_owned())?;
        let endpoints = ciba_client::discover(&self.http, &issuer).await.map_err(|failure| failure.message)?;
        let keys = self.http.get(&endpoints.jwks).await.map_err(|failure| failure.message)?.json;
        let payload = ciba_client::signed_payload(access_token, "at+jwt", &keys)
            .map_err(|_| "the access token is not one that the provider signed".to_owned())?;
        let claims = serde_json::from_str(&payload).map_err(|_| "the access token can't be read".to_owned())?;
        allows(&claims, &self.issuer, SystemClock.now())
    }
}

/// Checks that these claims open Alice's record; returns the token's expiry in seconds since the epoch.
fn allows(claims: &Value, issuer: &str, now: Timestamp) -> Result<u64, String> {
    let (kind, action) = DETAILS;
    let is_for_it = |details: &Value| {
        details["type"] == kind && details["actions"].as_array().is_some_and(|all| all.iter().any(|one| one == action))
    };
    let details = claims["authorization_details"].as_array();
    if claims["iss"] != issuer || claims["aud"] != issuer || claims["client_id"] != CLIENT {
        return Err("the access token is another client's or another provider's".to_owned());
    }
    if claims["sub"] != "alice" || !details.is_some_and(|all| all.iter().any(is_for_it)) {
        return Err("the access token is not for Alice’s record".to_owned());
    }
    match claims["exp"].as_u64() {
        Some(until) if now.seconds() < until => Ok(until),
        _ => Err("the access token has ended".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ISSUER: &str = "https://id.acme.example";

    fn claims() -> Value {
        json!({
            "iss": ISSUER, "aud": ISSUER, "sub": "alice", "client_id": CLIENT, "exp": 2000,
            "authorization_details": [{ "type": "account_information", "actions": ["see your customer record"] }],
        })
    }

    #[test]
    fn the_record_opens_for_its_own_token_until_that_expires() {
        assert_eq!(allows(&claims(), ISSUER, Timestamp::from_seconds(1999)), Ok(2000));
        assert!(allows(&claims(), ISSUER, Timestamp::from_seconds(2000)).is_err());
    }

    #[test]
    fn the_record_opens_for_no_other_token() {
        for (member, other) in [
            ("iss", json!("https://id.evil.example")),
            ("aud", json!("coffee-pos")),
            ("sub", json!("bob")),
            ("client_id", json!("coffee-pos")),
            ("exp", json!("2000")),
            ("authorization_details", json!([{ "type": "account_information", "actions": ["list_accounts"] }])),
            ("authorization_details", json!([{ "type": "generic", "actions": ["see your customer record"] }])),
            ("authorization_details", Value::Null),
        ] {
            let mut altered = claims();
            altered[member] = other.clone();
            assert!(allows(&altered, ISSUER, Timestamp::from_seconds(1)).is_err(), "{member}: {other}");
        }
    }
}
