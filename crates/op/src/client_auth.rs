//! Who is asking: `client_secret_basic` or `client_secret_post` (RFC 6749 §2.3.1), never both.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use countersign_protocol::random::Random;
use zeroize::Zeroizing;

use crate::config::{Client, ClientAuth, ClientSecret, KeptSecret, SecretMethod};
use crate::http::{Code, Form, OAuthError, decode};
use crate::provider::{Inner, failed};

/// Everybody who may ask, and the hashes of their secrets.
pub(crate) struct Clients {
    by_id: HashMap<String, Arc<Client>>,
    /// Compared with when nobody has the id, so that both take the same time.
    nobody: KeptSecret,
}

/// What a request says about who sent it.
struct Credentials {
    client_id: String,
    secret: Zeroizing<String>,
    /// The same before it was form-decoded, by clients that never encoded it (curl is one).
    raw_secret: Option<Zeroizing<String>>,
    method: SecretMethod,
}

impl Clients {
    pub(crate) fn new(clients: Vec<Client>, random: &dyn Random) -> Clients {
        let nobody = KeptSecret::Read(ClientSecret::random(random)).hashed(random);
        let by_id = clients.into_iter().map(|mut client| {
            if let ClientAuth::Secret { secret, only } = client.auth {
                client.auth = ClientAuth::Secret { secret: secret.hashed(random), only };
            }
            (client.client_id.clone(), Arc::new(client))
        });
        Clients { by_id: by_id.collect(), nobody }
    }

    /// The client of this id, if it stands in the configuration file.
    pub(crate) fn get(&self, client_id: &str) -> Option<&Arc<Client>> {
        self.by_id.get(client_id)
    }

    /// Every client in the configuration file, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.by_id.values()
    }
}

impl Inner {
    /// The client that sent a form with this `Authorization` header.
    ///
    /// # Errors
    /// `invalid_client` (401) for a client that is unknown or can't prove who it is, and `invalid_request` for one that
    /// authenticates in two ways at once.
    pub(crate) fn authenticate(&self, authorization: Option<&str>, form: &Form) -> Result<Arc<Client>, OAuthError> {
        let shown = credentials(authorization, form)?;
        let client = self.find_client(&shown.client_id).map_err(|error| failed(&error))?;
        let (secret, only) = match client.as_ref().map(|client| &client.auth) {
            Some(ClientAuth::Secret { secret, only }) => (secret, *only),
            _ => (&self.clients.nobody, None),
        };
        let raw_matches = shown.raw_secret.as_ref().is_some_and(|raw| secret.matches(raw.as_bytes()));
        let matches = secret.matches(shown.secret.as_bytes()) | raw_matches;
        let Some(client) = client.as_ref().filter(|_| matches) else {
            return Err(OAuthError::new(Code::InvalidClient, "the client is not known or its secret is wrong"));
        };
        match only {
            Some(SecretMethod::Basic) if shown.method == SecretMethod::Post => Err(OAuthError::new(
                Code::InvalidClient,
                "this client is registered for client_secret_basic: send the secret in the Authorization header",
            )),
            Some(SecretMethod::Post) if shown.method == SecretMethod::Basic => Err(OAuthError::new(
                Code::InvalidClient,
                "this client is registered for client_secret_post: send the secret in the body",
            )),
            _ => Ok(client.clone()),
        }
    }
}

fn credentials(authorization: Option<&str>, form: &Form) -> Result<Credentials, OAuthError> {
    let twice = |what| OAuthError::new(Code::InvalidRequest, what);
    if form.get("client_assertion").is_some() || form.get("client_assertion_type").is_some() {
        let what =
            "client assertions are not supported by this provider: use client_secret_basic or client_secret_post";
        return Err(OAuthError::new(Code::InvalidClient, what));
    }
    let in_body = form.get("client_secret");
    let Some(authorization) = authorization else {
        let missing = "the client did not authenticate: use client_secret_basic or client_secret_post";
        let (Some(client_id), Some(secret)) = (form.get("client_id"), in_body) else {
            return Err(OAuthError::new(Code::InvalidClient, missing));
        };
        let secret = Zeroizing::new(secret.to_owned());
        let client_id = client_id.to_owned();
        return Ok(Credentials { client_id, secret, raw_secret: None, method: SecretMethod::Post });
    };
    if in_body.is_some() {
        return Err(twice("the client authenticates in two ways at once: use the Authorization header or the body"));
    }
    let basic = basic(authorization).ok_or_else(|| {
        OAuthError::new(
            Code::InvalidClient,
            "the Authorization header is not Basic with a form-encoded client_id and secret",
        )
    })?;
    if form.get("client_id").is_some_and(|client_id| client_id != basic.client_id) {
        return Err(twice("client_id in the body is another one than in the Authorization header"));
    }
    Ok(basic)
}

/// Both halves are form-encoded before they are joined (RFC 6749 §2.3.1), which matters for `:`, `+` and `%`.
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
    let (client_id, secret) = (decode(&pair[..colon])?, &pair[colon + 1..]);
    let raw_secret = std::str::from_utf8(secret).ok().map(|raw| Zeroizing::new(raw.to_owned()));
    // A raw secret with a % in it may not be form-encoded text at all.
    let secret = Zeroizing::new(decode(secret).or_else(|| raw_secret.as_deref().cloned())?);
    Some(Credentials { client_id, secret, raw_secret, method: SecretMethod::Basic })
}
