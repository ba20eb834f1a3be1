//! The gateway's configuration, and the endpoints that follow from it.

use std::time::Duration;

use countersign_protocol::discovery::{Mode, PasskeyPolicy, ResumePolicy, SharedPolicy, Support};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::webauthn::{AttestationResult, RelyingParty, StatedPasskey};

use crate::attestation::AttestationRoots;
use crate::push_settings::PushSettings;

/// The gateway's configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The issuer; every endpoint is below it. DPoP proofs are compared with it, never with the Host header.
    pub issuer: Issuer,
    /// The provider's name: whose practice requests are.
    pub name: String,
    /// Test or production.
    pub mode: Mode,
    /// Contact that devices display for help.
    pub support: Option<Support>,
    /// The other providers whose requests this gateway passes on, at most 16: devices are told so in their enrollment statements,
    /// and refuse requests in the name of any other. For a connector; empty for a provider of its own.
    pub on_behalf_of: Vec<Issuer>,
    /// Weakest interaction that devices must support.
    pub minimum_interaction: InteractionType,
    /// Most devices of one user.
    pub max_devices_per_user: u32,
    /// Which passkeys may be approval keys.
    pub passkeys: PasskeyPolicy,
    /// The roots under which their attestations are believed.
    pub attestation_roots: AttestationRoots,
    /// How a page that lost its transport key registers again by a passkey that is known.
    pub resume: ResumePolicy,
    /// Whether devices that several people use may register.
    pub shared: SharedPolicy,
    /// Registrations with one link in ten minutes; not applied in test mode.
    pub registrations_per_link: u32,
    /// How long what is known of an approval that ended, and of an enrollment link, is kept. At least 31 days: disputes are
    /// accepted for 30, and feeds reach back as far.
    pub keep_records: Duration,
    /// How long the bytes of a request that ended without an answer are kept; then its metadata and hashes alone.
    pub keep_unanswered: Duration,
    /// How devices are woken; `None`: they are not.
    pub push: Option<PushSettings>,
}

/// The default of [`Settings::keep_records`]: payments can be contested for 13 months (PSD2 art. 71).
const KEEP_RECORDS: Duration = Duration::from_secs(400 * 86_400);

/// The default of [`Settings::keep_unanswered`].
const KEEP_UNANSWERED: Duration = Duration::from_secs(86_400);

impl Settings {
    /// The defaults for an issuer: its host as the name, ten devices per user, twenty registrations per link in ten minutes, records for 400 days.
    pub fn new(issuer: Issuer, mode: Mode) -> Self {
        Self {
            name: issuer.host(),
            issuer,
            mode,
            support: None,
            on_behalf_of: Vec::new(),
            minimum_interaction: InteractionType::Boolean,
            max_devices_per_user: 10,
            passkeys: PasskeyPolicy::Any,
            attestation_roots: AttestationRoots::default(),
            resume: ResumePolicy::Link,
            shared: SharedPolicy::Allowed,
            registrations_per_link: 20,
            keep_records: KEEP_RECORDS,
            keep_unanswered: KEEP_UNANSWERED,
            push: None,
        }
    }

    /// Where passkeys are made: the issuer's own page. `None` if policy takes none, or the issuer's host is an address, for which
    /// no browser makes one.
    pub(crate) fn relying_party(&self) -> Option<RelyingParty> {
        RelyingParty::of(&self.issuer).filter(|_| self.passkeys != PasskeyPolicy::Off)
    }

    /// Whether policy takes this passkey.
    pub(crate) fn takes_passkey(&self, stated: &StatedPasskey) -> bool {
        match self.passkeys {
            PasskeyPolicy::Any => true,
            // Without an attestation nobody signed that it stays where it is.
            PasskeyPolicy::DeviceBound => stated.attestation == AttestationResult::Verified && !stated.backup_eligible,
            PasskeyPolicy::Off => false,
        }
    }

    /// How known passkeys register again; `Off` also where no passkeys are taken.
    pub(crate) fn resume_policy(&self) -> ResumePolicy {
        self.relying_party().map_or(ResumePolicy::Off, |_| self.resume)
    }
}

/// The endpoints, as URLs in the form that a DPoP proof names them.
#[derive(Debug, Clone)]
pub(crate) struct Urls {
    pub(crate) registration: String,
    pub(crate) revocation: String,
    pub(crate) device_jwks: String,
    pub(crate) manifest: String,
    pub(crate) challenges: String,
    pub(crate) stream: String,
    pub(crate) credential: String,
    pub(crate) resume: String,
    pub(crate) received: String,
    pub(crate) device: String,
    pub(crate) push_test: String,
    pub(crate) practice: String,
}

impl Urls {
    pub(crate) fn of(issuer: &Issuer) -> Self {
        // A device parses what discovery says before it names it in a proof: the parser's own spelling is the one to compare.
        let url = |path: &str| {
            let written = issuer.endpoint(path);
            issuer.own_endpoint(&written).map_or(written, String::from)
        };
        Self {
            registration: url("/push/register"),
            revocation: url("/push/revoke"),
            device_jwks: url("/push/jwks"),
            manifest: url("/push/manifests"),
            challenges: url("/push/challenges"),
            stream: url("/push/stream"),
            credential: url("/push/credential"),
            resume: url("/push/resume"),
            received: url("/push/challenges/received"),
            device: url("/push/device"),
            push_test: url("/push/device/push-test"),
            practice: url("/push/device/practice"),
        }
    }
}
