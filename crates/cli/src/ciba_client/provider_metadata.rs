//! Where a provider is called: its discovery document (OpenID Connect Discovery §4, RFC 8414 §3).

use countersign_protocol::issuer::Issuer;
use countersign_protocol::json::Json;

use super::http_client::HttpClient;
use crate::failure::Failure;

/// What a client needs of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Takes authentication requests.
    pub bc_authorize: String,
    /// Gives tokens.
    pub token: String,
    /// The keys that sign tokens.
    pub jwks: String,
}

/// Reads the discovery document, which must name the very issuer it was asked from.
///
/// # Errors
/// No reply, another issuer, or no CIBA.
pub async fn discover(http: &HttpClient, issuer: &Issuer) -> Result<Endpoints, Failure> {
    let url = issuer.endpoint("/.well-known/openid-configuration");
    let document = http.get(&url).await?.json;
    let text = |name: &str| document.get(name).and_then(Json::as_str);
    if text("issuer") != Some(issuer.as_str()) {
        let what =
            format!("{url} belongs to another issuer than {issuer}; write the issuer exactly as it names itself");
        return Err(Failure::provider("other_issuer", what));
    }
    let endpoint = |name: &str| {
        let found = text(name).ok_or_else(|| {
            Failure::provider("no_ciba", format_args!("{issuer} names no {name}, so this client can't ask it"))
        })?;
        // An issuer's rules are an endpoint's too: https, or http on a loopback address, and no user info.
        let callable = found.split(['?', '#']).next().is_some_and(|plain| plain.parse::<Issuer>().is_ok());
        match callable {
            true => Ok(found.to_owned()),
            false => Err(Failure::provider("bad_endpoint", format_args!("the {name} of {issuer} is no https address"))),
        }
    };
    Ok(Endpoints {
        bc_authorize: endpoint("backchannel_authentication_endpoint")?,
        token: endpoint("token_endpoint")?,
        jwks: endpoint("jwks_uri")?,
    })
}
