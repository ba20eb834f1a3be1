//! Hints (CIBA Core §7.1): exactly one of `login_hint`, `id_token_hint` and `login_hint_token`, resolved to a user
//! identifier.

mod id_token;
mod login_hint;
mod login_hint_token;

use std::sync::Arc;

use countersign_jose::clock::{Clock, Timestamp};
use countersign_jose::jwt::SigningAlg;
use countersign_protocol::issuer::Issuer;

use crate::client_auth::client_keys::ClientSignatures;
use crate::config::{Client, Config};
use crate::directory::UserIdentifier;
use crate::http::{ErrorCode, Form, OAuthError};
use crate::issuance::key_rotation::KeyRotation;
use login_hint_token::LoginHintTokenError;

/// A hint as received; tokens are not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hint {
    /// `login_hint`: an identifier without proof.
    Login(UserIdentifier),
    /// `id_token_hint`: an ID token that this provider issued to this client.
    IdToken(String),
    /// `login_hint_token`: a JWT of an issuer that the operator trusts.
    Token(String),
}

impl Hint {
    /// Reads the request's hint.
    ///
    /// # Errors
    /// `invalid_request` for none, for several, or for a malformed JSON hint.
    pub(crate) fn read(form: &Form, issuer: &Issuer) -> Result<Hint, OAuthError> {
        let refused = |description: &str| Err(OAuthError::new(ErrorCode::InvalidRequest, description));
        match ["login_hint", "id_token_hint", "login_hint_token"].map(|name| form.get(name)) {
            [Some(hint), None, None] => login_hint::read(hint, issuer).map(Hint::Login),
            [None, Some(token), None] => Ok(Hint::IdToken(token.to_owned())),
            [None, None, Some(token)] => Ok(Hint::Token(token.to_owned())),
            [None, None, None] => {
                refused("the hint is missing: send one of login_hint, id_token_hint and login_hint_token")
            }
            _ => refused("send one hint only: login_hint, id_token_hint or login_hint_token"),
        }
    }
}

/// Verifies hints that are tokens.
pub(crate) struct Hints {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keys: Arc<KeyRotation>,
    pub(crate) signatures: Arc<ClientSignatures>,
}

impl Hints {
    /// Resolves a hint to a user identifier, after verifying a token.
    ///
    /// # Errors
    /// `expired_login_hint_token`; `invalid_request` for a token that is refused otherwise. None depends on whether the
    /// user exists.
    pub(crate) async fn user_named_by(&self, hint: &Hint, client: &Client) -> Result<UserIdentifier, OAuthError> {
        let now = self.clock.now();
        match hint {
            Hint::Login(named) => Ok(named.clone()),
            Hint::IdToken(token) => {
                let keys = self.keys.token_keys().await;
                let sub = id_token::subject(token, keys.verifying(), &self.config.issuer, &client.client_id, now);
                let refused = |why| OAuthError::new(ErrorCode::InvalidRequest, format!("id_token_hint: {why}"));
                sub.map(UserIdentifier::Subject).map_err(refused)
            }
            Hint::Token(token) => {
                let subject = self.subject_of_token(token, client, now).await;
                subject.map(UserIdentifier::Name).map_err(|why| {
                    let code = match why {
                        LoginHintTokenError::Expired => ErrorCode::ExpiredLoginHintToken,
                        _ => ErrorCode::InvalidRequest,
                    };
                    OAuthError::new(code, format!("login_hint_token: {why}"))
                })
            }
        }
    }

    async fn subject_of_token(
        &self,
        token: &str,
        client: &Client,
        now: Timestamp,
    ) -> Result<String, LoginHintTokenError> {
        let by = login_hint_token::issuer(token, &self.config.hint_issuers)?;
        let is_registered = |types: &Vec<String>| by.token_type.as_ref().is_some_and(|by| types.contains(by));
        if !client.hint_token_types.as_ref().is_none_or(is_registered) {
            return Err(LoginHintTokenError::Type);
        }
        let verified =
            self.signatures.verify_by(Some(&by.keys), token, &SigningAlg::ALL, login_hint_token::is_plain).await?;
        login_hint_token::subject(&verified.claims, by, &self.config.issuer, now)
    }
}
