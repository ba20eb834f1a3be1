//! What anybody may read: discovery, the key manifests, the keys of registration tokens.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_jose::key::Signer as _;
use countersign_protocol::COUNTERSIGN_VERSION;
use countersign_protocol::discovery::{AttestationConveyance, Discovery, PasskeyPolicy, Passkeys, ResumePolicy};
use countersign_protocol::enrollment::ApprovalKeyType;
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::{limits, problem};

use super::reply;
use crate::Gateway;
use crate::keys::published;

pub(super) async fn document(State(gateway): State<Gateway>) -> Response {
    let document = gateway.discovery();
    reply::complete(reply::json(StatusCode::OK, &document), gateway.now(), None)
}

pub(super) async fn manifests(State(gateway): State<Gateway>) -> Response {
    let chain = crate::manifest::chain(gateway.store());
    let response = chain.map(|chain| reply::json(StatusCode::OK, &chain)).map_err(Into::into);
    reply::finish(response, gateway.now(), None)
}

pub(super) async fn keys(State(gateway): State<Gateway>) -> Response {
    let keys = gateway.keys();
    let jwks = [keys.registration.public_key()].into_iter().chain(&keys.former_registration).map(published);
    let set = serde_json::json!({ "keys": jwks.collect::<Vec<_>>() });
    reply::complete(reply::json(StatusCode::OK, &set), gateway.now(), None)
}

impl Gateway {
    /// The discovery document.
    pub fn discovery(&self) -> Discovery {
        let (settings, urls) = (self.settings(), self.urls());
        let modes = |more: &[&str]| ["stream", "poll"].iter().chain(more).map(|mode| (*mode).to_owned()).collect();
        let push = settings.push.as_ref();
        Discovery {
            issuer: settings.issuer.clone(),
            countersign_version: COUNTERSIGN_VERSION,
            mode: settings.mode,
            registration_endpoint: urls.registration.clone(),
            revocation_endpoint: urls.revocation.clone(),
            key_rotation_endpoint: None,
            device_management_endpoint: None,
            device_jwks_uri: urls.device_jwks.clone(),
            manifest_uri: urls.manifest.clone(),
            challenge_endpoint: urls.challenges.clone(),
            stream_endpoint: urls.stream.clone(),
            credential_endpoint: urls.credential.clone(),
            delivery_modes_supported: modes(if push.is_some() { &["push"] } else { &[] }),
            fallback_order: modes(&[]),
            interaction_type_supported: InteractionType::ALL.to_vec(),
            minimum_interaction_type: settings.minimum_interaction,
            registration_token_ttl: limits::REGISTRATION_TOKEN_SECONDS,
            signing_alg_values_supported: vec!["ES256".to_owned()],
            client_attestation_required: false,
            max_devices_per_user: settings.max_devices_per_user,
            push_wait_timeout_seconds: limits::FETCH_WAIT_SECONDS,
            error_response_format: problem::MEDIA_TYPE.to_owned(),
            approval_key_types_supported: match settings.relying_party() {
                Some(_) => vec![ApprovalKeyType::P256, ApprovalKeyType::Webauthn],
                None => vec![ApprovalKeyType::P256],
            },
            passkeys: Some(Passkeys {
                policy: settings.relying_party().map_or(PasskeyPolicy::Off, |_| settings.passkeys),
                attestation: match settings.attestation_roots.is_empty() {
                    true => AttestationConveyance::None,
                    false => AttestationConveyance::Direct,
                },
            }),
            resume: Some(settings.resume_policy()),
            resume_endpoint: (settings.resume_policy() != ResumePolicy::Off).then(|| urls.resume.clone()),
            shared: Some(settings.shared),
            device_endpoint: Some(urls.device.clone()),
            push_types_supported: push.map(|_| "web_push".to_owned()).into_iter().collect(),
            vapid_public_key: push.map(|_| self.vapid_public_key()),
            push_services: push
                .and_then(|push| push.services.as_ref())
                .map(|services| services.iter().map(ToString::to_string).collect()),
            support: settings.support.clone(),
        }
    }
}
