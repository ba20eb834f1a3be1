//! `GET` and `POST /userinfo` (OpenID Connect Core §5.3): claims about the user, for the holder of an access token.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::client_certificate;
use crate::directory::{Directory, UserIdentifier};
use crate::grant::confirmation::Confirmation;
use crate::http::{DPOP, ErrorCode, NO_STORE, OAuthError, PRAGMA, PeerCertificate, server_error, single_header};
use crate::issuance::Issuance;
use crate::issuance::access_token::VerifiedAccessToken;
use crate::issuance::sender_constraint::SenderConstraints;

/// State of `/userinfo`.
pub(crate) struct Userinfo {
    pub(crate) directory: Arc<Directory>,
    pub(crate) issuance: Arc<Issuance>,
    pub(crate) sender_constraints: Arc<SenderConstraints>,
}

/// `GET` and `POST /userinfo`.
pub(crate) async fn userinfo(State(endpoint): State<Arc<Userinfo>>, request: Request) -> Response {
    match endpoint.claims_for(request.into_parts().0).await {
        Ok(claims) => (StatusCode::OK, [NO_STORE, PRAGMA], Json(claims)).into_response(),
        Err(error) => error.into_response(),
    }
}

impl Userinfo {
    async fn claims_for(&self, request: Parts) -> Result<Value, OAuthError> {
        let invalid = |description: &str| OAuthError::new(ErrorCode::InvalidToken, description);
        let (scheme, token) = access_token_of(&request.headers).ok_or_else(|| {
            invalid("send the access token in the Authorization header, as Bearer, or as DPoP with a proof")
        })?;
        let access = self.issuance.active_access_token(&token).await.map_err(|error| server_error(&error))?;
        let access = access.ok_or_else(|| invalid("the access token is invalid, expired or revoked"))?;
        self.check_sender_constraint(&access, scheme, &token, &request).await?;
        let granted = |name: &str| access.scope.split(' ').any(|scope| scope == name);
        if !granted("openid") {
            return Err(invalid("the access token is not for userinfo: its scope does not contain openid"));
        }
        let user = self
            .directory
            .find_user(&UserIdentifier::Subject(access.sub.clone()))
            .await
            .map_err(|error| server_error(&error))?;
        let mut claims = json!({ "sub": access.sub });
        let Some(user) = user else { return Ok(claims) };
        if granted("profile") {
            claims["name"] = user.name.as_str().into();
        }
        if let Some(email) = user.email.as_deref().filter(|_| granted("email")) {
            claims["email"] = email.into();
        }
        Ok(claims)
    }

    /// Checks that a bound token comes with a proof by its key, or on a connection with its certificate (RFC 9449 §7.1,
    /// RFC 8705 §3).
    ///
    /// # Errors
    /// `invalid_token`, and `invalid_dpop_proof` for the proof itself.
    async fn check_sender_constraint(
        &self,
        access: &VerifiedAccessToken,
        scheme: Scheme,
        token: &str,
        request: &Parts,
    ) -> Result<(), OAuthError> {
        let invalid = |description: &str| OAuthError::new(ErrorCode::InvalidToken, description);
        match (access.confirmation, scheme) {
            (None, Scheme::Bearer) => Ok(()),
            (None, Scheme::Dpop) => Err(invalid("the access token is not bound to a key: send it as Bearer")),
            (Some(Confirmation::Key(_)), Scheme::Bearer) => {
                Err(invalid("the access token is bound to a key: send it as DPoP, with a proof by that key"))
            }
            (Some(Confirmation::Key(key)), Scheme::Dpop) => {
                let proof = single_header(&request.headers, &DPOP, "DPoP")?;
                let proof = proof.ok_or_else(|| invalid("the DPoP header with the proof is missing"))?;
                let path = request.uri.path().to_owned();
                let thumbprint = self
                    .sender_constraints
                    .verify_dpop_with_token(&proof, request.method.as_str(), &path, Some(token))
                    .await?;
                if thumbprint == key { Ok(()) } else { Err(invalid("the proof was signed by another key")) }
            }
            (Some(Confirmation::Certificate(expected)), _) => {
                let certificate = request.extensions.get::<PeerCertificate>();
                match certificate.is_some_and(|certificate| client_certificate::thumbprint(certificate) == expected) {
                    true => Ok(()),
                    false => Err(invalid("the access token is bound to a certificate: connect with it")),
                }
            }
        }
    }
}

/// Authentication scheme of the access token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Bearer,
    Dpop,
}

/// The access token in the single `Authorization` header; query and form are not read (RFC 6750 §5.3).
fn access_token_of(headers: &HeaderMap) -> Option<(Scheme, String)> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    let scheme = match scheme {
        _ if scheme.eq_ignore_ascii_case("Bearer") => Scheme::Bearer,
        _ if scheme.eq_ignore_ascii_case("DPoP") => Scheme::Dpop,
        _ => return None,
    };
    Some((scheme, token.trim().to_owned()))
}
