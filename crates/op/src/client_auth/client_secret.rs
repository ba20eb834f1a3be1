//! `client_secret_basic` and `client_secret_post` (RFC 6749 §2.3.1).

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::{ClientAuthentication, invalid_client, wrong_method};
use crate::config::{Client, ClientAuth, SecretMethod};
use crate::http::{ErrorCode, Form, OAuthError, decode};

/// `client_id` and secret of a request.
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    /// The id before form-decoding, where that differs, for clients that don't encode it.
    pub(crate) raw_client_id: Option<String>,
    secret: Zeroizing<String>,
    /// The secret before form-decoding, for clients that don't encode it (curl is one).
    raw_secret: Option<Zeroizing<String>>,
    method: SecretMethod,
}

impl ClientAuthentication {
    /// Authenticates a client by its secret. An unknown one takes as long as a wrong secret.
    ///
    /// # Errors
    /// `invalid_client`.
    pub(super) fn check_secret(&self, client: Option<&Client>, credentials: &Credentials) -> Result<(), OAuthError> {
        let (secret, only) = match client.map(|client| &client.auth) {
            Some(ClientAuth::Secret { secret, only }) => (secret, *only),
            _ => (&self.directory.configured_clients().decoy_secret, None),
        };
        let raw_matches = credentials.raw_secret.as_ref().is_some_and(|raw| secret.matches(raw.as_bytes()));
        let matches = secret.matches(credentials.secret.as_bytes()) | raw_matches;
        match client {
            Some(_) if matches && only.is_none_or(|only| only == credentials.method) => Ok(()),
            Some(client) if matches || !matches!(client.auth, ClientAuth::Secret { .. }) => {
                Err(wrong_method(&client.auth))
            }
            _ => Err(invalid_client("the client is not known or its secret is wrong")),
        }
    }
}

impl Credentials {
    /// Reads them from the header, else from the body.
    ///
    /// # Errors
    /// `invalid_client` if they are malformed or incomplete; `invalid_request` if header and body name different
    /// clients.
    pub(crate) fn read(authorization: Option<&str>, form: &Form) -> Result<Credentials, OAuthError> {
        let Some(authorization) = authorization else {
            let (Some(client_id), Some(secret)) = (form.get("client_id"), form.get("client_secret")) else {
                return Err(invalid_client("client_secret came without client_id"));
            };
            let secret = Zeroizing::new(secret.to_owned());
            let client_id = client_id.to_owned();
            let (raw_client_id, raw_secret) = (None, None);
            return Ok(Credentials { client_id, raw_client_id, secret, raw_secret, method: SecretMethod::Post });
        };
        let basic = basic(authorization).ok_or_else(|| {
            invalid_client("the Authorization header is not Basic with a form-encoded client_id and secret")
        })?;
        let is_other = |named: &str| named != basic.client_id && Some(named) != basic.raw_client_id.as_deref();
        if form.get("client_id").is_some_and(is_other) {
            let description = "client_id in the body differs from the one in the Authorization header";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
        }
        Ok(basic)
    }
}

/// Decodes HTTP Basic; both halves are form-encoded before they are joined (RFC 6749 §2.3.1), which matters for `:`,
/// `+` and `%`.
fn basic(authorization: &str) -> Option<Credentials> {
    const LENIENT_PADDING: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let (scheme, token) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let pair = Zeroizing::new(LENIENT_PADDING.decode(token.trim()).ok()?);
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let (client_id, secret) = (&pair[..colon], &pair[colon + 1..]);
    let raw = |half: &[u8]| std::str::from_utf8(half).ok().map(str::to_owned);
    let (raw_client_id, raw_secret) = (raw(client_id), raw(secret).map(Zeroizing::new));
    // A raw id or secret that contains % may not be decodable.
    let client_id = decode(client_id).or_else(|| raw_client_id.clone())?;
    let secret = Zeroizing::new(decode(secret).or_else(|| raw_secret.as_deref().cloned())?);
    let raw_client_id = raw_client_id.filter(|raw| *raw != client_id);
    Some(Credentials { client_id, raw_client_id, secret, raw_secret, method: SecretMethod::Basic })
}
