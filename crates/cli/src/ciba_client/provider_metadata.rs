//! Provider metadata: the endpoints a client needs (OpenID Connect Discovery 1.0 §4, RFC 8414 §3).

use countersign_jose::json::Json;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::text;

use super::http_client::HttpClient;
use crate::error_code::ErrorCode;
use crate::failure::Failure;

/// The endpoints that a client calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// `backchannel_authentication_endpoint`.
    pub bc_authorize: String,
    /// `token_endpoint`.
    pub token: String,
    /// `jwks_uri`: the keys that sign tokens.
    pub jwks: String,
}

/// Fetches the metadata, whose `issuer` must equal the one given.
///
/// # Errors
/// No reply, another issuer, or an endpoint of CIBA is missing or not callable.
pub async fn discover(http: &HttpClient, issuer: &Issuer) -> Result<Endpoints, Failure> {
    let url = issuer.endpoint("/.well-known/openid-configuration");
    let document = http.get(&url).await?.json;
    let member = |name: &str| document.get(name).and_then(Json::as_str);
    if member("issuer") != Some(issuer.as_str()) {
        let named = match member("issuer") {
            Some(other) => format!("the issuer {}, not {issuer}", text::escape(other)),
            None => format!("no issuer, where {issuer} was expected"),
        };
        let what = format!("{url} names {named}; use the issuer exactly as the provider writes it");
        return Err(Failure::provider(ErrorCode::OtherIssuer, what));
    }
    let endpoint = |name: &str| {
        let found = member(name).ok_or_else(|| {
            Failure::provider(
                ErrorCode::NoCiba,
                format_args!("the metadata of {issuer} has no {name}, so it can't be used for CIBA"),
            )
        })?;
        // An issuer's rules are an endpoint's too: https, or http on a loopback address, and no user info.
        let callable = found.split(['?', '#']).next().is_some_and(|plain| plain.parse::<Issuer>().is_ok());
        match callable {
            true => Ok(found.to_owned()),
            false => Err(Failure::provider(
                ErrorCode::BadEndpoint,
                format_args!("the {name} of {issuer} is not an https URL"),
            )),
        }
    };
    Ok(Endpoints {
        bc_authorize: endpoint("backchannel_authentication_endpoint")?,
        token: endpoint("token_endpoint")?,
        jwks: endpoint("jwks_uri")?,
    })
}
