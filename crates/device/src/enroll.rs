//! Enrollment from a verified link: two new keys are registered. What got no reply is repeated with the same bytes.

use countersign_jose::base64url;
use countersign_jose::random;
use countersign_jose::secret::Secret;
use countersign_protocol::COUNTERSIGN_VERSION;
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::enrollment::ApprovalKeyType;
use countersign_protocol::id::{DeviceId, Subject};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::json;
use countersign_protocol::jws::Compact;
use countersign_protocol::limits;
use countersign_protocol::problem::{Problem, ProblemCode};
use countersign_protocol::registration::{
    ApprovalProof, DeviceClass, DeviceDescription, KeyProof, KeyProtection, RegistrationRequest, RegistrationResponse,
};
use countersign_protocol::text;
use serde::Serialize;

use crate::account::AccountId;
use crate::device::Device;
use crate::error::{AnswerError, EnrollError};
use crate::link_preview::{LinkPreview, REPLY_TIMEOUT_MS, read, refusal};
use crate::new_account::NewAccount;
use crate::ports::key_store::{KeyError, NewKeys, SigningKey};
use crate::ports::transport::{Call, Method, Reply};
use crate::ports::user_verifier::{PinPrompt, UserVerifier, Verified};
use crate::ports::vault::{Change, PendingEnrollment, VaultError};
use crate::resume::known_key;
use crate::signing::signed;

/// What the device runs on, as the registration names it.
const PLATFORM: &str = if cfg!(target_arch = "wasm32") { "web" } else { std::env::consts::OS };

/// The result of an enrollment: a new account.
#[derive(Clone, Serialize)]
pub struct EnrollmentResult {
    /// Its id on this device.
    pub account: AccountId,
    /// The provider.
    pub issuer: Issuer,
    /// The user's id at the provider.
    pub subject: Subject,
    /// The user's name, escaped.
    pub subject_label: String,
    /// This device's id at the provider.
    pub device_id: DeviceId,
    /// Whether a person or a program answers.
    pub device_class: DeviceClass,
    /// What protects the approval key.
    pub key_protection: KeyProtection,
    /// Six digits to be typed where the link came from; until then the account receives nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation_code: Option<Secret>,
    /// Whether the provider is for tests.
    pub test: bool,
}

impl Device {
    /// Enrolls: asks for a PIN, generates two keys, registers them, and fetches once. Called again after a lost reply,
    /// with the same link and PIN, it sends the same keys and bytes again. Where the verifier leaves it to the platform, a page's
    /// approval key is a passkey.
    ///
    /// # Errors
    /// [`EnrollError`].
    pub async fn enroll(
        &self,
        preview: &LinkPreview,
        device_name: &str,
        verifier: &dyn UserVerifier,
    ) -> Result<EnrollmentResult, EnrollError> {
        if self.is_shared().await? {
            return self.enroll_shared(preview, device_name, verifier).await;
        }
        self.enroll_as(preview, device_name, false, verifier).await
    }

    pub(crate) async fn enroll_as(
        &self,
        preview: &LinkPreview,
        device_name: &str,
        shared: bool,
        verifier: &dyn UserVerifier,
    ) -> Result<EnrollmentResult, EnrollError> {
        let name = device_name.trim();
        text::check(name, limits::NAME_CHARACTERS).map_err(EnrollError::Name)?;
        let user = verifier.verify(PinPrompt::NewPin).await.ok_or(EnrollError::NoPin)?;
        if shared && !matches!(user, Verified::Pin(_)) {
            return Err(EnrollError::NoPin);
        }
        let begun = self.begin(preview, (name, shared), &user).await?;
        self.finish(preview, begun).await
    }

    /// Registers what was begun with this link.
    pub(crate) async fn finish(
        &self,
        preview: &LinkPreview,
        begun: PendingEnrollment,
    ) -> Result<EnrollmentResult, EnrollError> {
        let transport = self.inner.services.keys.transport(&begun.account).await?;
        let reply = self.register(preview, &begun, &*transport).await?;
        let registered: RegistrationResponse = match reply.status {
            200 | 201 => read("registration", &reply)?,
            _ => {
                let known = matches!(sent(&begun)?.approval_proof, KeyProof::Known(_));
                let refused = refusal("registration", &reply);
                let (refused, other_key) = match refused {
                    EnrollError::Refused { code: ProblemCode::InvalidPublicKey, .. } if known => {
                        (EnrollError::UnknownPasskey, true)
                    }
                    EnrollError::Refused {
                        code: ProblemCode::PasskeyNotAllowed | ProblemCode::ResumeNotAllowed,
                        ..
                    } => (refused, true),
                    _ => (refused, false),
                };
                if other_key {
                    // The link may still be used with another key.
                    self.inner.services.keys.destroy(&begun.account).await?;
                    let vault = &self.inner.services.vault;
                    vault.apply(&begun.account, vec![Change::DeleteEnrollment(begun.token)]).await?;
                }
                return Err(refused);
            }
        };
        if registered.subject != preview.token.sub {
            return Err(EnrollError::NotAProvider { what: "registration", status: reply.status });
        }
        let sent = sent(&begun)?;
        let approval_key = match &sent.approval_proof {
            KeyProof::Known(proof) => {
                let hash = preview.link.token().hash();
                known_key(proof, preview.passkey.as_ref(), &hash, &sent.public_key, &registered)?
            }
            _ => sent.approval_key.ok_or(VaultError::Damaged { what: "enrollment" })?,
        };
        let now = reply.date.unwrap_or_else(|| self.inner.services.clock.now());
        let new = NewAccount {
            id: begun.account,
            provider: preview.provider(),
            device: sent.device,
            transport_key: sent.public_key,
            approval_key,
        };
        self.keep(new, registered, now, begun.token).await
    }

    /// Generates keys and body for this link, or loads those of an earlier attempt.
    async fn begin(
        &self,
        preview: &LinkPreview,
        (name, shared): (&str, bool),
        user: &Verified,
    ) -> Result<PendingEnrollment, EnrollError> {
        let token = preview.link.token().hash();
        let keys = &self.inner.services.keys;
        if let Some(mut begun) = self.inner.services.vault.enrollment(&token).await? {
            begun.body = keys.unseal(&begun.account, &begun.body).await?.expose().to_owned();
            let DeviceDescription { key_protection: made, shared: was_shared, .. } = sent(&begun)?.device;
            if !keys.accepts(made) || was_shared != shared {
                return Err(EnrollError::OtherKey { made });
            }
            return match self.open_key(begun.account.clone(), user.clone()).await {
                Ok(_) => Ok(begun),
                Err(AnswerError::WrongPin { .. }) => Err(EnrollError::OtherPin),
                Err(AnswerError::Keys(error)) => Err(EnrollError::Keys(error)),
                Err(_) => Err(EnrollError::Keys(KeyError::Unreadable)),
            };
        }
        let account = AccountId::random(&*self.inner.random);
        let passkey = match user {
            Verified::Platform { .. } if self.inner.code_origin.is_some() => {
                Some(preview.passkey.as_ref().ok_or(EnrollError::NoPasskey)?)
            }
            _ => None,
        };
        let made = keys.make(&account, user, passkey).await?;
        let begun = self.prepare(preview, (name, shared), user, &account, &made).await;
        if begun.is_err() {
            // Nothing else knows these keys.
            keys.destroy(&account).await.ok();
        }
        begun
    }

    /// The registration with these keys, kept until it is done.
    async fn prepare(
        &self,
        preview: &LinkPreview,
        (name, shared): (&str, bool),
        user: &Verified,
        account: &AccountId,
        made: &NewKeys,
    ) -> Result<PendingEnrollment, EnrollError> {
        let keys = &self.inner.services.keys;
        let (key_protection, approval_key_type, approval_proof) = match made.created.clone() {
            Some(created) => (KeyProtection::Passkey, ApprovalKeyType::Webauthn, KeyProof::Created(created)),
            None => {
                let protection = keys.protection_of(account).await?;
                let proof = self.sign_proof(preview, account, user, made, protection).await?;
                (protection, ApprovalKeyType::P256, KeyProof::Signed(proof))
            }
        };
        let request = RegistrationRequest {
            registration_token: preview.link.token().clone(),
            public_key: made.transport.clone(),
            approval_key: Some(made.approval.clone()),
            approval_key_type,
            approval_proof,
            device: DeviceDescription {
                device_class: if user.is_script() { DeviceClass::Automated } else { DeviceClass::Interactive },
                shared,
                ..self.description(name, key_protection)
            },
            attestation: None,
        };
        self.put_begun(preview, account, &request).await
    }

    /// What this device says of itself: a person answers on it.
    pub(crate) fn description(&self, name: &str, key_protection: KeyProtection) -> DeviceDescription {
        DeviceDescription {
            countersign_version: COUNTERSIGN_VERSION,
            interaction_types: InteractionType::ALL.to_vec(),
            device_class: DeviceClass::Interactive,
            key_protection,
            shared: false,
            push_address: None,
            code_origin: self.inner.code_origin.clone(),
            platform: PLATFORM.to_owned(),
            device_name: name.to_owned(),
        }
    }

    /// Stores the registration until it is done, to be repeated with the same bytes.
    pub(crate) async fn put_begun(
        &self,
        preview: &LinkPreview,
        account: &AccountId,
        request: &RegistrationRequest,
    ) -> Result<PendingEnrollment, EnrollError> {
        let body = serde_json::to_string(request).expect("a registration has string keys and whole numbers");
        let begun = PendingEnrollment { token: preview.link.token().hash(), account: account.clone(), body };
        // The body holds the link, a secret until it is used, and a database keeps deleted rows for a while.
        let keys = &self.inner.services.keys;
        let sealed = keys.seal(&begun.account, &Secret::new(begun.body.as_str())).await?;
        self.inner.services.vault.put_enrollment(&PendingEnrollment { body: sealed, ..begun.clone() }).await?;
        Ok(begun)
    }

    /// The approval key's proof of possession, where it is no passkey.
    async fn sign_proof(
        &self,
        preview: &LinkPreview,
        account: &AccountId,
        user: &Verified,
        made: &NewKeys,
        protection: KeyProtection,
    ) -> Result<Compact<ApprovalProof>, EnrollError> {
        let keys = &self.inner.services.keys;
        let proof = RegistrationRequest::unsigned_proof(
            preview.link.token(),
            &preview.token,
            &made.transport,
            &made.approval,
            protection,
            self.inner.services.clock.now(),
        );
        let approval = keys.open_approval(account, user).await?;
        signed(&*self.inner.services.runtime, proof, &*approval).await
    }

    /// Posts the registration. A missing nonce and a wrong clock cost one silent retry each.
    async fn register(
        &self,
        preview: &LinkPreview,
        begun: &PendingEnrollment,
        transport: &dyn SigningKey,
    ) -> Result<Reply, EnrollError> {
        let key = sent(begun)?.public_key;
        let url = &preview.endpoints.registration;
        let token = preview.link.token().as_str();
        let (mut nonce, mut now) = (None, self.inner.services.clock.now());
        let mut retries = 2;
        loop {
            let jti = base64url::encode(&random::bytes::<16>(&*self.inner.random));
            let proof = DpopProof::unsigned(&key, "POST", url, token, nonce.as_deref(), jti, now);
            let proof = signed(&*self.inner.services.runtime, proof, transport).await?;
            let call = Call {
                method: Method::Post,
                url: url.to_string(),
                headers: vec![("accept", "application/json".to_owned()), ("dpop", proof.into_string())],
                body: Some(("application/json", begun.body.clone())),
                timeout_ms: REPLY_TIMEOUT_MS,
            };
            let reply = self.inner.services.transport.call(call).await?;
            let code = json::parse::<Problem>(&reply.body).ok().map(|problem| problem.title);
            let can_help = matches!(code, Some(ProblemCode::UseDpopNonce | ProblemCode::InvalidDpopProof));
            if reply.status != 401 || !can_help || retries == 0 {
                return Ok(reply);
            }
            retries -= 1;
            nonce = reply.dpop_nonce.clone().or(nonce);
            now = reply.date.unwrap_or(now);
        }
    }
}

/// The registration that is sent.
pub(crate) fn sent(begun: &PendingEnrollment) -> Result<RegistrationRequest, EnrollError> {
    Ok(serde_json::from_str(&begun.body).map_err(|_| VaultError::Damaged { what: "enrollment" })?)
}
