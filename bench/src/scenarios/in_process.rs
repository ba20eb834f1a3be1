//! Flows per second with the decision in process: `/bc-authorize`, an approval on disk, `/token` with an ES256 ID token. A second
//! provider, if given, is measured in alternation, window by window.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::key::PublicKey;
use serde_json::Value;

use crate::bench_provider::IN_PROCESS_USERS;
use crate::failure::Failure;
use crate::load::{Worker, closed_loop};
use crate::load_client::{Client, Target};
use crate::plan::{ComparedProvider, Plan};
use crate::provider_child::ProviderChild;
use crate::report::Figure;

const CLIENTS: [usize; 3] = [1, 8, 32];

/// Runs the measurement.
///
/// # Errors
/// [`Failure`] when a provider doesn't start or a flow fails.
pub async fn measure(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let own = ProviderChild::start(&["provider".to_owned()])?;
    verify_one(&own.target()).await?;
    let mut sides = vec![MeasuredProvider::new("in_process", &own.target(), own.id(), "auto{n}")];
    if let Some(beside) = &plan.beside {
        sides.push(MeasuredProvider::beside(beside));
    }
    let mut figures: Vec<Figure> = Vec::new();
    for clients in plan.client_counts(&CLIENTS) {
        let from = figures.len();
        figures.extend(sides.iter().map(|side| side.figure(clients)));
        let mut workers = Vec::new();
        for side in &sides {
            workers.push(side.workers(clients).await?);
        }
        for _ in 0..plan.rounds {
            for (n, side) in sides.iter().enumerate() {
                let active = std::mem::take(&mut workers[n]);
                let (idle, window) = closed_loop(active, side.process, plan.warm_up, plan.window).await?;
                workers[n] = idle;
                figures[from + n].windows.push(window);
            }
        }
    }
    Ok(figures)
}

/// A provider under test, and the users to ask there.
struct MeasuredProvider {
    name: String,
    target: Target,
    process: u32,
    login_hint: String,
    count: Arc<AtomicUsize>,
}

impl MeasuredProvider {
    fn new(name: &str, target: &Target, process: u32, login_hint: &str) -> MeasuredProvider {
        let (name, login_hint) = (name.to_owned(), login_hint.to_owned());
        MeasuredProvider { name, target: target.clone(), process, login_hint, count: Arc::default() }
    }

    fn beside(beside: &ComparedProvider) -> MeasuredProvider {
        MeasuredProvider::new(&beside.name, &beside.target, beside.process, &beside.login_hint)
    }

    fn figure(&self, clients: usize) -> Figure {
        let steps = if self.target.approve_url.is_some() {
            "/bc-authorize, decision by HTTP, /token"
        } else {
            "/bc-authorize, /token"
        };
        let what = format!("{steps}; decision in process, client_secret_basic, ID token by ES256");
        Figure::new(&self.name, &what, clients)
    }

    async fn workers(&self, clients: usize) -> Result<Vec<LoadClient>, Failure> {
        let mut workers = Vec::new();
        for _ in 0..clients {
            let client = Client::discover(&self.target).await?;
            workers.push(LoadClient { client, login_hint: self.login_hint.clone(), count: self.count.clone() });
        }
        Ok(workers)
    }
}

/// A client that asks the users in turn.
struct LoadClient {
    client: Client,
    login_hint: String,
    count: Arc<AtomicUsize>,
}

impl Worker for LoadClient {
    async fn flow(&mut self) -> Result<(), Failure> {
        let n = self.count.fetch_add(1, Ordering::Relaxed) % IN_PROCESS_USERS;
        let tokens = self.client.flow(&self.login_hint.replace("{n}", &n.to_string())).await?;
        match tokens.id_token.split('.').count() {
            3 => Ok(()),
            _ => Err(Failure::new("/token", "the ID token is not a JWT")),
        }
    }
}

/// Runs one flow and verifies its tokens: signature by the published key, user, client, and no device.
async fn verify_one(target: &Target) -> Result<(), Failure> {
    let (mut client, keys) = Client::with_keys(target).await?;
    let tokens = client.flow("auto7").await?;
    for (token, audience) in
        [(&tokens.id_token, target.client_id.as_str()), (&tokens.access_token, target.issuer.as_str())]
    {
        let claims =
            claims(token, &keys).ok_or_else(|| Failure::new("a token", "is not signed by the provider's key"))?;
        let issuer = target.issuer.as_str().trim_end_matches('/');
        let is_valid = claims["iss"] == issuer
            && claims["aud"].as_str().map(|aud| aud.trim_end_matches('/')) == Some(audience.trim_end_matches('/'))
            && claims["sub"] == "auto7"
            && claims["approval"]["in_process"] == true
            && claims.get("amr").is_none()
            && claims.get("acr").is_none();
        if !is_valid {
            return Err(Failure::new("a token", format!("has other claims than expected: {claims}")));
        }
    }
    Ok(())
}

/// The claims of a JWT, if one of the keys signed it.
fn claims(token: &str, keys: &Value) -> Option<Value> {
    let (input, signature) = token.rsplit_once('.')?;
    let signature: [u8; 64] = URL_SAFE_NO_PAD.decode(signature).ok()?.try_into().ok()?;
    let signed_by = |jwk: &Value| {
        let key: Option<PublicKey> = serde_json::from_value(jwk.clone()).ok();
        key.is_some_and(|key| key.verify(input.as_bytes(), &signature).is_ok())
    };
    keys["keys"].as_array()?.iter().find(|jwk| signed_by(jwk))?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(input.split_once('.')?.1).ok()?).ok()
}
