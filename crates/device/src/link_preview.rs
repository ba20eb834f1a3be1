//! Link preview: an enrollment link, verified with its provider's keys before anything of it is shown.

use countersign_jose::hash::Hash;
use countersign_jose::key::Thumbprint;
use countersign_protocol::discovery::{
    Discovery, Endpoints, PasskeyPolicy, Passkeys, ResumePolicy, SharedPolicy, Support, WELL_KNOWN,
};
use countersign_protocol::enrollment::ApprovalKeyType;
use countersign_protocol::id::Subject;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::json;
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::manifest::ManifestChain;
use countersign_protocol::problem::Problem;
use countersign_protocol::registration::{Confirm, KeySet, RegistrationToken};
use countersign_protocol::text;
use countersign_protocol::webauthn::RelyingParty;
use serde::de::DeserializeOwned;

use crate::account::{Account, AccountId, is_test};
use crate::device::Device;
use crate::domain::Domain;
use crate::error::EnrollError;
use crate::ports::key_store::PasskeyRequest;
use crate::ports::transport::{Call, Method, Reply};

/// How long a provider may take to reply to a call of an enrollment, in milliseconds.
pub(crate) const REPLY_TIMEOUT_MS: u64 = 15_000;

/// A verified link, which may be shown: the provider that asks this device to enroll, and the user.
pub struct LinkPreview {
    /// The provider.
    pub issuer: Issuer,
    /// The provider's registrable domain, to be shown in large type.
    pub domain: Domain,
    /// Whether this device has no account at this provider yet.
    pub new_provider: bool,
    /// The account that this person has here already and that takes part: enrolling adds another one beside it, and each request
    /// will be asked twice on this device.
    pub enrolled_already: Option<AccountId>,
    /// The user's id at the provider.
    pub subject: Subject,
    /// The user's name, escaped.
    pub subject_label: String,
    /// Whether the provider is for tests.
    pub test: bool,
    /// Whether a confirmation code will have to be typed where the link came from.
    pub confirm: Confirm,
    /// Whether the provider accepts a device of class `automated`.
    pub allow_automated: bool,
    /// The provider's support contact.
    pub support: Option<Support>,
    /// The passkey that can be the approval key; `None` where this device is no page of the provider's, or the provider takes none.
    pub passkey: Option<PasskeyRequest>,
    /// Whether the provider takes passkeys from this page, and this device may use them: where there is none all the same, the browser
    /// has none or nothing on this device verifies the person.
    pub takes_passkeys: bool,
    /// Whether a passkey that this person has for this page may register it again ([`Device::enroll_again`]).
    pub takes_known_passkey: bool,
    /// Whether the provider takes devices that several people use.
    pub shared_allowed: bool,
    pub(crate) link: EnrollmentLink,
    pub(crate) token: RegistrationToken,
    pub(crate) endpoints: Endpoints,
    pub(crate) manifests: ManifestChain,
}

/// What an account keeps of its provider, verified.
pub(crate) struct VerifiedProvider {
    pub(crate) issuer: Issuer,
    pub(crate) test: bool,
    pub(crate) support: Option<Support>,
    pub(crate) endpoints: Endpoints,
    pub(crate) root: Thumbprint,
    pub(crate) manifests: ManifestChain,
}

impl LinkPreview {
    pub(crate) fn provider(&self) -> VerifiedProvider {
        VerifiedProvider {
            issuer: self.issuer.clone(),
            test: self.test,
            support: self.support.clone(),
            endpoints: self.endpoints.clone(),
            root: self.token.evidence_root,
            manifests: self.manifests.clone(),
        }
    }
}

impl Device {
    /// Reads a link and verifies its token with the provider's keys. Only what is returned here may be shown.
    ///
    /// # Errors
    /// [`EnrollError`]; its text holds nothing of a link that was not verified.
    pub async fn preview(&self, link: &str) -> Result<LinkPreview, EnrollError> {
        let link: EnrollmentLink = link.parse()?;
        let issuer = link.issuer().clone();
        let (discovery, endpoints) = self.discover(&issuer).await?;
        let reply = self.get(endpoints.device_jwks.to_string()).await?;
        let keys: KeySet = read("keys", &reply)?;
        // The provider's time: this device's clock may be wrong.
        let now = reply.date.unwrap_or_else(|| self.inner.services.clock.now());
        let token = RegistrationToken::verify(link.token(), &keys, &issuer, &discovery.registration_endpoint, now)?;
        let manifests: ManifestChain = read("key manifests", &self.get(endpoints.manifest.to_string()).await?)?;
        manifests.verify(&issuer, &token.evidence_root, None)?;
        let known = self.inner.services.vault.accounts().await?;
        let here = || known.iter().filter(|account| account.issuer == issuer && account.unenrolled_at.is_none());
        let takes_part = |account: &&Account| account.subject == token.sub && account.status.no_part().is_none();
        let domain = Domain::of(&issuer);
        let subject_label = text::escape(&token.subject_label);
        let passkey = self.passkey_for(&discovery, link.token().hash(), &domain, &subject_label).await;
        // On a device that several people use, any of them could use it.
        let is_private = !known.iter().any(Account::is_shared_here);
        let passkey = passkey.filter(|_| is_private);
        Ok(LinkPreview {
            takes_passkeys: is_private && taken(&discovery).is_some() && self.party_here(&discovery).is_some(),
            takes_known_passkey: passkey.is_some() && discovery.resume.is_some_and(|how| how != ResumePolicy::Off),
            passkey,
            shared_allowed: discovery.shared == Some(SharedPolicy::Allowed),
            domain,
            new_provider: here().next().is_none(),
            enrolled_already: here().find(takes_part).map(|account| account.id.clone()),
            subject: token.sub.clone(),
            subject_label,
            test: is_test(&discovery),
            confirm: token.confirm,
            allow_automated: token.allow_automated,
            support: discovery.support.clone(),
            issuer,
            link,
            token,
            endpoints,
            manifests,
        })
    }

    pub(crate) async fn discover(&self, issuer: &Issuer) -> Result<(Discovery, Endpoints), EnrollError> {
        let [first, appended] = issuer.well_known(WELL_KNOWN);
        let reply = self.get(first).await?;
        let reply = if reply.status == 404 { self.get(appended).await? } else { reply };
        let discovery: Discovery = read("discovery", &reply)?;
        let endpoints = discovery.endpoints(issuer)?;
        Ok((discovery, endpoints))
    }

    /// The passkey that an account at this provider can have: passkeys belong to the page they are made on, and the only page that
    /// a provider takes is its own.
    async fn passkey_for(
        &self,
        discovery: &Discovery,
        token: Hash,
        domain: &Domain,
        subject_label: &str,
    ) -> Option<PasskeyRequest> {
        let taken = taken(discovery)?;
        let party = self.relying_party(discovery).await?;
        let user_name = format!("{} · {subject_label} · approvals", domain.shown);
        Some(PasskeyRequest { party, token, user_name, attestation: taken.attestation })
    }

    /// This page as its passkeys know it; `None` where this provider takes none of them, or there are none here.
    pub(crate) async fn relying_party(&self, discovery: &Discovery) -> Option<RelyingParty> {
        let party = self.party_here(discovery)?;
        self.inner.services.keys.makes_passkeys().await.then_some(party)
    }

    /// This page as the provider's passkeys would know it, whether there are any here or not.
    fn party_here(&self, discovery: &Discovery) -> Option<RelyingParty> {
        let is_supported = discovery.approval_key_types_supported.contains(&ApprovalKeyType::Webauthn);
        let party = RelyingParty::of(&discovery.issuer).filter(|_| is_supported)?;
        (self.inner.code_origin.as_ref() == Some(&party.origin)).then_some(party)
    }

    pub(crate) async fn get(&self, url: String) -> Result<Reply, EnrollError> {
        let headers = vec![("accept", "application/json".to_owned())];
        let call = Call { method: Method::Get, url, headers, body: None, timeout_ms: REPLY_TIMEOUT_MS };
        Ok(self.inner.services.transport.call(call).await?)
    }
}

/// Which passkeys the provider takes; `None`: none.
fn taken(discovery: &Discovery) -> Option<Passkeys> {
    discovery.passkeys.filter(|taken| taken.policy != PasskeyPolicy::Off)
}

/// The document of this kind in a reply of status 200 or 201.
///
/// # Errors
/// [`EnrollError::Refused`] with the provider's problem, [`EnrollError::NotAProvider`] for anything else.
pub(crate) fn read<T: DeserializeOwned>(what: &'static str, reply: &Reply) -> Result<T, EnrollError> {
    if !matches!(reply.status, 200 | 201) {
        return Err(refusal(what, reply));
    }
    json::parse(&reply.body).map_err(|_| EnrollError::NotAProvider { what, status: reply.status })
}

/// Why the provider refused, or that it is none.
pub(crate) fn refusal(what: &'static str, reply: &Reply) -> EnrollError {
    match json::parse::<Problem>(&reply.body) {
        Ok(problem) => EnrollError::Refused { code: problem.title, detail: problem.detail },
        Err(_) => EnrollError::NotAProvider { what, status: reply.status },
    }
}
