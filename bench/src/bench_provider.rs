//! The provider under test: the real one, with its home on disk. In one mode users approve in process, without a device; the tokens
//! say so (`approval.in_process`, neither `amr` nor `acr`).

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_device::edge::system;
use countersign_gateway::{InProcessApprover, Ports};
use countersign_jose::random;
use countersign_op::{Config, Provider};
use countersign_protocol::id::Subject;
use serde_json::json;
use tokio::net::TcpListener;

use crate::failure::Failure;
use crate::fill;
use crate::load_client::Target;
use crate::loopback_tls;

/// The one client, which may use `client_secret_basic` and `client_secret_post`.
pub const CLIENT_ID: &str = "bench";
/// Another client with the same secret, from which unknown users are hidden.
pub const HIDING_CLIENT_ID: &str = "stranger";
/// Users without a device: `deviceless0` and so on.
pub const DEVICELESS_USER: &str = "deviceless";
/// Locked users: `locked0` and so on.
pub const LOCKED_USER: &str = "locked";
/// How many of each.
const HIDDEN_USERS: usize = 50;
/// Number of users that approve in process: `auto0`, `auto1` and so on.
pub const IN_PROCESS_USERS: usize = 100;

/// How users approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalMode {
    /// `auto0` to `auto99`, in process.
    InProcess,
    /// On the devices of `user0` and so on; opened as `countersign op serve` opens it.
    Devices {
        /// Number of users with a link for a device.
        users: usize,
        /// Number of further users, `crowd0` and so on, with a device before the provider serves.
        enrolled: usize,
        /// Number of their requests that have expired before the provider serves.
        expired: usize,
        /// Where their devices are pushed to: `<URL>/0` and so on.
        push_service: Option<String>,
        /// Whether each of them has a request that waits when the provider begins to serve.
        asked: bool,
    },
}

/// A provider with its listener, ready to serve.
pub struct BoundProvider {
    provider: Provider,
    listener: TcpListener,
    ready: serde_json::Value,
    target: Target,
    path: PathBuf,
    /// The home, if none was given; removed when this is dropped.
    _home: Option<tempfile::TempDir>,
}

/// Opens a provider on this port of the loopback address (0: any) over `home`, or over a new folder under `target/bench`; with `tls` it
/// serves TLS itself.
///
/// # Errors
/// [`Failure`] when port or home can't be used.
pub async fn open(port: u16, home: Option<PathBuf>, mode: ApprovalMode, tls: bool) -> Result<BoundProvider, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(Failure::io("the port"))?;
    let address = listener.local_addr().map_err(Failure::io("the port"))?;
    let fresh = home.is_none().then(fresh_home).transpose()?;
    let path = match (&home, &fresh) {
        (Some(home), _) => home.as_path(),
        (None, Some(fresh)) => fresh.path(),
        (None, None) => unreachable!("a fresh home was made"),
    };
    let secret = secret();
    let issuer = format!("{}://{address}", if tls { "https" } else { "http" });
    let mut text = configuration(&issuer, &secret, &mode);
    let certificate = tls.then(|| loopback_tls::make(path)).transpose()?;
    if tls {
        let (certificate, key) = (loopback_tls::CERTIFICATE, loopback_tls::KEY);
        text.push_str(&format!("\n[tls]\ncert = \"{certificate}\"\nkey = \"{key}\"\n"));
    }
    let config =
        Config::parse(&text, path).map_err(|errors| Failure::new("the configuration", format!("{errors:?}")))?;
    let ports = Ports { clock: system::clock(), random: system::random() };
    let provider = open_provider(config, path, ports, &mode).map_err(|error| Failure::new("the provider", error))?;
    let mut ready = json!({
        "event": "ready",
        "issuer": issuer,
        "certificate": certificate,
        "client_id": CLIENT_ID,
        "client_secret": secret,
        "home": path,
    });
    let issuer = issuer.parse().map_err(|error| Failure::new("the issuer", error))?;
    let target = Target { issuer, client_id: CLIENT_ID.to_owned(), client_secret: secret, approve_url: None };
    if let ApprovalMode::Devices { users, enrolled, expired, push_service, asked } = mode {
        fill::enroll(&provider, &target.issuer, enrolled, push_service.as_deref()).await?;
        fill::expire(&provider, &target, enrolled, expired).await?;
        if asked {
            fill::ask(&provider, &target, enrolled).await?;
        }
        let mut links = Vec::new();
        for n in 0..users {
            links.push(fill::link(&provider, &format!("user{n}")).await?);
        }
        ready["links"] = json!(links);
    }
    let path = path.to_owned();
    Ok(BoundProvider { provider, listener, ready, target, path, _home: fresh })
}

impl BoundProvider {
    /// The `ready` line: issuer, client and links.
    pub fn ready(&self) -> &serde_json::Value {
        &self.ready
    }

    /// The provider, for filling it in process.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Its issuer, and the client to use.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The folder of its state.
    pub fn home(&self) -> &Path {
        &self.path
    }

    /// Serves until `stopped` resolves.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn serve(self, stopped: impl Future<Output = ()> + Send) -> Result<(), Failure> {
        self.provider.serve(self.listener, stopped).await.map_err(Failure::io("serving"))
    }
}

#[expect(clippy::disallowed_methods, reason = "the benchmark may open a provider with an in-process approver")]
fn open_provider(
    config: Config,
    home: &Path,
    ports: Ports,
    mode: &ApprovalMode,
) -> Result<Provider, countersign_op::OpenError> {
    match mode {
        ApprovalMode::InProcess => Provider::open_with_approver(config, home, ports, Arc::new(AutoUsers)),
        ApprovalMode::Devices { .. } => Provider::open(config, home, ports),
    }
}

/// Approves for every user whose `sub` begins with `auto`.
struct AutoUsers;

impl InProcessApprover for AutoUsers {
    fn approves(&self, subject: &Subject) -> bool {
        subject.as_str().starts_with("auto")
    }
}

fn configuration(issuer: &str, secret: &str, mode: &ApprovalMode) -> String {
    let with = |prefix: &str, count: usize, more: &str| -> String {
        (0..count).map(|n| format!("[[users]]\nsub = \"{prefix}{n}\"\n{more}")).collect()
    };
    let named = |prefix: &str, count: usize| with(prefix, count, "");
    let hidden = named(DEVICELESS_USER, HIDDEN_USERS) + &with(LOCKED_USER, HIDDEN_USERS, "locked = true\n");
    let users = match mode {
        ApprovalMode::InProcess => named("auto", IN_PROCESS_USERS),
        ApprovalMode::Devices { users, enrolled, .. } => named("user", *users) + &named("crowd", *enrolled),
    };
    let egress = match mode {
        ApprovalMode::Devices { push_service: Some(_), .. } => "[egress]\nallow = [\"127.0.0.1\"]\n",
        _ => "",
    };
    format!(
        r#"issuer = "{issuer}"
name = "Bench"
mode = "test"
authorization_details_types = ["payment_initiation", "account_information", "generic"]

[policy]
interval = "1s"
requests_per_minute = 100_000_000
pending_requests = 10_000_000
prompts_per_minute = 1000
max_pending = 1000

[[clients]]
client_id = "{CLIENT_ID}"
name = "Acme Coffee"
secret = "{secret}"
first_party = true
verified = true

[[clients]]
client_id = "{HIDING_CLIENT_ID}"
name = "Stranger"
secret = "{secret}"

[policy.unvouched_prompts]
per_minute = 1000
pending = 1000

{egress}{hidden}{users}"#
    )
}

/// 256 random bits as hexadecimal digits.
fn secret() -> String {
    random::bytes::<32>(&*system::random()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A folder beside the build, on disk and not on a memory file system, so that commits cost what they do in production.
fn fresh_home() -> Result<tempfile::TempDir, Failure> {
    let around = target_directory().join("bench");
    fs::create_dir_all(&around).map_err(Failure::io("target/bench"))?;
    tempfile::Builder::new().prefix("home-").tempdir_in(&around).map_err(Failure::io("target/bench"))
}

/// Cargo's target directory: results and homes go there.
pub fn target_directory() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    target.map_or_else(|| PathBuf::from("target"), Path::to_owned)
}
