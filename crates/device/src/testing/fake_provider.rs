//! Fake provider: the gateway's side of the protocol for one device, with real messages and without HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::key::{LocalSigner, PrivateKey, PublicKey, Signer, Thumbprint};
use countersign_jose::secret::Secret;
use countersign_protocol::answer::{Answer, Decision};
use countersign_protocol::challenge::{Challenge, Client, Party};
use countersign_protocol::discovery::{Discovery, Mode, Passkeys, ResumePolicy, SharedPolicy};
use countersign_protocol::dispute::Dispute;
use countersign_protocol::dpop::{DpopError, DpopProof, ExpectedRequest};
use countersign_protocol::enrollment::{ApprovalKeyType, ConfirmedBy, EnrollmentStatement, StatedProtection};
use countersign_protocol::fetch::{FetchResponse, Receipt, WithdrawnChallenge};
use countersign_protocol::id::{ApprovalId, ChallengeId, DeviceId, MessageId, RegistrationTokenId, Subject};
use countersign_protocol::interaction::{self, Interaction, InteractionType, Opening, UserVerification};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::{Compact, VerifyingKey};
use countersign_protocol::kind::{self, Kind};
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::manifest::{Manifest, ManifestChain, ManifestKey};
use countersign_protocol::outcome::{Ending, Outcome};
use countersign_protocol::problem::{Problem, ProblemCode};
use countersign_protocol::push::{DeviceResponse, PushState, PushStatus, PushTest};
use countersign_protocol::refusal::Refusal;
use countersign_protocol::registration::{
    Confirm, CredentialResponse, DeviceClass, DeviceStatus, KeyProof, KeyProtection, KeySet, ProvenKey,
    RegistrationRequest, RegistrationResponse, RegistrationToken,
};
use countersign_protocol::webauthn::{AttestationResult, RelyingParty, StatedPasskey, resume_challenge};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::CountingRandom;
use crate::ports::transport::{BoxFuture, Call, Reply, StreamReply, Transport, TransportError, Unreached};

/// A provider with one device.
pub(crate) struct FakeProvider {
    pub(crate) random: CountingRandom,
    pub(crate) issuer: Issuer,
    pub(crate) now: Timestamp,
    pub(crate) device: DeviceId,
    pub(crate) subject: Subject,
    pub(crate) credential: String,
    /// The earlier credential, accepted until the newer one is used.
    previous: Option<String>,
    pub(crate) nonce: String,
    pub(crate) transport: Option<PublicKey>,
    pub(crate) approval: Option<PublicKey>,
    /// What its statements say of the approval key, where that is a passkey.
    pub(crate) passkey: Option<StatedPasskey>,
    pub(crate) manifests: ManifestChain,
    pub(crate) statements: Vec<Compact<EnrollmentStatement>>,
    /// The issuers that its statements say it passes requests on for.
    pub(crate) on_behalf_of: Option<Vec<Issuer>>,
    root: LocalSigner,
    signing: LocalSigner,
    registrar: LocalSigner,
    /// Bodies of the registrations that arrived; the first one counts.
    pub(crate) registrations: Vec<String>,
    /// It can't be reached.
    pub(crate) away: bool,
    /// The next reply of this status is lost.
    pub(crate) lose_status: Option<u16>,
    pub(crate) issued: BTreeMap<ChallengeId, IssuedChallenge>,
    feed: Vec<FeedItem>,
    generation: u32,
    /// Distinct answers in the order of their arrival.
    pub(crate) answers: Vec<Compact<Answer>>,
    pub(crate) refusals: Vec<Refusal>,
    /// Cursors up to which it confirmed what a stream brought.
    pub(crate) confirmed: Vec<String>,
    /// What the device changed about itself.
    pub(crate) patches: Vec<Value>,
    /// Forms by which the device revoked itself.
    pub(crate) revocations: Vec<String>,
    /// Answers whose `seq` is not above all earlier ones.
    pub(crate) forks: u32,
    /// Replies of other providers' hosts to a request for their list of gateways, by the host's origin, and those asked so far.
    pub(crate) lists: BTreeMap<String, Reply>,
    pub(crate) list_calls: Vec<Call>,
    /// Replies to send instead of the next ones, the last first.
    pub(crate) instead: Vec<Reply>,
    pub(crate) calls: Vec<String>,
    /// Which passkeys it says it takes.
    pub(crate) passkeys: Option<Passkeys>,
    /// The passkey of a device that may be replaced; where it is set, discovery says that such a passkey registers again.
    pub(crate) known_passkey: Option<PublicKey>,
    /// The approval key that it names to such a device, where that is not the passkey's.
    pub(crate) named_approval_key: Option<PublicKey>,
    /// Whether it says that it takes devices that several people use.
    pub(crate) shared: Option<SharedPolicy>,
}

/// A challenge on the provider's side.
#[derive(Clone)]
pub(crate) struct IssuedChallenge {
    pub(crate) compact: Compact<Challenge>,
    pub(crate) opening: Option<Opening>,
    pub(crate) outcome: Option<Compact<Outcome>>,
}

#[derive(Clone)]
enum FeedItem {
    Challenge(ChallengeId),
    Ended(ChallengeId),
    Notice(String),
}

impl FakeProvider {
    /// A provider at a fixed time.
    pub(crate) fn open() -> FakeProvider {
        FakeProvider::open_at("https://id.acme.example")
    }

    /// A provider with this issuer.
    pub(crate) fn open_at(issuer: &str) -> FakeProvider {
        let random = CountingRandom::default();
        let issuer: Issuer = issuer.parse().unwrap();
        let root = PrivateKey::generate(&random).into_signer();
        let signing = PrivateKey::generate(&random).into_signer();
        let now = Timestamp::from_seconds(1_790_000_000);
        let manifests = ManifestChain { manifests: Vec::new() };
        let mut provider = FakeProvider {
            device: DeviceId::random(&random),
            subject: "alice".parse().unwrap(),
            credential: "first-credential".into(),
            previous: None,
            nonce: "nonce-1".into(),
            issuer,
            now,
            transport: None,
            approval: None,
            passkey: None,
            manifests,
            statements: Vec::new(),
            on_behalf_of: None,
            registrar: PrivateKey::generate(&random).into_signer(),
            registrations: Vec::new(),
            lose_status: None,
            away: false,
            random,
            root,
            signing,
            issued: BTreeMap::new(),
            feed: Vec::new(),
            generation: 1,
            answers: Vec::new(),
            refusals: Vec::new(),
            patches: Vec::new(),
            confirmed: Vec::new(),
            revocations: Vec::new(),
            forks: 0,
            lists: BTreeMap::new(),
            list_calls: Vec::new(),
            instead: Vec::new(),
            calls: Vec::new(),
            passkeys: None,
            known_passkey: None,
            named_approval_key: None,
            shared: None,
        };
        provider.list_signing_key();
        provider
    }

    pub(crate) fn root(&self) -> Thumbprint {
        *self.root.public_key().thumbprint()
    }

    /// The root of another provider.
    pub(crate) fn stranger_root() -> Thumbprint {
        let random = CountingRandom::default();
        drop(PrivateKey::generate(&random));
        drop(PrivateKey::generate(&random));
        *PrivateKey::generate(&random).public_key().thumbprint()
    }

    /// Signs with a new key from now on, listed in a new manifest.
    pub(crate) fn rotate_signing_key(&mut self) {
        self.signing = PrivateKey::generate(&self.random).into_signer();
        self.list_signing_key();
    }

    /// Signs with a new key from now on, and revokes the old one since then (seconds since the epoch).
    pub(crate) fn revoke_signing_key(&mut self, since: u64) {
        let old = *self.signing.public_key().thumbprint();
        self.signing = PrivateKey::generate(&self.random).into_signer();
        self.list_keys(|key| {
            if key.kid == old {
                key.revoked_at = Some(since);
            }
        });
    }

    fn list_signing_key(&mut self) {
        self.list_keys(|_| {});
    }

    fn list_keys(&mut self, change: impl FnMut(&mut ManifestKey)) {
        let last = self.manifests.manifests.last();
        let before = last.map(|compact| compact.peek().unwrap());
        let mut keys = before.as_ref().map(|manifest| manifest.keys.clone()).unwrap_or_default();
        let jwk = self.signing.public_key().clone();
        keys.push(ManifestKey { kid: *jwk.thumbprint(), jwk, from: 0, until: u64::MAX >> 12, revoked_at: None });
        keys.iter_mut().for_each(change);
        let manifest = Manifest {
            iss: self.issuer.clone(),
            iat: self.now.seconds(),
            sequence: before.map_or(1, |manifest| manifest.sequence + 1),
            prev: last.map(Compact::hash),
            root: self.root.public_key().clone(),
            keys,
        };
        self.manifests.manifests.push(Compact::sign(&manifest, &self.root).unwrap());
    }

    /// Confirms the device's keys.
    pub(crate) fn confirm(&mut self, transport: &PublicKey, approval: &PublicKey) {
        self.transport = Some(transport.clone());
        self.approval = Some(approval.clone());
        let statement = EnrollmentStatement {
            iss: self.issuer.clone(),
            sub: self.subject.clone(),
            jti: MessageId::random(&self.random),
            iat: self.now.seconds(),
            device_id: self.device.clone(),
            device_name: "Desk".into(),
            subject_label: Some("Alice".into()),
            transport_key: transport.clone(),
            approval_key: approval.clone(),
            approval_key_type: match self.passkey {
                Some(_) => ApprovalKeyType::Webauthn,
                None => ApprovalKeyType::P256,
            },
            webauthn: self.passkey.clone(),
            shared: false,
            code_origin: self.passkey.as_ref().map(|passkey| passkey.origin.clone()),
            on_behalf_of: self.on_behalf_of.clone(),
            device_class: DeviceClass::Interactive,
            key_protection: StatedProtection { claimed: KeyProtection::FilePin, verified: None },
            confirmed_by: ConfirmedBy::Code,
            sequence: 1,
            prev: None,
            must_understand: match self.passkey {
                Some(_) => EnrollmentStatement::PASSKEY_MEMBERS.map(str::to_owned).to_vec(),
                None => Vec::new(),
            },
        };
        let compact = Compact::sign(&statement, &self.signing).unwrap();
        self.feed.push(FeedItem::Notice(compact.as_str().to_owned()));
        self.statements.push(compact);
    }

    /// Puts a new statement in force, as after a change of what it says.
    pub(crate) fn restate(&mut self, change: impl FnOnce(&mut EnrollmentStatement)) {
        let latest = self.statements.last().unwrap();
        let mut next = latest.peek().unwrap();
        next.jti = MessageId::random(&self.random);
        next.sequence += 1;
        next.prev = Some(latest.hash());
        change(&mut next);
        let compact = self.sign(&next);
        self.notify(compact.as_str());
        self.statements.push(compact);
    }

    /// A sound challenge, to be altered.
    pub(crate) fn claims(&self) -> Challenge {
        Challenge {
            iss: self.issuer.clone(),
            aud: self.device.clone(),
            sub: self.subject.clone(),
            jti: ChallengeId::random(&self.random),
            iat: self.now.seconds(),
            exp: self.now.seconds() + 300,
            approval: ApprovalId::random(&self.random),
            kind: Kind::Login,
            kind_table: kind::TABLE_VERSION,
            provider: Party { issuer: self.issuer.clone(), name: "Acme ID".into() },
            client: Client { id: "coffee-pos".into(), name: "Acme Coffee".into(), verified: true },
            binding_message: Some("POS terminal #14".into()),
            scope: Some("openid".into()),
            acr_values: None,
            authorization_details_json: None,
            interaction: Interaction::boolean(),
            user_verification: UserVerification::Required,
            held: false,
            context: None,
            practice: false,
            requested_at: self.now.seconds(),
            must_understand: None,
        }
    }

    /// Asks with these claims.
    pub(crate) fn ask(&mut self, claims: &Challenge) -> ChallengeId {
        let compact = Compact::sign(claims, &self.signing).unwrap();
        self.ask_with(claims.jti.clone(), compact, None)
    }

    /// Asks for a sign-in by tap.
    pub(crate) fn ask_login(&mut self) -> ChallengeId {
        self.ask(&self.claims())
    }

    /// Asks for a sign-in by number; returns the number, too.
    pub(crate) fn ask_number(&mut self, kind: InteractionType) -> (ChallengeId, String) {
        let (interaction, opening) = interaction::generate(kind, &self.random).unwrap();
        let claims = Challenge { interaction, ..self.claims() };
        let compact = Compact::sign(&claims, &self.signing).unwrap();
        let value = opening.value.clone();
        (self.ask_with(claims.jti, compact, Some(opening)), value)
    }

    /// Asks with any bytes.
    pub(crate) fn ask_with(
        &mut self,
        id: ChallengeId,
        compact: Compact<Challenge>,
        opening: Option<Opening>,
    ) -> ChallengeId {
        self.issued.insert(id.clone(), IssuedChallenge { compact, opening, outcome: None });
        self.feed.push(FeedItem::Challenge(id.clone()));
        id
    }

    /// Signs as the gateway does.
    pub(crate) fn sign<T: countersign_protocol::jws::Claims>(&self, claims: &T) -> Compact<T> {
        Compact::sign(claims, &self.signing).unwrap()
    }

    /// Puts a notice into the feed.
    pub(crate) fn notify(&mut self, notice: &str) {
        self.feed.push(FeedItem::Notice(notice.to_owned()));
    }

    /// Ends a challenge that has not ended.
    pub(crate) fn end(&mut self, id: &ChallengeId, ending: Ending, answer: Option<Hash>) {
        if self.issued[id].outcome.is_none() {
            let outcome = self.outcome(id, ending, answer);
            self.issued.get_mut(id).unwrap().outcome = Some(outcome);
            self.feed.push(FeedItem::Ended(id.clone()));
        }
    }

    pub(crate) fn outcome(&self, id: &ChallengeId, outcome: Ending, answer_hash: Option<Hash>) -> Compact<Outcome> {
        let asked = &self.issued[id];
        self.sign(&Outcome {
            iss: self.issuer.clone(),
            aud: self.device.clone(),
            sub: self.subject.clone(),
            jti: MessageId::random(&self.random),
            iat: self.now.seconds(),
            approval: asked.compact.peek().unwrap().approval,
            challenge: id.clone(),
            challenge_hash: asked.compact.hash(),
            answer_hash,
            outcome,
            by: (outcome == Ending::AnsweredElsewhere).then(|| "Phone".to_owned()),
            enrollment_hash: self.statements[0].hash(),
            opening: asked.opening.clone(),
            held_until: None,
            replaces: None,
        })
    }

    /// As after a restored backup: earlier cursors are unknown, and a fetch is a reset.
    pub(crate) fn forget_cursors(&mut self) {
        self.generation += 1;
    }

    /// As after a restored backup: a challenge is unknown.
    pub(crate) fn forget(&mut self, id: &ChallengeId) {
        self.issued.remove(id);
        self.feed.retain(|item| !matches!(item, FeedItem::Challenge(known) | FeedItem::Ended(known) if known == id));
    }

    /// The reply to a call.
    pub(crate) fn reply(&mut self, call: &Call) -> Reply {
        let url = Url::parse(&call.url).unwrap();
        if url.path() == "/.well-known/countersign-gateways" {
            self.list_calls.push(call.clone());
            let reply = self.lists.get(&url.origin().ascii_serialization()).cloned();
            return reply.unwrap_or(Reply { status: 404, ..Reply::default() });
        }
        self.calls.push(format!("{} {}", call.method.as_str(), url.path()));
        let mut reply = self.instead.pop().unwrap_or_else(|| self.serve(call, &url));
        reply.date = Some(Timestamp::from_seconds(self.now.seconds()));
        reply.dpop_nonce = Some(self.nonce.clone());
        reply
    }

    fn serve(&mut self, call: &Call, url: &Url) -> Reply {
        let below = self.issuer.path().len();
        let path = if url.path().starts_with("/.well-known/") { url.path() } else { &url.path()[below..] };
        match path {
            "/push/manifests" => return json(200, &self.manifests),
            "/push/jwks" => return json(200, &KeySet { keys: vec![self.registrar.public_key().clone()] }),
            "/push/register" => return self.register(call, url),
            path if path.starts_with("/.well-known/") => return json(200, &self.discovery()),
            _ => {}
        }
        if let Err(code) = self.admit(call, url) {
            return problem(code, None);
        }
        if path == "/push/revoke" {
            let (media_type, form) = call.body.clone().unwrap();
            assert_eq!(media_type, "application/x-www-form-urlencoded");
            self.revocations.push(form);
            return Reply { status: 204, ..Reply::default() };
        }
        let body = call.body.as_ref().map_or(Value::Null, |(_, body)| serde_json::from_str(body).unwrap());
        let parts: Vec<&str> = path.split('/').skip(2).collect();
        match parts.as_slice() {
            ["challenges"] => self.fetch(url),
            ["credential"] => {
                let renewed = format!("{}+", self.credential);
                self.previous = Some(std::mem::replace(&mut self.credential, renewed));
                let device_credential = Secret::new(self.credential.clone());
                json(200, &CredentialResponse { device_credential, expires_in: 2_592_000 })
            }
            ["challenges", "received"] => {
                self.confirmed.push(body["cursor"].as_str().unwrap().to_owned());
                Reply { status: 204, ..Reply::default() }
            }
            ["challenges", id, "answer"] => self.answer(&id.parse().unwrap(), body["answer"].as_str().unwrap()),
            ["challenges", _, "refuse"] => {
                let compact = Compact::<Refusal>::from_text(body["refusal"].as_str().unwrap());
                self.refusals.push(compact.verify(|_| self.transport.as_ref()).unwrap().claims);
                json(200, &Receipt::default())
            }
            ["challenges", id, "dispute"] => self.dispute(&id.parse().unwrap(), body["dispute"].as_str().unwrap()),
            ["device"] => {
                self.patches.push(body.clone());
                let state = if body["push_address"].is_null() { PushState::None } else { PushState::Ok };
                let push = PushStatus { state, vapid_public_key: None };
                json(200, &DeviceResponse { device_name: "Phone".into(), push })
            }
            ["device", "push-test"] => {
                json(200, &PushTest { queued_ms: 1, accepted_ms: Some(2), service: "push.example".into() })
            }
            ["device", "practice"] => Reply { status: 202, ..Reply::default() },
            other => panic!("no such endpoint: {other:?}"),
        }
    }

    fn admit(&mut self, call: &Call, url: &Url) -> Result<(), ProblemCode> {
        let header = |name| call.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str());
        let proof = Compact::from_text(header("dpop").ok_or(ProblemCode::DpopRequired)?);
        let given = header("authorization").and_then(|value| value.strip_prefix("DPoP ")).unwrap_or_default();
        if given == self.credential {
            self.previous = None;
        } else if self.previous.as_deref() != Some(given) {
            return Err(ProblemCode::InvalidDeviceCredential);
        }
        let mut bare = url.clone();
        bare.set_query(None);
        let expected =
            ExpectedRequest { method: call.method.as_str(), url: bare.as_str(), token: given, now: self.now };
        let proof = DpopProof::verify(&proof, &expected).map_err(|error| {
            assert_eq!(error, DpopError::Time, "a device only ever gets the time wrong");
            ProblemCode::InvalidDpopProof
        })?;
        assert_eq!(Some(&proof.key), self.transport.as_ref());
        if proof.nonce.as_deref() == Some(&self.nonce) { Ok(()) } else { Err(ProblemCode::UseDpopNonce) }
    }

    pub(crate) fn discovery(&self) -> Discovery {
        let endpoint = |path: &str| self.issuer.endpoint(path);
        Discovery {
            issuer: self.issuer.clone(),
            countersign_version: 1,
            mode: Mode::Production,
            registration_endpoint: endpoint("/push/register"),
            revocation_endpoint: endpoint("/push/revoke"),
            key_rotation_endpoint: None,
            device_management_endpoint: None,
            device_jwks_uri: endpoint("/push/jwks"),
            manifest_uri: endpoint("/push/manifests"),
            challenge_endpoint: endpoint("/push/challenges"),
            stream_endpoint: endpoint("/push/stream"),
            credential_endpoint: endpoint("/push/credential"),
            delivery_modes_supported: vec!["poll".into()],
            fallback_order: vec!["poll".into()],
            interaction_type_supported: InteractionType::ALL.to_vec(),
            minimum_interaction_type: InteractionType::Boolean,
            registration_token_ttl: 300,
            signing_alg_values_supported: vec!["ES256".into()],
            client_attestation_required: false,
            max_devices_per_user: 5,
            push_wait_timeout_seconds: 25,
            error_response_format: "application/problem+json".into(),
            approval_key_types_supported: vec![ApprovalKeyType::P256, ApprovalKeyType::Webauthn],
            passkeys: self.passkeys,
            resume: self.known_passkey.as_ref().map(|_| ResumePolicy::Link),
            resume_endpoint: None,
            shared: self.shared,
            device_endpoint: None,
            push_types_supported: Vec::new(),
            vapid_public_key: None,
            push_services: None,
            support: None,
        }
    }

    /// A valid registration token.
    pub(crate) fn token(&self) -> RegistrationToken {
        RegistrationToken {
            iss: self.issuer.clone(),
            sub: self.subject.clone(),
            subject_label: "Alice".into(),
            aud: self.issuer.endpoint("/push/register"),
            iat: self.now.seconds(),
            exp: self.now.seconds() + 300,
            jti: RegistrationTokenId::random(&self.random),
            confirm: Confirm::Code,
            allow_automated: false,
            evidence_root: self.root(),
        }
    }

    /// The link of a token, as the registrar signs it.
    pub(crate) fn link(&self, token: &RegistrationToken) -> String {
        let token = Compact::sign(token, &self.registrar).unwrap();
        EnrollmentLink::new(self.issuer.clone(), token).expose()
    }

    fn register(&mut self, call: &Call, url: &Url) -> Reply {
        let (_, body) = call.body.as_ref().unwrap();
        let request: RegistrationRequest = serde_json::from_str(body).unwrap();
        let proof = call.headers.iter().find(|(name, _)| *name == "dpop").unwrap();
        let token = request.registration_token.as_str();
        let expected = ExpectedRequest { method: "POST", url: url.as_str(), token, now: self.now };
        let Ok(proof) = DpopProof::verify(&Compact::from_text(proof.1.clone()), &expected) else {
            return problem(ProblemCode::InvalidDpopProof, None);
        };
        if proof.nonce.as_deref() != Some(&self.nonce) {
            return problem(ProblemCode::UseDpopNonce, None);
        }
        assert_eq!(proof.key, request.public_key);
        let claims = request.registration_token.peek().unwrap();
        let party = RelyingParty::of(&self.issuer);
        let known = match &request.approval_proof {
            KeyProof::Known(proof) => {
                let challenge = resume_challenge(&request.registration_token.hash(), request.public_key.thumbprint());
                let party = party.as_ref().unwrap();
                let holds = |key: &&PublicKey| proof.verify(&challenge, key, party).is_ok();
                match self.known_passkey.iter().find(holds) {
                    Some(key) => Some(key.clone()),
                    None => return problem(ProblemCode::InvalidPublicKey, None),
                }
            }
            _ => None,
        };
        if self.registrations.first().is_some_and(|first| first != body) {
            return problem(ProblemCode::RegistrationTokenAlreadyUsed, None);
        }
        self.registrations.push(body.clone());
        self.credential = format!("credential-{}", self.registrations.len());
        self.transport = Some(request.public_key.clone());
        let backup_eligible = match &known {
            Some(_) => Some(true),
            None => match request.verify_proof(&claims, party.as_ref()).unwrap() {
                ProvenKey::P256(_) => None,
                ProvenKey::Passkey(created) => Some(created.backup_eligible),
            },
        };
        self.passkey = backup_eligible.zip(party).map(|(backup_eligible, party)| StatedPasskey {
            origin: party.origin,
            rp_id: party.rp_id,
            backup_eligible,
            attestation: AttestationResult::None,
            aaguid: None,
        });
        self.approval = known.clone().or(request.approval_key);
        json(
            201,
            &RegistrationResponse {
                device_id: self.device.clone(),
                registration_ref: format!("urn:push-reg:{}", self.device),
                device_credential: Secret::new(self.credential.clone()),
                expires_in: 2_592_000,
                status: DeviceStatus::Unconfirmed,
                confirmation_code: Some(Secret::new("314159")),
                subject: self.subject.clone(),
                subject_label: "Alice".into(),
                evidence_root: None,
                approval_key: self.named_approval_key.clone().or(known),
            },
        )
    }

    /// Confirms the registered keys, as if the person had typed the code.
    pub(crate) fn confirm_registered(&mut self) {
        let (transport, approval) = (self.transport.clone().unwrap(), self.approval.clone().unwrap());
        self.confirm(&transport, &approval);
    }

    fn fetch(&self, url: &Url) -> Reply {
        let after = url.query_pairs().find(|(name, _)| name == "after").map(|(_, value)| value.into_owned());
        let prefix = format!("{}-", self.generation);
        let known = after.and_then(|cursor| cursor.strip_prefix(&prefix)?.parse::<usize>().ok());
        let mut fetched = FetchResponse {
            cursor: format!("{prefix}{}", self.feed.len()),
            reset: known.is_none(),
            ..FetchResponse::default()
        };
        for item in &self.feed[known.unwrap_or(0)..] {
            match item {
                FeedItem::Challenge(id) if self.issued[id].outcome.is_none() => {
                    fetched.challenges.push(self.issued[id].compact.clone());
                }
                FeedItem::Ended(id) => {
                    let outcome = self.issued[id].outcome.clone();
                    fetched.withdrawn.extend(outcome.map(|outcome| WithdrawnChallenge { id: id.clone(), outcome }));
                }
                FeedItem::Challenge(_) => {}
                FeedItem::Notice(notice) => fetched.notices.push(notice.clone()),
            }
        }
        json(200, &fetched)
    }

    fn answer(&mut self, id: &ChallengeId, text: &str) -> Reply {
        let Some(asked) = self.issued.get(id).cloned() else { return problem(ProblemCode::NotFound, None) };
        let compact = Compact::<Answer>::from_text(text);
        let (transport, approval) = (self.transport.clone().unwrap(), self.approval.clone().unwrap());
        let keys = [
            VerifyingKey::P256(&transport),
            self.passkey
                .as_ref()
                .map_or(VerifyingKey::P256(&approval), |stated| VerifyingKey::Passkey(&approval, stated)),
        ];
        let key_of = |kid: &Thumbprint| keys.into_iter().find(|key| key.public_key().thumbprint() == kid);
        let answer = compact.verify_by(key_of).unwrap().claims;
        assert_eq!((&answer.challenge, answer.challenge_hash), (id, asked.compact.hash()));
        if !self.answers.contains(&compact) {
            let last = self.answers.iter().map(|known| known.peek().unwrap().seq).max().unwrap_or(0);
            self.forks += u32::from(answer.seq <= last);
            self.answers.push(compact.clone());
        }
        if let Some(outcome) = asked.outcome {
            let of_this = outcome.peek().unwrap().answer_hash == Some(compact.hash());
            return match of_this {
                true => json(200, &Receipt { outcome: Some(outcome) }),
                false => problem(ProblemCode::ApprovalDecided, Some(outcome)),
            };
        }
        if self.now.seconds() >= answer.exp {
            self.end(id, Ending::Expired, None);
            return problem(ProblemCode::ChallengeExpired, self.issued[id].outcome.clone());
        }
        let value = answer.interaction_value.as_deref();
        let right = asked.opening.as_ref().is_none_or(|opening| value.is_some_and(|value| opening.matches(value)));
        let ending = match answer.decision {
            Decision::Denied => Ending::Denied,
            Decision::Approved if right => Ending::Approved,
            Decision::Approved => Ending::Mismatch,
        };
        self.end(id, ending, Some(compact.hash()));
        let outcome = self.issued[id].outcome.clone();
        match ending {
            Ending::Mismatch => problem(ProblemCode::InteractionMismatch, outcome),
            _ => json(200, &Receipt { outcome }),
        }
    }

    fn dispute(&mut self, id: &ChallengeId, text: &str) -> Reply {
        let compact = Compact::<Dispute>::from_text(text);
        assert_eq!(compact.verify(|_| self.transport.as_ref()).unwrap().claims.challenge, *id);
        let first = self.issued[id].outcome.clone().unwrap();
        let second = Outcome { outcome: Ending::Disputed, replaces: Some(first.hash()), ..first.peek().unwrap() };
        json(200, &Receipt { outcome: Some(self.sign(&second)) })
    }
}

fn json(status: u16, body: &impl Serialize) -> Reply {
    Reply { status, body: serde_json::to_vec(body).unwrap(), ..Reply::default() }
}

pub(crate) fn problem(code: ProblemCode, outcome: Option<Compact<Outcome>>) -> Reply {
    json(code.status(), &Problem { outcome, ..Problem::new(code, "no") })
}

/// Providers behind the transport port, for tests of the whole device. Streams are refused, as behind some proxies.
#[cfg(test)]
#[derive(Clone)]
pub(crate) struct FakeTransport(pub(crate) Vec<Arc<Mutex<FakeProvider>>>);

#[cfg(test)]
impl Transport for FakeTransport {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply, TransportError>> {
        Box::pin(async move {
            let mut providers = self.0.iter().map(|provider| provider.lock().unwrap());
            let mut provider = providers.find(|provider| call.url.starts_with(&provider.issuer.origin())).unwrap();
            if provider.away {
                return Err(TransportError::Unreachable(Unreached::default()));
            }
            let reply = provider.reply(&call);
            if provider.lose_status == Some(reply.status) {
                provider.lose_status = None;
                return Err(TransportError::TimedOut);
            }
            Ok(reply)
        })
    }

    fn open_stream(&self, _: Call) -> BoxFuture<'_, Result<StreamReply, TransportError>> {
        Box::pin(async { Ok(StreamReply::Refused(problem(ProblemCode::MethodNotAllowed, None))) })
    }
}
