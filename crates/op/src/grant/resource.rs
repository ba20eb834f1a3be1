//! Resource indicators (RFC 8707): resource servers that a client's access tokens are for, named in the authentication
//! request and allowed by the client's entry. Auth0's clients call the parameter `audience`.

use std::collections::HashSet;

use crate::config::{Client, Profile};
use crate::http::{ErrorCode, Form, OAuthError};

/// Resource servers by URI, without duplicates, in the client's order. Empty: the tokens are for this provider alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Resources(Vec<String>);

impl Resources {
    /// Resources of an authentication request.
    ///
    /// # Errors
    /// `invalid_target` if the client's entry does not list one.
    pub(crate) fn for_request(form: &Form, client: &Client) -> Result<Resources, OAuthError> {
        let named = Resources::in_form(form, client);
        match named.0.iter().all(|resource| client.resources.contains(resource)) {
            true => Ok(named),
            false => Err(invalid("this client may not ask for tokens for this resource: add it to its resources")),
        }
    }

    /// Resources that a form names, unchecked. `audience` is read from Auth0's clients only, and only if the entry has
    /// resources: their libraries send it in any case.
    pub(crate) fn in_form(form: &Form, client: &Client) -> Resources {
        let mut seen = HashSet::new();
        let named: Vec<String> =
            form.all("resource").filter(|resource| seen.insert(*resource)).map(str::to_owned).collect();
        if named.is_empty() && client.profile == Some(Profile::Auth0) && !client.resources.is_empty() {
            return Resources(form.get("audience").map(str::to_owned).into_iter().collect());
        }
        Resources(named)
    }

    /// Resources of the access token: those that the token request names, else all granted ones (RFC 8707 §2.2).
    ///
    /// # Errors
    /// `invalid_target` if one was not granted.
    pub(crate) fn narrowed_to(&self, named: &Resources) -> Result<Resources, OAuthError> {
        match &named.0 {
            none if none.is_empty() => Ok(self.clone()),
            some if some.iter().all(|resource| self.0.contains(resource)) => Ok(named.clone()),
            _ => Err(invalid("the approval does not cover this resource: name it in the authentication request")),
        }
    }

    /// The store's column: URIs separated by spaces, which no URI contains; `None` if empty.
    pub(crate) fn to_column(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(" "))
    }

    /// Reads the store's column.
    pub(crate) fn from_column(column: Option<&str>) -> Resources {
        Resources(column.into_iter().flat_map(|column| column.split(' ')).map(str::to_owned).collect())
    }

    /// The URIs, in the client's order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn invalid(description: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidTarget, description)
}
