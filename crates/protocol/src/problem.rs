//! Problem documents (RFC 9457): the only error format of the device's endpoints. `title` is the code.

use serde::{Deserialize, Serialize};

use crate::jws::Compact;
use crate::outcome::Outcome;
use crate::revocation::Revocation;

/// The media type.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document. Unknown members are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:countersign:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code.
    pub title: ProblemCode,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do, for a person.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// How the approval ended, on 403, 409, 410 and 422.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outcome: Option<Compact<Outcome>>,
    /// The revocation of this device, on 401 `device_revoked`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revocation: Option<Compact<Revocation>>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:literal;)*) => {
        /// The code of a problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum ProblemCode {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
            /// A code this version does not know.
            #[serde(rename = "unknown", other)]
            Unknown,
        }

        impl ProblemCode {
            /// Every code this version knows.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Unknown => "unknown",
                }
            }

            /// The HTTP status of the response.
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$variant => $status,)*
                    Self::Unknown => 500,
                }
            }
        }
    };
}

codes! {
    /// The body or a parameter is not what the endpoint accepts.
    InvalidRequest = "invalid_request", 400;
    /// The registration token is by another gateway, or for another endpoint.
    InvalidRegistrationToken = "invalid_registration_token", 400;
    /// The registration token has expired.
    RegistrationTokenExpired = "registration_token_expired", 400;
    /// The registration token was used with other keys.
    RegistrationTokenAlreadyUsed = "registration_token_already_used", 400;
    /// The device does not support the weakest interaction that the gateway requires.
    InteractionTypeUnsupported = "interaction_type_unsupported", 400;
    /// A key is missing or malformed, or its proof is invalid.
    InvalidPublicKey = "invalid_public_key", 400;
    /// The push address is of a kind or at a host that the gateway does not push to.
    PushAddressNotAllowed = "push_address_not_allowed", 400;
    /// The user has as many devices as allowed.
    DeviceLimit = "device_limit", 403;
    /// Automated devices are not accepted for this user.
    AutomatedNotAllowed = "automated_not_allowed", 403;
    /// The provider takes no passkey of this kind, or none at all.
    PasskeyNotAllowed = "passkey_not_allowed", 403;
    /// The provider takes no devices that several people use.
    SharedNotAllowed = "shared_not_allowed", 403;
    /// A known passkey does not come back without a link: its window is over, or policy forbids it.
    ResumeNotAllowed = "resume_not_allowed", 403;
    /// The answer is invalid: signature, key, challenge, verification or form.
    InvalidAnswer = "invalid_answer", 400;
    /// A refusal or dispute is invalid.
    InvalidMessage = "invalid_message", 400;
    /// The number was wrong, which ends the approval.
    InteractionMismatch = "interaction_mismatch", 403;
    /// The approval was decided by another answer.
    ApprovalDecided = "approval_decided", 409;
    /// The challenge has expired.
    ChallengeExpired = "challenge_expired", 410;
    /// There is no such challenge for this device.
    NotFound = "not_found", 404;
    /// The credential is unknown, expired or replaced.
    InvalidDeviceCredential = "invalid_device_credential", 401;
    /// The call carries no DPoP proof.
    DpopRequired = "dpop_required", 401;
    /// The proof lacks a fresh nonce; the response's `DPoP-Nonce` has one.
    UseDpopNonce = "use_dpop_nonce", 401;
    /// The proof is invalid.
    InvalidDpopProof = "invalid_dpop_proof", 401;
    /// The device was revoked; the body has the signed revocation.
    DeviceRevoked = "device_revoked", 401;
    /// The device is suspended: it may have been copied or restored.
    DeviceSuspended = "device_suspended", 403;
    /// Too many calls; `Retry-After` says when to try again.
    RateLimited = "rate_limited", 429;
    /// The body is larger than the endpoint takes: 16 KiB, of an answer 96.
    BodyTooLarge = "body_too_large", 413;
    /// The transcript does not say what was asked, which ends the approval.
    DisplayMismatch = "display_mismatch", 422;
    /// The endpoint does not accept the method.
    MethodNotAllowed = "method_not_allowed", 405;
    /// The gateway failed; try again.
    Internal = "internal", 500;
    /// The gateway is busy or starting; try again.
    Unavailable = "unavailable", 503;
}

impl Problem {
    /// A problem with its code's status and this detail.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:countersign:problem:{}", code.as_str()),
            title: code,
            status: code.status(),
            detail: Some(detail.into()),
            outcome: None,
            revocation: None,
        }
    }
}
