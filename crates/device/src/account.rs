//! What the device keeps of one enrollment.

use std::fmt;
use std::str::FromStr;

use countersign_protocol::discovery::{Discovery, Endpoints, Mode, Support};
use countersign_protocol::encoding;
use countersign_protocol::enrollment::EnrollmentStatement;
use countersign_protocol::id::{DeviceId, Subject};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::key::{PublicKey, Thumbprint};
use countersign_protocol::manifest::ManifestChain;
use countersign_protocol::random::{self, Random};
use countersign_protocol::registration::{DeviceClass, KeyProtection};
use serde::{Deserialize, Serialize};

/// Names an account on this device; it never leaves it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(String);

/// The text is not an account's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an account (ac_…); `countersign accounts` lists them")]
pub struct InvalidAccountId;

impl AccountId {
    /// A new id.
    pub fn random(random: &dyn Random) -> AccountId {
        AccountId(format!("ac_{}", encoding::encode(&random::bytes::<12>(random))))
    }

    /// The id as text; it is safe in a file's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = InvalidAccountId;

    fn from_str(text: &str) -> Result<AccountId, InvalidAccountId> {
        let rest = text.strip_prefix("ac_").ok_or(InvalidAccountId)?;
        let plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if rest.is_empty() || rest.len() > 64 || !plain {
            return Err(InvalidAccountId);
        }
        Ok(AccountId(text.to_owned()))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One enrollment: this device for one user at one provider.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id on this device.
    pub id: AccountId,
    /// What the person called this device.
    pub device_name: String,
    /// The provider.
    pub issuer: Issuer,
    /// Whether this provider is for tests: shown as TEST everywhere.
    pub test: bool,
    /// The provider's own help line.
    pub support: Option<Support>,
    /// Where the provider is called.
    #[serde(rename = "addresses")]
    pub endpoints: AccountEndpoints,
    /// The user.
    pub subject: Subject,
    /// The user's name.
    pub subject_label: String,
    /// This device at the provider.
    pub device_id: DeviceId,
    /// Person or program.
    pub device_class: DeviceClass,
    /// What keeps the approval key.
    pub key_protection: KeyProtection,
    /// The transport key.
    pub transport_key: PublicKey,
    /// The approval key.
    pub approval_key: PublicKey,
    /// Thumbprint of the provider's evidence root, pinned at enrollment.
    pub root: Thumbprint,
    /// The provider's key manifests, verified when they were stored.
    pub manifests: ManifestChain,
    /// The statements about this device, oldest first; empty until it is confirmed.
    pub statements: Vec<Compact<EnrollmentStatement>>,
    /// The credential, sealed by the key store.
    pub credential: String,
    /// When it was received and how long it lives.
    #[serde(rename = "credential_life")]
    pub credential_lifetime: Lifetime,
    /// How far this device has fetched.
    pub cursor: Option<String>,
    /// Whether the provider knows this device.
    #[serde(rename = "standing")]
    pub status: AccountStatus,
}

/// Where a provider is called: its own endpoints, checked when the account was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountEndpoints {
    /// Fetching, and below it answering.
    pub challenges: String,
    /// The stream of the same.
    pub stream: String,
    /// The chain of key manifests.
    pub manifest: String,
    /// Renewing the credential.
    pub credential: String,
}

/// A span of time by the provider's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// When it began, seconds since the epoch.
    pub from: u64,
    /// How long it is, in seconds.
    pub seconds: u64,
}

impl Lifetime {
    /// When half of it is over: from here on a credential is renewed.
    pub fn half(self) -> u64 {
        self.from.saturating_add(self.seconds / 2)
    }

    /// When it is over.
    pub fn end(self) -> u64 {
        self.from.saturating_add(self.seconds)
    }
}

/// Whether a provider knows this device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum AccountStatus {
    /// The confirmation code has not been typed yet.
    Unconfirmed,
    /// It takes part.
    Active,
    /// The provider answered 401 without a signed reason. Nothing is lost; the device asks again every hour.
    NotKnown {
        /// Since when, by the provider's clock (seconds since the epoch).
        since: u64,
    },
    /// The provider says, without signing it, that this device is suspended: it may have been copied or restored. Nothing is
    /// lost; the device asks again every hour.
    Suspended {
        /// Since when, by the provider's clock (seconds since the epoch).
        since: u64,
    },
    /// The provider signed that this device was revoked.
    Revoked {
        /// When, seconds since the epoch.
        at: u64,
    },
}

impl AccountEndpoints {
    /// Takes what the device needs of checked endpoints.
    pub fn of(endpoints: &Endpoints) -> AccountEndpoints {
        AccountEndpoints {
            challenges: endpoints.challenge.to_string(),
            stream: endpoints.stream.to_string(),
            manifest: endpoints.manifest.to_string(),
            credential: endpoints.credential.to_string(),
        }
    }
}

/// Whether an account there is marked TEST: the provider says so, or it is called without TLS.
pub fn is_test(discovery: &Discovery) -> bool {
    discovery.mode == Mode::Test || discovery.issuer.is_plain_http()
}
