//! Entry points of the fuzz targets (`fuzz/`) into private parsers of client input. Not part of the API; may change at any time.

use crate::authentication_request::AuthenticationRequest;
use crate::authentication_request::hint::Hint;
use crate::authorization_details::{self, DetailTypes, built_in};
use crate::client_auth::client_secret::Credentials;
use crate::config::{Client, Config};
use crate::directory::UserIdentifier;
use crate::http::Form;

/// Parsers of a provider with this configuration.
pub struct Reader {
    config: Config,
    every_type: DetailTypes,
}

impl Reader {
    /// `config` has at least one client.
    pub fn new(config: Config) -> Reader {
        let every_type = DetailTypes::new(TYPES.into_iter().filter_map(built_in));
        Reader { config, every_type }
    }

    /// Whether a body is a valid form.
    pub fn form(&self, content_type: Option<&str>, body: &[u8]) -> bool {
        Form::parse(content_type, body).is_ok()
    }

    /// Reads client credentials; returns the `client_id` they claim.
    pub fn credentials(&self, authorization: Option<&str>, body: &[u8]) -> Option<String> {
        let form = Form::parse(FORM, body).ok()?;
        Credentials::read(authorization, &form).ok().map(|shown| shown.client_id)
    }

    /// Whether a body is a valid authentication request of the first client.
    pub fn authentication_request(&self, body: &[u8]) -> bool {
        let Ok(form) = Form::parse(FORM, body) else { return false };
        AuthenticationRequest::read(&form, self.client(), &self.config.issuer, &self.config.detail_types).is_ok()
    }

    /// Reads a `login_hint`; returns the name or subject in it.
    pub fn login_hint(&self, hint: &str) -> Option<String> {
        let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("login_hint", hint).finish();
        let form = Form::parse(FORM, body.as_bytes()).ok()?;
        match Hint::read(&form, &self.config.issuer).ok()? {
            Hint::Login(UserIdentifier::Name(name) | UserIdentifier::Subject(name)) => Some(name),
            Hint::IdToken(_) | Hint::Token(_) => None,
        }
    }

    /// Whether authorization details of any type are valid; asserts that the client's bytes are kept.
    pub fn authorization_details(&self, text: &str) -> bool {
        let all: Vec<String> = self.every_type.names().map(str::to_owned).collect();
        self.every_type.check(text, &all).is_ok_and(|details| {
            assert_eq!(details.as_str(), text, "the client's bytes are kept");
            let _ = authorization_details::payments(&details).count();
            true
        })
    }

    fn client(&self) -> &Client {
        &self.config.clients[0]
    }
}

/// The checked types, one of Auth0's among them.
const TYPES: [&str; 4] = [
    "payment_initiation",
    "account_information",
    "generic",
    "urn:auth0:schemas:authorization-details:v1:money-transfer",
];

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
