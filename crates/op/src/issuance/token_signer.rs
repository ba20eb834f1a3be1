//! Token contents: ID token (OpenID Connect Core §2, CIBA Core §10) and access token (RFC 9068), with the `approval`
//! claim and the client's authorization details, byte for byte.

use std::path::Path;
use std::time::Duration;

use countersign_gateway::keys::KeyError;
use countersign_gateway::{AnsweringKey, Approval};
use countersign_jose::base64url;
use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::jwt::SigningAlg;
use countersign_jose::key::SignFailed;
use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::enrollment::ApprovalKeyType;
use countersign_protocol::id::MessageId;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::registration::KeyProtection;
use serde::Serialize;

use super::token_keys::{EcSigner, KeySet, TokenKeys};
use crate::grant::confirmation::Confirmation;
use crate::grant::resource::Resources;

/// Signs this provider's tokens.
pub(crate) struct TokenSigner {
    keys: TokenKeys,
}

/// Input to the claims of both tokens.
pub(crate) struct TokenContents<'a> {
    pub(crate) issuer: &'a Issuer,
    pub(crate) sub: &'a str,
    pub(crate) client_id: &'a str,
    /// Claim of the ID token, in the first tokens of a request.
    pub(crate) auth_req_id: Option<&'a str>,
    pub(crate) refresh_token: Option<&'a Secret>,
    /// Whether the tokens are pushed: then the ID token has `rt_hash` (CIBA Core §10.3.1).
    pub(crate) is_pushed: bool,
    pub(crate) scope: &'a str,
    /// The client's JSON, unchanged.
    pub(crate) details: Option<&'a str>,
    /// Resource servers in the access token's `aud`, beside this provider (RFC 8707).
    pub(crate) resources: &'a Resources,
    pub(crate) approval: ApprovalClaim<'a>,
    /// `None`, and no `amr`, where no device took part.
    pub(crate) acr: Option<&'a str>,
    pub(crate) amr: &'a [String],
    /// Time of the approval.
    pub(crate) auth_time: Timestamp,
    /// Binding of the access token (`cnf`).
    pub(crate) confirmation: Option<Confirmation>,
    pub(crate) life: Duration,
    /// The algorithm of the ID token.
    pub(crate) id_token_alg: SigningAlg,
}

/// The `approval` claim: links the tokens to the approval's evidence.
#[derive(Serialize, Clone)]
pub(crate) struct ApprovalClaim<'a> {
    pub(crate) id: &'a str,
    pub(crate) r#ref: ApprovalRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) challenge_hash: Option<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answer_hash: Option<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) details_hash: Option<Hash>,
    pub(crate) interaction: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device_class: Option<&'a str>,
    /// The approval key that signed; absent where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<KeyClaim>,
    /// Approved without a device, by a provider in benchmark mode.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) in_process: bool,
}

/// What is known of the approval key: how it signs, how it is protected as claimed and as verified, whether it may be copied.
#[derive(Serialize, Clone)]
pub(crate) struct KeyClaim {
    r#type: ApprovalKeyType,
    protection: KeyProtection,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<KeyProtection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_eligible: Option<bool>,
}

impl KeyClaim {
    fn of(key: &AnsweringKey) -> Self {
        Self {
            r#type: key.key_type,
            protection: key.protection,
            verified: key.verified,
            backup_eligible: key.backup_eligible,
        }
    }
}

impl<'a> ApprovalClaim<'a> {
    /// The claim for this approval.
    pub(crate) fn of(approval: &'a Approval) -> Self {
        let signed = approval.signed.as_ref();
        Self {
            id: approval.id.as_str(),
            r#ref: ApprovalRef::of(&approval.id),
            challenge_hash: signed.map(|signed| signed.challenge_hash),
            answer_hash: signed.map(|signed| signed.answer_hash),
            details_hash: approval.details_hash,
            interaction: approval.interaction.as_str(),
            device_class: signed.map(|signed| signed.device_class.as_str()),
            key: signed.and_then(|signed| signed.key.as_ref()).map(KeyClaim::of),
            in_process: signed.is_none(),
        }
    }
}

/// The claims of both tokens, in the order in which they are signed.
#[derive(Serialize)]
struct TokenClaims<'a, A, M> {
    iss: &'a str,
    sub: &'a str,
    /// `aud`, and what an access token says of its client.
    #[serde(flatten)]
    audience: A,
    exp: u64,
    iat: u64,
    auth_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    amr: &'a [String],
    /// The claims that this kind of token alone has.
    #[serde(flatten)]
    more: M,
    approval: &'a ApprovalClaim<'a>,
}

impl<'a, A, M> TokenClaims<'a, A, M> {
    fn new(contents: &'a TokenContents<'_>, now: Timestamp, audience: A, more: M) -> Self {
        Self {
            iss: contents.issuer.as_str(),
            sub: contents.sub,
            audience,
            exp: now.seconds() + contents.life.as_secs(),
            iat: now.seconds(),
            auth_time: contents.auth_time.seconds(),
            acr: contents.acr,
            amr: contents.amr,
            more,
            approval: &contents.approval,
        }
    }
}

/// OpenID Connect Core §2: an ID token is for the client alone.
#[derive(Serialize)]
struct IdTokenAudience<'a> {
    aud: &'a str,
}

/// Of an ID token alone (OpenID Connect Core §3.1.3.6, CIBA Core §10.3.1).
#[derive(Serialize)]
struct IdTokenClaims<'a> {
    at_hash: String,
    #[serde(rename = "urn:openid:params:jwt:claim:rt_hash", skip_serializing_if = "Option::is_none")]
    rt_hash: Option<String>,
    #[serde(rename = "urn:openid:params:jwt:claim:auth_req_id", skip_serializing_if = "Option::is_none")]
    auth_req_id: Option<&'a str>,
}

/// RFC 9068 §2.2: an access token is for resource servers, and names its client.
#[derive(Serialize)]
struct AccessTokenAudience<'a> {
    aud: Audience<'a>,
    client_id: &'a str,
    jti: MessageId,
}

/// Of an access token alone (RFC 9068 §2.2.3, RFC 7800 §3.1).
#[derive(Serialize)]
struct AccessTokenClaims<'a> {
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

/// `aud` (RFC 9068 §3): the resources and this provider, whose userinfo accepts the token too; this provider alone
/// without resources.
#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    Provider(&'a str),
    Resources(Vec<&'a str>),
}

impl<'a> Audience<'a> {
    fn of(resources: &'a Resources, issuer: &'a str) -> Self {
        let mut audience: Vec<&str> = resources.iter().collect();
        if audience.is_empty() {
            return Audience::Provider(issuer);
        }
        audience.push(issuer);
        Audience::Resources(audience)
    }
}

#[derive(Serialize)]
struct Response<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    scope: &'a str,
    id_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

impl TokenSigner {
    /// Loads the keys of a folder.
    ///
    /// # Errors
    /// [`KeyError`] if a file can't be used.
    pub(crate) fn open(directory: &Path, random: &dyn Random) -> Result<TokenSigner, KeyError> {
        Ok(TokenSigner { keys: TokenKeys::open(directory, random)? })
    }

    /// Creates the key that this algorithm needs, if it is missing. Blocks the thread for up to a second.
    ///
    /// # Errors
    /// [`KeyError`] if the RSA key's file can't be used.
    pub(crate) fn prepare(&self, alg: SigningAlg, random: &dyn Random) -> Result<(), KeyError> {
        if alg == SigningAlg::Es256 { Ok(()) } else { self.keys.prepare_rsa(random) }
    }

    /// The signing keys.
    pub(crate) fn keys(&self) -> &TokenKeys {
        &self.keys
    }

    /// The body of the token response.
    ///
    /// # Errors
    /// [`SignFailed`] if the key does not sign.
    pub(crate) fn respond(
        &self,
        contents: &TokenContents<'_>,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<String, SignFailed> {
        let held = self.keys.current();
        let signer = held.ec(now);
        let access_token = access_token(signer, contents, now, random)?;
        let audience = IdTokenAudience { aud: contents.client_id };
        let more = IdTokenClaims {
            at_hash: at_hash(&access_token),
            rt_hash: contents.refresh_token.filter(|_| contents.is_pushed).map(|token| at_hash(token.expose())),
            auth_req_id: contents.auth_req_id,
        };
        let claims = object(&TokenClaims::new(contents, now, audience, more), None);
        let id_token = match contents.id_token_alg {
            SigningAlg::Es256 => signed(signer, &signer.id_header, &claims)?,
            alg => signed_by_rsa(&self.keys.current_with_rsa(), alg, &claims, now)?,
        };
        let response = Response {
            access_token: &access_token,
            token_type: Confirmation::token_type(contents.confirmation),
            expires_in: contents.life.as_secs(),
            scope: contents.scope,
            id_token: &id_token,
            refresh_token: contents.refresh_token.map(Secret::expose),
        };
        Ok(object(&response, contents.details))
    }
}

fn access_token(
    signer: &EcSigner,
    contents: &TokenContents<'_>,
    now: Timestamp,
    random: &dyn Random,
) -> Result<String, SignFailed> {
    let audience = AccessTokenAudience {
        aud: Audience::of(contents.resources, contents.issuer.as_str()),
        client_id: contents.client_id,
        jti: MessageId::random(random),
    };
    let more = AccessTokenClaims { scope: contents.scope, cnf: contents.confirmation };
    let claims = object(&TokenClaims::new(contents, now, audience, more), contents.details);
    signed(signer, &signer.access_header, &claims)
}

fn signed_by_rsa(held: &KeySet, alg: SigningAlg, payload: &str, now: Timestamp) -> Result<String, SignFailed> {
    let rsa = held.rsa(now).ok_or(SignFailed)?;
    let input = format!("{}.{}", rsa.header(alg), base64url::encode(payload.as_bytes()));
    let signature = rsa.sign(alg, input.as_bytes())?;
    Ok(format!("{input}.{}", base64url::encode(&signature)))
}

fn signed(signer: &EcSigner, header: &str, payload: &str) -> Result<String, SignFailed> {
    let mut token = format!("{header}.{}", base64url::encode(payload.as_bytes()));
    let signature = signer.sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&base64url::encode(&signature));
    Ok(token)
}

/// The left half of a token's hash (OpenID Connect Core §3.1.3.6; for refresh tokens CIBA Core §10.3.1).
fn at_hash(access_token: &str) -> String {
    base64url::encode(&Hash::of(access_token).as_bytes()[..16])
}

/// A JSON object with the client's details as its last member, byte for byte: `serde_json`'s raw values would trim
/// white space at both ends.
fn object(members: &impl Serialize, details: Option<&str>) -> String {
    let mut text = serde_json::to_string(members).expect("claims have serialisable members only");
    if let Some(details) = details {
        text.pop();
        text.push_str(",\"authorization_details\":");
        text.push_str(details);
        text.push('}');
    }
    text
}

#[cfg(test)]
mod tests;
