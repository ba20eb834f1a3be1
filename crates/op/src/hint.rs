//! Whom the client means: exactly one hint, of which this provider reads `login_hint` (CIBA Core §7.1).

use countersign_protocol::issuer::Issuer;
use countersign_protocol::json;
use serde::Deserialize;

use crate::http::{Code, Form, OAuthError};

/// A `login_hint`, in one of its two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LoginHint {
    /// A subject, or anything the person's entry lists: e-mail address, phone number, card number.
    Name(String),
    /// A subject at this issuer, as Auth0's clients send it: `{"format":"iss_sub","iss":…,"sub":…}`.
    Subject(String),
}

impl LoginHint {
    /// Reads the hint of a request.
    ///
    /// # Errors
    /// `invalid_request` for no hint, several, a kind that is not read here, or a JSON hint that is not understood.
    pub(crate) fn read(form: &Form, issuer: &Issuer) -> Result<LoginHint, OAuthError> {
        let refused = |what: &str| Err(OAuthError::new(Code::InvalidRequest, what));
        let present = ["login_hint", "id_token_hint", "login_hint_token"].map(|name| form.get(name).is_some());
        match present {
            [true, false, false] => {}
            [false, false, false] => return refused("say who is meant by login_hint"),
            [false, true, false] => return refused("id_token_hint is not supported by this provider: use login_hint"),
            [false, false, true] => {
                return refused("login_hint_token is not supported by this provider: use login_hint");
            }
            _ => return refused("send one hint only: login_hint, id_token_hint or login_hint_token"),
        }
        let hint = form.get("login_hint").unwrap_or_default();
        if !hint.trim_start().starts_with('{') {
            return Ok(LoginHint::Name(hint.to_owned()));
        }
        let Ok(identifier) = json::parse::<Identifier>(hint.as_bytes()) else {
            return refused("the JSON in login_hint must have the texts format, iss and sub");
        };
        if identifier.format != "iss_sub" {
            return refused("the format of login_hint must be iss_sub");
        }
        // Auth0's clients write the issuer with a slash at its end, whatever discovery says.
        if identifier.iss.trim_end_matches('/') != issuer.as_str().trim_end_matches('/') {
            return refused("iss in login_hint is another issuer than this provider");
        }
        Ok(LoginHint::Subject(identifier.sub))
    }
}

#[derive(Deserialize)]
struct Identifier {
    format: String,
    iss: String,
    sub: String,
}
