//! Doors for the fuzz targets (`fuzz/`): the private readers of what clients send. No part of the API; may change at any time.

use crate::authentication_request::AuthenticationRequest;
use crate::authentication_request::hint::Hint;
use crate::authorization_details::{self, DetailTypes, built_in};
use crate::client_auth::client_secret::Credentials;
use crate::config::{Client, Config};
use crate::directory::UserIdentifier;
use crate::http::Form;

/// Reads as a provider with this configuration would.
pub struct Reader {
    config: Config,
    every_type: DetailTypes,
}

impl Reader {
    /// For a configuration with one client at least.
    pub fn new(config: Config) -> Reader {
        let every_type = DetailTypes::new(TYPES.into_iter().filter_map(built_in));
        Reader { config, every_type }
    }

    /// Reads a body as a form. Whether it is one.
    pub fn form(&self, content_type: Option<&str>, body: &[u8]) -> bool {
        Form::parse(content_type, body).is_ok()
    }

    /// Reads what somebody sent to authenticate; who it says it is.
    pub fn credentials(&self, authorization: Option<&str>, body: &[u8]) -> Option<String> {
        let form = Form::parse(FORM, body).ok()?;
        Credentials::read(authorization, &form).ok().map(|shown| shown.client_id)
    }

    /// Reads a whole authentication request of the first client. Whether it is sound.
    pub fn authentication_request(&self, body: &[u8]) -> bool {
        let Ok(form) = Form::parse(FORM, body) else { return false };
        AuthenticationRequest::read(&form, self.client(), &self.config.issuer, &self.config.detail_types).is_ok()
    }

    /// Reads a `login_hint`; the name or subject in it.
    pub fn login_hint(&self, hint: &str) -> Option<String> {
        let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("login_hint", hint).finish();
        let form = Form::parse(FORM, body.as_bytes()).ok()?;
        match Hint::read(&form, &self.config.issuer).ok()? {
            Hint::Login(UserIdentifier::Name(name) | UserIdentifier::Subject(name)) => Some(name),
            Hint::IdToken(_) | Hint::Token(_) => None,
        }
    }

    /// Checks authorization details of every type. Whether they are sound; their text is what was given.
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

/// The types that are checked, one of Auth0's among them.
const TYPES: [&str; 4] = [
    "payment_initiation",
    "account_information",
    "generic",
    "urn:auth0:schemas:authorization-details:v1:money-transfer",
];

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
