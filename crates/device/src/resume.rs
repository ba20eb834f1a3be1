//! The same passkey again: a page that lost what it stored, or another page of the same host, becomes a device by a passkey that its
//! person has already. With a link of the same user, or, where the provider allows it, without one (docs/protocol.md section 21).

use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_jose::key::PublicKey;
use countersign_jose::random;
use countersign_jose::secret::Secret;
use countersign_protocol::discovery::ResumePolicy;
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::enrollment::ApprovalKeyType;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::json;
use countersign_protocol::limits;
use countersign_protocol::manifest::ManifestChain;
use countersign_protocol::problem::{Problem, ProblemCode};
use countersign_protocol::registration::{
    KeyProof, KeyProtection, RegistrationRequest, RegistrationResponse, ResumeRequest,
};
use countersign_protocol::text;
use countersign_protocol::webauthn::{PasskeyProof, RelyingParty, resume_challenge};
use url::Url;

use crate::account::{AccountId, is_test};
use crate::device::Device;
use crate::enroll::EnrollmentResult;
use crate::error::EnrollError;
use crate::link_preview::{LinkPreview, REPLY_TIMEOUT_MS, VerifiedProvider, read, refusal};
use crate::new_account::NewAccount;
use crate::ports::key_store::PasskeyRequest;
use crate::ports::transport::{Call, Method, Reply};
use crate::ports::vault::{PendingEnrollment, VaultError};
use crate::signing::signed;

/// A page that may continue without a link: what its provider said.
struct Resumption {
    issuer: Issuer,
    url: Url,
    party: RelyingParty,
    provider: ProviderWithoutRoot,
}

/// What an account keeps of its provider, before a response named the root.
struct ProviderWithoutRoot {
    test: bool,
    support: Option<countersign_protocol::discovery::Support>,
    endpoints: countersign_protocol::discovery::Endpoints,
}

/// The call of a page with this key, and the passkey's proof in it.
struct ResumeCall<'a> {
    url: &'a Url,
    account: &'a AccountId,
    key: &'a PublicKey,
}

impl Device {
    /// Enrolls by a passkey that this person has for this page already, in the place of the device that has it
    /// ([`LinkPreview::takes_known_passkey`]). Called again after a lost reply, it sends the same bytes again and asks nobody.
    ///
    /// # Errors
    /// [`EnrollError::UnknownPasskey`] where the passkey is not this user's; [`EnrollError::NoPasskey`] where none is taken;
    /// [`EnrollError`]. After a passkey that is not taken the link may be used with another key.
    pub async fn enroll_again(
        &self,
        preview: &LinkPreview,
        device_name: &str,
    ) -> Result<EnrollmentResult, EnrollError> {
        let name = device_name.trim();
        text::check(name, limits::NAME_CHARACTERS).map_err(EnrollError::Name)?;
        if self.is_shared().await? {
            return Err(EnrollError::NoPasskey);
        }
        let token = preview.link.token().hash();
        let (vault, keys) = (&self.inner.services.vault, &self.inner.services.keys);
        if let Some(mut begun) = vault.enrollment(&token).await? {
            begun.body = keys.unseal(&begun.account, &begun.body).await?.expose().to_owned();
            return self.finish(preview, begun).await;
        }
        let taken = preview.passkey.as_ref().filter(|_| preview.takes_known_passkey);
        let party = &taken.ok_or(EnrollError::NoPasskey)?.party;
        let account = AccountId::random(&*self.inner.random);
        let begun = self.prepare_again(preview, name, &account, party, &token).await;
        match begun {
            Ok(begun) => self.finish(preview, begun).await,
            Err(error) => {
                // Nothing else knows these keys.
                keys.destroy(&account).await.ok();
                Err(error)
            }
        }
    }

    async fn prepare_again(
        &self,
        preview: &LinkPreview,
        name: &str,
        account: &AccountId,
        party: &RelyingParty,
        token: &Hash,
    ) -> Result<PendingEnrollment, EnrollError> {
        let keys = &self.inner.services.keys;
        let public_key = keys.make_transport(account).await?;
        let challenge = resume_challenge(token, public_key.thumbprint());
        let proof = keys.find_passkey(account, party, &challenge).await?;
        let request = RegistrationRequest {
            registration_token: preview.link.token().clone(),
            public_key,
            approval_key: None,
            approval_key_type: ApprovalKeyType::P256,
            approval_proof: KeyProof::Known(proof),
            device: self.description(name, KeyProtection::Passkey),
            attestation: None,
        };
        self.put_begun(preview, account, &request).await
    }

    /// Whether this page may try [`Device::resume`]: its provider's policy allows it at some time, and there are passkeys here.
    ///
    /// # Errors
    /// [`EnrollError`] where the provider's discovery can't be read.
    pub async fn may_resume(&self, issuer: &Issuer) -> Result<bool, EnrollError> {
        match self.resumption(issuer).await {
            Ok(_) => Ok(true),
            Err(EnrollError::NoResumption) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Becomes a device of this page's own provider by a passkey that the person has already, without a link, in the place of the
    /// device that has it. Called again after a lost reply it asks the person once more and gets the same device.
    ///
    /// # Errors
    /// [`EnrollError::NoResumption`] where the provider does not allow it, or not any more, or does not know the passkey: the three are
    /// answered alike. [`EnrollError`].
    pub async fn resume(&self, issuer: &Issuer, device_name: &str) -> Result<EnrollmentResult, EnrollError> {
        let name = device_name.trim();
        text::check(name, limits::NAME_CHARACTERS).map_err(EnrollError::Name)?;
        let resumption = self.resumption(issuer).await?;
        let (vault, keys) = (&self.inner.services.vault, &self.inner.services.keys);
        // No link names this registration: its place does.
        let place = Hash::of(resumption.url.as_str());
        let account = match vault.enrollment(&place).await? {
            Some(begun) => begun.account,
            None => {
                let account = AccountId::random(&*self.inner.random);
                let public_key = keys.make_transport(&account).await?;
                let body = serde_json::to_string(&public_key).expect("a key has string keys");
                let body = keys.seal(&account, &Secret::new(body.as_str())).await?;
                vault.put_enrollment(&PendingEnrollment { token: place, account: account.clone(), body }).await?;
                account
            }
        };
        let begun = vault.enrollment(&place).await?.ok_or(VaultError::Damaged { what: "enrollment" })?;
        let body = keys.unseal(&account, &begun.body).await?;
        let key: PublicKey =
            serde_json::from_str(body.expose()).map_err(|_| VaultError::Damaged { what: "enrollment" })?;
        let call = ResumeCall { url: &resumption.url, account: &account, key: &key };
        let nonce = self.resume_nonce(&call).await?;
        let challenge = resume_challenge(&Hash::of(&nonce), key.thumbprint());
        let proof = keys.find_passkey(&account, &resumption.party, &challenge).await?;
        let device = self.description(name, KeyProtection::Passkey);
        let request = ResumeRequest {
            resume_nonce: nonce.clone(),
            public_key: key.clone(),
            approval_proof: proof.clone(),
            device: device.clone(),
        };
        let body = serde_json::to_string(&request).expect("a registration has string keys and whole numbers");
        let reply = self.post_resumption(&call, &nonce, Some(&nonce), body).await?;
        let registered: RegistrationResponse = match reply.status {
            200 | 201 => read("registration", &reply)?,
            _ => {
                return Err(match refusal("registration", &reply) {
                    EnrollError::Refused { code: ProblemCode::ResumeNotAllowed, .. } => EnrollError::NoResumption,
                    refused => refused,
                });
            }
        };
        let root = registered.evidence_root.ok_or(not_a_provider(&reply))?;
        let approval_key = verified_key(&proof, &resumption.party, &Hash::of(&nonce), &key, &registered)?;
        let Resumption { issuer, provider, .. } = resumption;
        let manifests: ManifestChain =
            read("key manifests", &self.get(provider.endpoints.manifest.to_string()).await?)?;
        manifests.verify(&issuer, &root, None)?;
        let ProviderWithoutRoot { test, support, endpoints } = provider;
        let provider = VerifiedProvider { issuer, test, support, endpoints, root, manifests };
        let now = reply.date.unwrap_or_else(|| self.inner.services.clock.now());
        let new = NewAccount { id: account.clone(), provider, device, transport_key: key, approval_key };
        self.keep(new, registered, now, place).await
    }

    /// # Errors
    /// [`EnrollError::NoResumption`] where nothing registers again here without a link.
    async fn resumption(&self, issuer: &Issuer) -> Result<Resumption, EnrollError> {
        if self.is_shared().await? {
            return Err(EnrollError::NoResumption);
        }
        let (discovery, endpoints) = self.discover(issuer).await?;
        let allowed = discovery.resume.is_some_and(|how| how != ResumePolicy::Off);
        let url = endpoints.resume.clone().filter(|_| allowed).ok_or(EnrollError::NoResumption)?;
        let party = self.relying_party(&discovery).await.ok_or(EnrollError::NoResumption)?;
        let (test, support) = (is_test(&discovery), discovery.support);
        let provider = ProviderWithoutRoot { test, support, endpoints };
        Ok(Resumption { issuer: issuer.clone(), url, party, provider })
    }

    /// The nonce that the passkey is to sign, by a call that is refused for the want of it.
    async fn resume_nonce(&self, call: &ResumeCall<'_>) -> Result<String, EnrollError> {
        let reply = self.post_resumption(call, "", None, "{}".to_owned()).await?;
        let code = json::parse::<Problem>(&reply.body).ok().map(|problem| problem.title);
        match (code, &reply.dpop_nonce) {
            (Some(ProblemCode::UseDpopNonce), Some(nonce)) => Ok(nonce.clone()),
            (Some(ProblemCode::ResumeNotAllowed), _) => Err(EnrollError::NoResumption),
            (Some(_), _) => Err(refusal("registration", &reply)),
            (None, _) => Err(not_a_provider(&reply)),
        }
    }

    /// A wrong clock costs one silent retry; the proof's nonce stays.
    async fn post_resumption(
        &self,
        call: &ResumeCall<'_>,
        token: &str,
        nonce: Option<&str>,
        body: String,
    ) -> Result<Reply, EnrollError> {
        let services = &self.inner.services;
        let transport = services.keys.transport(call.account).await?;
        let mut now = services.clock.now();
        let mut retried = false;
        loop {
            let jti = base64url::encode(&random::bytes::<16>(&*self.inner.random));
            let proof = DpopProof::unsigned(call.key, "POST", call.url, token, nonce, jti, now);
            let proof = signed(&*services.runtime, proof, &*transport).await?;
            let sent = Call {
                method: Method::Post,
                url: call.url.to_string(),
                headers: vec![("accept", "application/json".to_owned()), ("dpop", proof.into_string())],
                body: Some(("application/json", body.clone())),
                timeout_ms: REPLY_TIMEOUT_MS,
            };
            let reply = services.transport.call(sent).await?;
            let code = json::parse::<Problem>(&reply.body).ok().map(|problem| problem.title);
            match reply.date {
                Some(date) if code == Some(ProblemCode::InvalidDpopProof) && !retried => (now, retried) = (date, true),
                _ => return Ok(reply),
            }
        }
    }
}

/// The key of the known passkey in a registration with a link, by the response that names it.
///
/// # Errors
/// As [`verified_key`]; [`EnrollError::NoPasskey`] where this page has no passkeys.
pub(crate) fn known_key(
    proof: &PasskeyProof,
    passkey: Option<&PasskeyRequest>,
    hash: &Hash,
    transport: &PublicKey,
    registered: &RegistrationResponse,
) -> Result<PublicKey, EnrollError> {
    verified_key(proof, &passkey.ok_or(EnrollError::NoPasskey)?.party, hash, transport, registered)
}

/// The key that the response names, if it is the one that made this proof.
///
/// # Errors
/// [`EnrollError::NotAProvider`] where there is none, or it is another.
fn verified_key(
    proof: &PasskeyProof,
    party: &RelyingParty,
    hash: &Hash,
    transport: &PublicKey,
    registered: &RegistrationResponse,
) -> Result<PublicKey, EnrollError> {
    let other = || EnrollError::NotAProvider { what: "approval key", status: 201 };
    let key = registered.approval_key.as_ref().ok_or_else(other)?;
    proof.verify(&resume_challenge(hash, transport.thumbprint()), key, party).map_err(|_| other())?;
    Ok(key.clone())
}

fn not_a_provider(reply: &Reply) -> EnrollError {
    EnrollError::NotAProvider { what: "registration", status: reply.status }
}
