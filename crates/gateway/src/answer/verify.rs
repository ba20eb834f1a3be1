//! Verification of an answer by itself: its signature, the challenge it names, and how the person was verified.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::key::Thumbprint;
use countersign_protocol::answer::{Answer, Decision};
use countersign_protocol::interaction::{InteractionType, UserVerification};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::{Claims, Compact, JwsError, VerifyingKey};
use countersign_protocol::limits;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::registration::{DeviceClass, KeyProtection};
use countersign_protocol::transcript::DisplayError;
use countersign_protocol::webauthn::{AttestationResult, VerifiedAssertion};

use crate::rejection::{Rejection, reject};
use crate::store::approvals::ApprovalRow;
use crate::store::challenges::{AnswerFingerprint, ChallengeRow};
use crate::store::devices::Device;

/// `amr` values (RFC 8176) that say a person was verified.
const USER_VALUES: [&str; 4] = ["pin", "fpt", "face", "user"];
/// Under `preferred`, one verification serves for so long, in seconds.
const VERIFICATION_LIFE: u64 = 300;

/// A valid answer. Whether it decides depends on the approval's row.
pub(crate) struct VerifiedAnswer {
    pub(crate) claims: Answer,
    pub(crate) compact: Compact<Answer>,
    pub(crate) fingerprint: AnswerFingerprint,
    pub(crate) hash: Hash,
    pub(crate) amr: Vec<String>,
    pub(crate) acr: String,
    pub(crate) auth_time: Option<Timestamp>,
    /// Whether the device's approval key signed it, and not its transport key.
    pub(crate) by_approval_key: bool,
    /// What the passkey that signed it says, if one did.
    pub(crate) assertion: Option<VerifiedAssertion>,
    /// The transcript whose hash it signs.
    pub(crate) transcript: Option<String>,
    /// The enrollment statement by which the transcript says what was asked.
    pub(crate) statement: Option<Hash>,
    /// Why the transcript of an approval does not say what was asked.
    pub(crate) display_error: Option<DisplayError>,
}

/// Checks an answer against its challenge. Nothing here depends on whether the approval is still pending.
pub(crate) fn verify_answer(
    compact: &Compact<Answer>,
    issuer: &Issuer,
    device: &Device,
    challenge: &ChallengeRow,
    approval: &ApprovalRow,
) -> Result<VerifiedAnswer, Rejection> {
    let opened = open_by_device(compact, device, &[device.approval_kid, device.transport_kid])
        .map_err(|why| invalid(&why.to_string()))?;
    let claims = opened.claims;
    let about_this = claims.iss == device.id
        && claims.aud == *issuer
        && claims.sub == device.subject
        && claims.challenge == challenge.id
        && claims.challenge_hash == challenge.hash
        && claims.exp == approval.answer_until.seconds();
    if !about_this {
        return Err(invalid("it is about another challenge, device, user or issuer"));
    }
    if claims.seq == 0 {
        return Err(invalid("seq begins with 1"));
    }
    let by_approval_key = *opened.key.thumbprint() == device.approval_kid;
    let verified = match claims.decision {
        Decision::Denied if claims.interaction_value.is_some() => {
            return Err(invalid("interaction_value belongs to an approval"));
        }
        Decision::Denied if opened.assertion.is_some() => {
            return Err(invalid("a passkey signs approvals; a denial is the transport key's"));
        }
        Decision::Denied => AuthMethods { amr: Vec::new(), by_person: false },
        Decision::Approved => {
            if claims.reason.is_some() {
                return Err(invalid("reason belongs to a denial"));
            }
            if claims.interaction_value.is_some() != approval.opening.is_some() {
                return Err(invalid("interaction_value is there if, and only if, the challenge asks for a number"));
            }
            check_verification(&claims, by_approval_key, opened.assertion.as_ref(), device, approval)?
        }
    };
    Ok(VerifiedAnswer {
        compact: compact.clone(),
        fingerprint: AnswerFingerprint { jti: claims.jti.to_string(), signed: Hash::of(compact.signed_part()) },
        hash: opened.hash,
        acr: acr(device.class, approval.interaction, verified.by_person),
        auth_time: claims.uv_at.filter(|_| verified.by_person).map(Timestamp::from_seconds),
        amr: verified.amr,
        by_approval_key,
        assertion: opened.assertion,
        transcript: None,
        statement: None,
        display_error: None,
        claims,
    })
}

struct AuthMethods {
    amr: Vec<String>,
    by_person: bool,
}

fn check_verification(
    claims: &Answer,
    by_approval_key: bool,
    by_passkey: Option<&VerifiedAssertion>,
    device: &Device,
    approval: &ApprovalRow,
) -> Result<AuthMethods, Rejection> {
    let is_attested = match &device.passkey {
        Some(stated) => stated.attestation == AttestationResult::Verified,
        None => device.key_verified.is_some_and(is_hardware),
    };
    let key = if is_attested { "hwk" } else { "swk" };
    if by_passkey.is_some() {
        // The claims were written before the person was verified; the passkey's own signature says that they were, for this.
        if !claims.amr.is_empty() || claims.uv_at.is_some() {
            return Err(invalid("amr is empty and uv_at absent where a passkey signs"));
        }
        return Ok(AuthMethods { amr: [key, "user", "mfa"].map(str::to_owned).to_vec(), by_person: true });
    }
    let discouraged = approval.user_verification == UserVerification::Discouraged;
    if !by_approval_key && !discouraged {
        return Err(invalid("this challenge asks for the approval key's signature"));
    }
    let user: Vec<&str> = USER_VALUES.into_iter().filter(|value| claims.amr.iter().any(|own| own == value)).collect();
    if device.class == DeviceClass::Automated {
        if !approval.allow_automated {
            return Err(invalid("automated devices may not answer for this user"));
        }
        if !user.is_empty() {
            return Err(invalid("an automated device verifies no person"));
        }
    } else if by_approval_key && (!discouraged || !user.is_empty()) {
        // Where none is needed, one that is claimed is told to the client all the same.
        check_person(claims, &user, approval)?;
    }
    let by_person = by_approval_key && !user.is_empty();
    let amr = std::iter::once(key).chain(user.into_iter().filter(|_| by_person)).map(str::to_owned).collect();
    Ok(AuthMethods { amr, by_person })
}

/// `required`: after the request was made. Otherwise at most five minutes before the answer. Times are the device's, in the server's
/// time as it knows it; [`check_verified_at`] bounds them by the server's own.
fn check_person(claims: &Answer, user: &[&str], approval: &ApprovalRow) -> Result<(), Rejection> {
    let (Some(at), false) = (claims.uv_at, user.is_empty()) else {
        return Err(invalid("the person was not verified"));
    };
    let earliest = match approval.user_verification {
        UserVerification::Required => approval.requested_at.seconds(),
        _ => claims.iat.saturating_sub(VERIFICATION_LIFE),
    };
    let skew = limits::IAT_SKEW_SECONDS;
    if at.saturating_add(skew) < earliest || at > claims.iat.saturating_add(skew) {
        return Err(invalid("the person was verified at another time than this request asks for"));
    }
    Ok(())
}

/// Bounds by the server's clock when the person was verified, as an answer that arrives now claims it: not later, not before the device
/// was enrolled, and unless it was for this very request at most five minutes ago. What the device says of its own clock (`iat`) would
/// let it use a verification of any age.
pub(crate) fn check_verified_at(
    checked: &VerifiedAnswer,
    needed: UserVerification,
    device: &Device,
    now: Timestamp,
) -> Result<(), Rejection> {
    let Some(at) = checked.auth_time.map(Timestamp::seconds) else { return Ok(()) };
    let earliest = match needed {
        UserVerification::Required => device.registered_at.seconds(),
        _ => device.registered_at.seconds().max(now.seconds().saturating_sub(VERIFICATION_LIFE)),
    };
    let skew = limits::IAT_SKEW_SECONDS;
    if at.saturating_add(skew) < earliest || at > now.seconds().saturating_add(skew) {
        return Err(invalid("the person was verified too long before it arrived, or later"));
    }
    Ok(())
}

fn acr(class: DeviceClass, interaction: InteractionType, by_person: bool) -> String {
    let number = interaction != InteractionType::Boolean;
    let level = match (class, number, by_person) {
        (DeviceClass::Automated, ..) => "automated",
        (_, true, true) => "number-verified",
        (_, false, true) => "verified",
        (_, true, false) => "number",
        (_, false, false) => "tap",
    };
    format!("urn:countersign:acr:{level}")
}

fn is_hardware(level: KeyProtection) -> bool {
    matches!(level, KeyProtection::Tpm2 | KeyProtection::Strongbox | KeyProtection::Tee | KeyProtection::SecureEnclave)
}

/// Opens a device's message with whichever of its keys the header names, if that is one of `allowed`.
pub(crate) fn open_by_device<T: Claims>(
    compact: &Compact<T>,
    device: &Device,
    allowed: &[Thumbprint],
) -> Result<countersign_protocol::jws::VerifiedJws<T>, JwsError> {
    let kid = compact.kid()?;
    let unknown = || JwsError::UnknownKey(kid);
    if !allowed.contains(&kid) {
        return Err(unknown());
    }
    let key = if kid == device.approval_kid { device.approval_key() } else { device.transport_key() };
    let key = key.map_err(|_| unknown())?;
    let passkey = device.passkey.as_ref().filter(|_| kid == device.approval_kid);
    compact.verify_by(|_| Some(passkey.map_or(VerifyingKey::P256(&key), |stated| VerifyingKey::Passkey(&key, stated))))
}

pub(super) fn invalid(why: &str) -> Rejection {
    reject(ProblemCode::InvalidAnswer, format!("The answer does not hold: {why}."))
}
