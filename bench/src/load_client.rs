//! CIBA client of the load (poll mode, `client_secret_basic`): metadata, authentication request, polling for tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::failure::Failure;
use crate::http_connection::{Connection, Reply};

const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";

/// The provider, and the client to authenticate as.
#[derive(Debug, Clone)]
pub struct Target {
    /// The issuer.
    pub issuer: Url,
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// URL to POST to between request and poll, for a provider that takes the user's decision there; `{auth_req_id}` is replaced.
    pub approve_url: Option<String>,
}

/// A client with one connection.
pub struct Client {
    connection: Connection,
    host: String,
    ask: String,
    token: String,
    revoke: String,
    authorization: String,
    approve_url: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    backchannel_authentication_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    revocation_endpoint: Option<Url>,
}

#[derive(Deserialize)]
struct Acknowledgement {
    auth_req_id: String,
}

/// A token response.
#[derive(Deserialize)]
pub struct Tokens {
    /// The access token, a JWT.
    pub access_token: String,
    /// The ID token, a JWT.
    pub id_token: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Client {
    /// Reads the provider's discovery document.
    ///
    /// # Errors
    /// [`Failure`] when it has none.
    pub async fn discover(target: &Target) -> Result<Client, Failure> {
        Ok(Client::with_keys(target).await?.0)
    }

    /// As [`Client::discover`], and the document with the keys that sign tokens.
    ///
    /// # Errors
    /// [`Failure`] when the provider has no such documents.
    pub async fn with_keys(target: &Target) -> Result<(Client, serde_json::Value), Failure> {
        Client::read(Connection::to(&target.issuer)?, target).await
    }

    /// As [`Client::discover`], over this connection.
    ///
    /// # Errors
    /// [`Failure`] when the provider has no such documents.
    pub async fn with_connection(connection: Connection, target: &Target) -> Result<Client, Failure> {
        Ok(Client::read(connection, target).await?.0)
    }

    async fn read(mut connection: Connection, target: &Target) -> Result<(Client, serde_json::Value), Failure> {
        let issuer = target.issuer.as_str().trim_end_matches('/');
        let info: Url = format!("{issuer}/.well-known/openid-configuration")
            .parse()
            .map_err(|error| Failure::new("the issuer", error))?;
        let metadata: Metadata = get(&mut connection, &info).await?;
        let keys = get(&mut connection, &metadata.jwks_uri).await?;
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(&target.client_id), encoded(&target.client_secret));
        let client = Client {
            host: host(&target.issuer),
            connection,
            ask: metadata.backchannel_authentication_endpoint.path().to_owned(),
            token: metadata.token_endpoint.path().to_owned(),
            revoke: metadata.revocation_endpoint.map_or_else(String::new, |url| url.path().to_owned()),
            authorization: format!("Basic {}", STANDARD.encode(pair)),
            approve_url: target.approve_url.clone(),
        };
        Ok((client, keys))
    }

    /// One flow: sends the request, and polls until there are tokens.
    ///
    /// # Errors
    /// [`Failure`] unless it ends with tokens.
    pub async fn flow(&mut self, login_hint: &str) -> Result<Tokens, Failure> {
        let request = self.ask(login_hint).await?;
        if let Some(url) = &self.approve_url {
            let url: Url = url
                .replace("{auth_req_id}", &byte_serialize(request.as_bytes()).collect::<String>())
                .parse()
                .map_err(|error| Failure::new("the address to approve at", error))?;
            let path = url[url::Position::BeforePath..].to_owned();
            let reply = self.post(&path, String::new()).await?;
            if !reply.status.is_success() {
                return Err(Failure::new("approving", reply.status));
            }
        }
        self.collect(&request).await
    }

    /// `POST /bc-authorize`; returns the `auth_req_id`.
    ///
    /// # Errors
    /// [`Failure`] when it is refused.
    pub async fn ask(&mut self, login_hint: &str) -> Result<String, Failure> {
        self.ask_for(login_hint, None).await
    }

    /// As [`Client::ask`], with a requested lifetime in seconds.
    ///
    /// # Errors
    /// [`Failure`] when it is refused.
    pub async fn ask_for(&mut self, login_hint: &str, requested_expiry: Option<u64>) -> Result<String, Failure> {
        self.send_request(request_form(login_hint, requested_expiry, None)).await
    }

    /// As [`Client::ask`], with `authorization_details`.
    ///
    /// # Errors
    /// [`Failure`] when it is refused.
    pub async fn ask_with_details(&mut self, login_hint: &str, details: &str) -> Result<String, Failure> {
        self.send_request(request_form(login_hint, None, Some(details))).await
    }

    async fn send_request(&mut self, form: String) -> Result<String, Failure> {
        let path = self.ask.clone();
        let acknowledged: Acknowledgement = self.post(&path, form).await?.json("/bc-authorize", StatusCode::OK)?;
        Ok(acknowledged.auth_req_id)
    }

    /// `POST /revoke` for a pending request.
    ///
    /// # Errors
    /// [`Failure`] when it is refused.
    pub async fn cancel(&mut self, auth_req_id: &str) -> Result<(), Failure> {
        let mut form = Serializer::new(String::new());
        form.append_pair("token", auth_req_id);
        let path = self.revoke.clone();
        let reply = self.post(&path, form.finish()).await?;
        if reply.status == StatusCode::OK { Ok(()) } else { Err(Failure::new("/revoke", reply.status)) }
    }

    /// `POST /token`, again while the request is pending.
    ///
    /// # Errors
    /// [`Failure`] when it ends otherwise than with tokens.
    pub async fn collect(&mut self, auth_req_id: &str) -> Result<Tokens, Failure> {
        let form = poll_form(auth_req_id);
        let path = self.token.clone();
        loop {
            let reply = self.post(&path, form.clone()).await?;
            if reply.status == StatusCode::BAD_REQUEST
                && reply.json::<Refusal>("/token", reply.status)?.error == "authorization_pending"
            {
                continue;
            }
            return reply.json("/token", StatusCode::OK);
        }
    }

    /// One `POST /token` for this request, whatever the answer.
    ///
    /// # Errors
    /// [`Failure`] when there is none.
    pub async fn poll_once(&mut self, auth_req_id: &str) -> Result<(), Failure> {
        let form = poll_form(auth_req_id);
        let path = self.token.clone();
        self.post(&path, form).await.map(drop)
    }

    async fn post(&mut self, path: &str, form: String) -> Result<Reply, Failure> {
        let request = Request::post(path)
            .header(header::HOST, &self.host)
            .header(header::AUTHORIZATION, &self.authorization)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form)))
            .map_err(|error| Failure::new("a request", error))?;
        self.connection.send(request).await
    }
}

fn poll_form(auth_req_id: &str) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", CIBA_GRANT).append_pair("auth_req_id", auth_req_id);
    form.finish()
}

fn request_form(login_hint: &str, requested_expiry: Option<u64>, details: Option<&str>) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("scope", "openid").append_pair("login_hint", login_hint);
    form.append_pair("binding_message", "Till-2");
    if let Some(seconds) = requested_expiry {
        form.append_pair("requested_expiry", &seconds.to_string());
    }
    if let Some(details) = details {
        form.append_pair("authorization_details", details);
    }
    form.finish()
}

/// Fetches a JSON document.
///
/// # Errors
/// [`Failure`] unless the reply is 200 with JSON of this type.
pub async fn get<T: DeserializeOwned>(connection: &mut Connection, url: &Url) -> Result<T, Failure> {
    let request = Request::get(&url[url::Position::BeforePath..])
        .header(header::HOST, host(url))
        .body(Full::new(Bytes::new()))
        .map_err(|error| Failure::new("a request", error))?;
    connection.send(request).await?.json(url.as_str(), StatusCode::OK)
}

fn host(url: &Url) -> String {
    url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()
}
