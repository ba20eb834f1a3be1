//! A page that lost what it stored, and has its passkey: what it posts to become a device again, with a link and without one.

use countersign_jose::hash::Hash;
use countersign_jose::key::{PrivateKey, Signer as _};
use countersign_protocol::enrollment::ApprovalKeyType;
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::manifest::ManifestChain;
use countersign_protocol::registration::{KeyProof, KeySet, RegistrationRequest, RegistrationResponse, ResumeRequest};
use countersign_protocol::webauthn::{PasskeyProof, resume_challenge};
use http::{Method, Request, header};

use super::TestDevice;

impl TestDevice {
    /// The page after its storage was emptied: another transport key, nothing of its account, the same passkey.
    pub fn emptied(&self) -> TestDevice {
        let new = TestDevice::new(&self.name, self.issuer.clone(), self.clock.clone(), self.random.clone());
        let transport = PrivateKey::generate(&*self.random).into_signer();
        TestDevice {
            transport: transport.into(),
            passkey: self.passkey.clone(),
            protection: self.protection,
            push_address: self.push_address.clone(),
            ..new
        }
    }

    /// What its passkey signs for this hash (of a link's token or of a nonce) and its transport key.
    pub fn resume_proof(&self, hash: &Hash) -> PasskeyProof {
        let passkey = self.passkey.as_ref().expect("a page with a passkey");
        passkey.prove(&resume_challenge(hash, self.transport.public_key().thumbprint()))
    }

    /// What a link asks a page to post whose passkey is known.
    pub fn resume_by_link(&self, link: &EnrollmentLink, keys: &KeySet, endpoint: &str) -> RegistrationRequest {
        RegistrationRequest {
            approval_key: None,
            approval_key_type: ApprovalKeyType::P256,
            approval_proof: KeyProof::Known(self.resume_proof(&link.token().hash())),
            ..self.registration_request(link, keys, endpoint)
        }
    }

    /// What it posts without a link, with the nonce of its proof.
    pub fn resume_request(&self, nonce: &str) -> ResumeRequest {
        ResumeRequest {
            resume_nonce: nonce.to_owned(),
            public_key: self.transport.public_key().clone(),
            approval_proof: self.resume_proof(&Hash::of(nonce)),
            device: self.description(),
        }
    }

    /// The first call without a link: it brings the nonce for which the passkey is to sign.
    pub fn resume_nonce_call(&self) -> Request<Vec<u8>> {
        self.forget_nonce();
        self.sign_call(&Method::POST, "/push/resume", "", false, Some(b"{}"))
    }

    /// The POST without a link. Its proof has the nonce at hand.
    pub fn resume_call(&self, request: &ResumeRequest) -> Request<Vec<u8>> {
        let body = serde_json::to_vec(request).expect("a registration is JSON");
        let mut call = self.sign_call(&Method::POST, "/push/resume", &request.resume_nonce, false, Some(&body));
        if let Some(origin) = &request.device.code_origin {
            call.headers_mut().insert(header::ORIGIN, origin.parse().expect("an origin is ASCII"));
        }
        call
    }

    /// Reads the response 201 to it; no link names the root, so it is the response's.
    pub fn resumed(&mut self, response: &[u8], chain: &ManifestChain) {
        let registered: RegistrationResponse = serde_json::from_slice(response).expect("a registration's response");
        let root = registered.evidence_root.expect("no link names it");
        self.keys = Some(chain.verify(&self.issuer, &root, None).expect("a sound chain"));
        self.subject = Some(registered.subject);
        self.id = Some(registered.device_id);
        self.credential = registered.device_credential.expose().to_owned();
    }
}
