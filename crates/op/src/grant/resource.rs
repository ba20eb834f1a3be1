//! Which resource servers a client's access tokens are for (RFC 8707): named in the authentication request, among those of the
//! client's entry. Auth0's clients call the parameter `audience`.

use std::collections::HashSet;

use crate::config::{Client, Profile};
use crate::http::{ErrorCode, Form, OAuthError};

/// Resource servers, by their addresses: each once, in the order in which they were named. None: the tokens are for this provider alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Resources(Vec<String>);

impl Resources {
    /// What a request for an approval asks for.
    ///
    /// # Errors
    /// `invalid_target` where one is not the client's.
    pub(crate) fn asked(form: &Form, client: &Client) -> Result<Resources, OAuthError> {
        let named = Resources::named(form, client);
        match named.0.iter().all(|resource| client.resources.contains(resource)) {
            true => Ok(named),
            false => Err(invalid("this client may not ask for tokens for this resource: add it to its resources")),
        }
    }

    /// What the client names, which may be anything. `audience` is no parameter of others, and these clients send it whether or not
    /// anybody registered it.
    pub(crate) fn named(form: &Form, client: &Client) -> Resources {
        let mut seen = HashSet::new();
        let named: Vec<String> =
            form.all("resource").filter(|resource| seen.insert(*resource)).map(str::to_owned).collect();
        if named.is_empty() && client.profile == Some(Profile::Auth0) && !client.resources.is_empty() {
            return Resources(form.get("audience").map(str::to_owned).into_iter().collect());
        }
        Resources(named)
    }

    /// Those that a token request names, all of them where it names none: what the access token is for (RFC 8707 §2.2).
    ///
    /// # Errors
    /// `invalid_target` where one is not among these.
    pub(crate) fn narrowed_to(&self, named: &Resources) -> Result<Resources, OAuthError> {
        match &named.0 {
            none if none.is_empty() => Ok(self.clone()),
            some if some.iter().all(|resource| self.0.contains(resource)) => Ok(named.clone()),
            _ => Err(invalid("the approval does not cover this resource: name it in the authentication request")),
        }
    }

    /// As they stand in the store: separated by blanks, of which an address has none; `None` for none.
    pub(crate) fn to_column(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(" "))
    }

    /// Out of the store.
    pub(crate) fn from_column(column: Option<&str>) -> Resources {
        Resources(column.into_iter().flat_map(|column| column.split(' ')).map(str::to_owned).collect())
    }

    /// In their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn invalid(what: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidTarget, what)
}
