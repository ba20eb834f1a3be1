//! Android's key attestation (WebAuthn §8.4): a certificate of the passkey itself, with what Android's key store says of it.

use countersign_protocol::registration::KeyProtection;
use countersign_protocol::webauthn::{CreatedPasskey, SignedStatement};
use x509_cert::der::asn1::ObjectIdentifier;

use super::certificate::Certificate;
use super::der::{self, CONSTRUCTED, EXPLICIT, Element, PRIMITIVE};
use super::{AttestationError, Attested};

/// The extension with the KeyDescription.
const KEY_DESCRIPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.1.17");

const BOOLEAN: u32 = 0x01;
const INTEGER: u32 = 0x02;
const OCTET_STRING: u32 = 0x04;
const ENUMERATED: u32 = 0x0a;
const SEQUENCE: u32 = 0x10;
const SET: u32 = 0x11;

/// Members of an AuthorizationList.
const PURPOSE: u32 = 1;
const ALL_APPLICATIONS: u32 = 600;
const ORIGIN: u32 = 702;
const ROOT_OF_TRUST: u32 = 704;
/// KM_PURPOSE_SIGN.
const SIGN: &[u8] = &[2];
/// KM_ORIGIN_GENERATED.
const GENERATED: &[u8] = &[0];
/// TRUE.
const LOCKED: &[u8] = &[0xff];
/// VerifiedBootState: by the phone's maker, or by a key that the owner of a locked phone put into it.
const BOOTED: [&[u8]; 2] = [&[0], &[1]];
/// SecurityLevel.
const TRUSTED_ENVIRONMENT: &[u8] = &[1];
const STRONG_BOX: &[u8] = &[2];

/// What the key store says of a key.
struct KeyDescription<'a> {
    attested_by: &'a [u8],
    kept_by: &'a [u8],
    challenge: &'a [u8],
    software_enforced: Vec<Element<'a>>,
    hardware_enforced: Vec<Element<'a>>,
}

pub(super) fn verify<'a>(
    statement: &'a SignedStatement,
    passkey: &CreatedPasskey,
) -> Result<Option<Attested<'a>>, AttestationError> {
    let certificate = Certificate::first(&statement.certificates)?;
    if certificate.key().as_ref() != Some(&passkey.credential.key) {
        return Err(AttestationError::OtherKey);
    }
    if !certificate.has_signed(statement, &passkey.attestation.signed())? {
        return Ok(None);
    }
    let extension = certificate.extension(KEY_DESCRIPTION)?.ok_or(AttestationError::Certificate)?;
    let said = KeyDescription::read(extension.extn_value.as_bytes()).ok_or(AttestationError::Malformed)?;
    if said.challenge != passkey.attestation.client_data_hash.as_bytes() {
        return Err(AttestationError::OtherRegistration);
    }
    let lists = [&said.software_enforced, &said.hardware_enforced];
    if lists.into_iter().flatten().any(|member| member.tag == ALL_APPLICATIONS) {
        return Err(AttestationError::KeyUse);
    }
    let protection = match said.kept_by {
        STRONG_BOX => KeyProtection::Strongbox,
        TRUSTED_ENVIRONMENT => KeyProtection::Tee,
        // Kept by software: nobody attests more than the page says.
        _ => return Ok(None),
    };
    if said.attested_by != said.kept_by {
        return Ok(None);
    }
    // What the hardware enforces alone.
    let value = |tag| member(&said.hardware_enforced, tag);
    let signs_alone = value(PURPOSE).is_some_and(|set| {
        let only = der::read_only(set.content).filter(|only| is(only, PRIMITIVE, INTEGER));
        is(&set, CONSTRUCTED, SET) && only.is_some_and(|only| only.content == SIGN)
    });
    let made_there = value(ORIGIN).is_some_and(|found| is(&found, PRIMITIVE, INTEGER) && found.content == GENERATED);
    if !signs_alone || !made_there {
        return Err(AttestationError::KeyUse);
    }
    // A phone that starts whatever it is given: what runs there may be anything, and the key store's word with it.
    if !value(ROOT_OF_TRUST).is_some_and(|root| is_booted_as_it_should(&root)) {
        return Ok(None);
    }
    // Which app had the key made, and whether the hardware asks for the person before it signs (attestationApplicationId,
    // noAuthRequired), is not judged: Android's own passkeys ask the person by the phone's software. It shows where the key is.
    Ok(Some(Attested { protection, certificates: &statement.certificates }))
}

/// RootOfTrust ::= SEQUENCE { verifiedBootKey OCTET STRING, deviceLocked BOOLEAN, verifiedBootState ENUMERATED, and since version 3
/// verifiedBootHash OCTET STRING }.
fn is_booted_as_it_should(root: &Element<'_>) -> bool {
    let members = der::read_all(root.content).filter(|_| is(root, CONSTRUCTED, SEQUENCE)).unwrap_or_default();
    let [key, locked, state, hash @ ..] = members.as_slice() else { return false };
    is(key, PRIMITIVE, OCTET_STRING)
        && is(locked, PRIMITIVE, BOOLEAN)
        && is(state, PRIMITIVE, ENUMERATED)
        && hash.len() <= 1
        && hash.iter().all(|hash| is(hash, PRIMITIVE, OCTET_STRING))
        && locked.content == LOCKED
        && BOOTED.contains(&state.content)
}

impl<'a> KeyDescription<'a> {
    /// SEQUENCE { attestationVersion INTEGER, attestationSecurityLevel ENUMERATED, keyMintVersion INTEGER, keyMintSecurityLevel
    /// ENUMERATED, attestationChallenge OCTET STRING, uniqueId OCTET STRING, softwareEnforced SEQUENCE, hardwareEnforced SEQUENCE }.
    fn read(extension: &'a [u8]) -> Option<Self> {
        let whole = der::read_only(extension).filter(|whole| is(whole, CONSTRUCTED, SEQUENCE))?;
        let members: [Element<'a>; 8] = der::read_all(whole.content)?.try_into().ok()?;
        let [version, attested_by, key_version, kept_by, challenge, unique_id, software, hardware] = members;
        let forms = is(&version, PRIMITIVE, INTEGER)
            && is(&attested_by, PRIMITIVE, ENUMERATED)
            && is(&key_version, PRIMITIVE, INTEGER)
            && is(&kept_by, PRIMITIVE, ENUMERATED)
            && is(&challenge, PRIMITIVE, OCTET_STRING)
            && is(&unique_id, PRIMITIVE, OCTET_STRING)
            && is(&software, CONSTRUCTED, SEQUENCE)
            && is(&hardware, CONSTRUCTED, SEQUENCE);
        forms.then_some(())?;
        Some(Self {
            attested_by: attested_by.content,
            kept_by: kept_by.content,
            challenge: challenge.content,
            software_enforced: authorizations(software.content)?,
            hardware_enforced: authorizations(hardware.content)?,
        })
    }
}

/// The members of an AuthorizationList: each `[n] EXPLICIT`, none twice.
fn authorizations(bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let all = der::read_all(bytes)?;
    let sound = all.iter().all(|member| member.form == EXPLICIT) && all.windows(2).all(|two| two[0].tag < two[1].tag);
    sound.then_some(all)
}

/// What is within `[n] EXPLICIT`.
fn member<'a>(list: &[Element<'a>], tag: u32) -> Option<Element<'a>> {
    der::read_only(list.iter().find(|member| member.tag == tag)?.content)
}

const fn is(element: &Element<'_>, form: u8, tag: u32) -> bool {
    element.form == form && element.tag == tag
}
