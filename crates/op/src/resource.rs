//! Which resource server a client's access tokens are for (RFC 8707): named in the authentication request, among those of the client's
//! entry. Auth0's clients call the parameter `audience`.

use crate::config::{Client, Profile};
use crate::http::{Code, Form, OAuthError};

/// The resource that a request asks for.
///
/// # Errors
/// `invalid_target` for one that is not the client's.
pub(crate) fn asked(form: &Form, client: &Client) -> Result<Option<String>, OAuthError> {
    let Some(resource) = named(form, client) else { return Ok(None) };
    match client.resources.iter().any(|known| known == resource) {
        true => Ok(Some(resource.to_owned())),
        false => Err(invalid("this client may not ask for tokens for this resource: add it to its resources")),
    }
}

/// At the token endpoint nothing but what the request was about.
///
/// # Errors
/// `invalid_target` for another one.
pub(crate) fn check(named: Option<&str>, granted: Option<&str>) -> Result<(), OAuthError> {
    match named {
        Some(resource) if granted != Some(resource) => {
            Err(invalid("the approval is not about this resource: name it in the authentication request"))
        }
        _ => Ok(()),
    }
}

/// The resource that a client names. `audience` is no parameter of others, and these clients send it whether or not anybody registered it.
pub(crate) fn named<'f>(form: &'f Form, client: &Client) -> Option<&'f str> {
    let audience =
        || form.get("audience").filter(|_| client.profile == Some(Profile::Auth0) && !client.resources.is_empty());
    form.get("resource").or_else(audience)
}

fn invalid(what: &str) -> OAuthError {
    OAuthError::new(Code::InvalidTarget, what)
}
