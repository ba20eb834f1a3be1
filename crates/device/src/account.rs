//! An account: the record of one enrollment, as the vault stores it.

use std::fmt;
use std::str::FromStr;

use countersign_jose::base64url;
use countersign_jose::key::{PublicKey, Thumbprint};
use countersign_jose::random::{self, Random};
use countersign_protocol::discovery::{Discovery, Endpoints, Mode, Support};
use countersign_protocol::enrollment::EnrollmentStatement;
use countersign_protocol::id::{DeviceId, Subject};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::manifest::ManifestChain;
use countersign_protocol::push::PushAddress;
use countersign_protocol::registration::{DeviceClass, KeyProtection};
use serde::{Deserialize, Serialize};

/// An account's id on this device (`ac_…`). No provider learns it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(String);

/// The string is not an account's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an account (ac_…); `countersign accounts` lists them")]
pub struct InvalidAccountId;

impl AccountId {
    /// A new random id.
    pub fn random(random: &dyn Random) -> AccountId {
        AccountId(format!("ac_{}", base64url::encode(&random::bytes::<12>(random))))
    }

    /// The id as a string of letters, digits, `-` and `_`: safe in a file name.
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
    /// Whether the provider is for tests: shown as TEST everywhere.
    pub test: bool,
    /// The provider's support contact.
    pub support: Option<Support>,
    /// The provider's endpoints.
    #[serde(rename = "addresses")]
    pub endpoints: AccountEndpoints,
    /// The user's id at the provider.
    pub subject: Subject,
    /// The user's name, not escaped.
    pub subject_label: String,
    /// This device's id at the provider.
    pub device_id: DeviceId,
    /// Whether a person or a program answers.
    pub device_class: DeviceClass,
    /// What protects the approval key.
    pub key_protection: KeyProtection,
    /// The transport key's public half.
    pub transport_key: PublicKey,
    /// The approval key's public half.
    pub approval_key: PublicKey,
    /// Whether several people use this device, each with a PIN of their own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// Thumbprint of the provider's evidence root, pinned at enrollment.
    pub root: Thumbprint,
    /// The provider's key manifests, verified when they were stored.
    pub manifests: ManifestChain,
    /// The enrollment statements about this device, oldest first; empty until it is confirmed.
    pub statements: Vec<Compact<EnrollmentStatement>>,
    /// The device credential, encrypted by the key store.
    pub credential: String,
    /// When the credential was issued and how long it is valid.
    #[serde(rename = "credential_life")]
    pub credential_lifetime: Lifetime,
    /// The cursor of the last fetch; `None` before the first.
    pub cursor: Option<String>,
    /// How far the provider's clock was ahead of this device's own, in milliseconds, by the last reply that changed it; `None`
    /// before the first. For showing times after a start without a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead_ms: Option<i64>,
    /// What other providers said, in whose name the gateway asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listed: Vec<ListedGateway>,
    /// The push address that the provider was told last, and took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_told: Option<PushAddress>,
    /// Whether the provider knows this device.
    #[serde(rename = "standing")]
    pub status: AccountStatus,
    /// When the person took the account off this device (seconds since the epoch, this device's clock). Its keys are destroyed, and
    /// it is listed nowhere; its history stays, for evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unenrolled_at: Option<u64>,
}

/// What a provider, in whose name the gateway says that it asks, says about that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedGateway {
    /// The provider.
    pub provider: Issuer,
    /// When it was asked, by the gateway's clock (seconds since the epoch).
    pub asked_at: u64,
    /// Whether its list names the gateway.
    pub is_listed: bool,
}

/// A provider's endpoints as URLs, checked against its issuer at enrollment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountEndpoints {
    /// Fetching challenges; answers are posted below it.
    pub challenges: String,
    /// The stream of challenges.
    pub stream: String,
    /// The key manifests.
    pub manifest: String,
    /// Renewing the device credential.
    pub credential: String,
    /// Revoking this device itself.
    pub revocation: String,
    /// Changing the push address; below it, test pushes and practice. `None` where the gateway does not push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// A validity period by the provider's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// Its begin, seconds since the epoch.
    pub from: u64,
    /// Its length in seconds.
    pub seconds: u64,
}

impl Lifetime {
    /// The time from which a credential is renewed: half of its lifetime, seconds since the epoch.
    pub fn half(self) -> u64 {
        self.from.saturating_add(self.seconds / 2)
    }

    /// Its end, seconds since the epoch.
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
    /// Confirmed: it receives challenges.
    Active,
    /// The provider replied 401 without a signed reason. Keys and records stay; the device asks again every hour.
    NotKnown {
        /// Since when, by the provider's clock (seconds since the epoch).
        since: u64,
    },
    /// The provider replied, unsigned, that this device is suspended: it may have been copied or restored. Keys and
    /// records stay; the device asks again every hour.
    Suspended {
        /// Since when, by the provider's clock (seconds since the epoch).
        since: u64,
    },
    /// The provider signed that this device is revoked.
    Revoked {
        /// Since when, seconds since the epoch.
        at: u64,
    },
}

impl AccountStatus {
    /// Why the provider sends this device no requests and takes no answers of it, and what to do, in English; `None`
    /// where it does both, or will do so after the confirmation code.
    pub const fn no_part(&self) -> Option<&'static str> {
        match self {
            AccountStatus::Unconfirmed | AccountStatus::Active => None,
            AccountStatus::NotKnown { .. } => {
                Some("the provider does not know this device any more; ask the provider, or enroll this device again")
            }
            AccountStatus::Suspended { .. } => Some(
                "the provider has suspended this device, which may have been copied or restored; ask the provider to lift \
                 it, or enroll this device again",
            ),
            AccountStatus::Revoked { .. } => {
                Some("the provider has revoked this device; enroll it again with a new link")
            }
        }
    }

    /// The stable code of [`AccountStatus::no_part`].
    pub const fn no_part_code(&self) -> &'static str {
        match self {
            AccountStatus::Suspended { .. } => "account_suspended",
            AccountStatus::Revoked { .. } => "account_revoked",
            _ => "account_unknown",
        }
    }
}

impl Account {
    /// The enrollment statement in force; `None` until the device is confirmed. It was verified when it was stored.
    pub fn statement(&self) -> Option<EnrollmentStatement> {
        self.statements.last()?.peek().ok()
    }

    /// Whether its approval key is a passkey: each of its signatures asks the person, and none is made without.
    pub fn has_passkey(&self) -> bool {
        self.key_protection == KeyProtection::Passkey
    }

    /// Whether this is the account of one of several people on this device, and is still on it.
    pub fn is_shared_here(&self) -> bool {
        self.shared && self.unenrolled_at.is_none()
    }

    /// The issuers whose requests the gateway says that it passes on.
    pub fn on_behalf_of(&self) -> Vec<Issuer> {
        self.statement().and_then(|statement| statement.on_behalf_of).unwrap_or_default()
    }
}

impl AccountEndpoints {
    /// The endpoints that an account uses, of a checked discovery document.
    pub fn of(endpoints: &Endpoints) -> AccountEndpoints {
        AccountEndpoints {
            challenges: endpoints.challenge.to_string(),
            stream: endpoints.stream.to_string(),
            manifest: endpoints.manifest.to_string(),
            credential: endpoints.credential.to_string(),
            revocation: endpoints.revocation.to_string(),
            device: endpoints.device.as_ref().map(ToString::to_string),
        }
    }
}

/// Whether accounts at this provider are marked TEST: its mode is `test`, or it is called without TLS.
pub fn is_test(discovery: &Discovery) -> bool {
    discovery.mode == Mode::Test || discovery.issuer.is_plain_http()
}
