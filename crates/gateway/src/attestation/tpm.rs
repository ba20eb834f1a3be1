//! TPM attestation (WebAuthn §8.3): a TPM certifies, by an attestation key of its own, a key that it holds.

use countersign_protocol::registration::KeyProtection;
use countersign_protocol::webauthn::{CreatedPasskey, SignedStatement};
use ring::digest;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::name::GeneralName;

use super::certificate::{Certificate, attributes};
use super::{AttestationError, Attested};

/// tcg-kp-AIKCertificate.
const AIK_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.3");
/// tcg-at-tpmManufacturer, -tpmModel and -tpmVersion.
const TPM_ATTRIBUTES: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.23.133.2.1"),
    ObjectIdentifier::new_unwrap("2.23.133.2.2"),
    ObjectIdentifier::new_unwrap("2.23.133.2.3"),
];

const TPM_GENERATED_VALUE: u32 = 0xff54_4347;
const TPM_ST_ATTEST_CERTIFY: u16 = 0x8017;
const TPM_ALG_SHA256: u16 = 0x000b;
const TPM_ALG_SHA384: u16 = 0x000c;
const TPM_ALG_SHA512: u16 = 0x000d;
const TPM_ALG_NULL: u16 = 0x0010;
const TPM_ALG_ECDSA: u16 = 0x0018;
const TPM_ALG_ECC: u16 = 0x0023;
const TPM_ECC_NIST_P256: u16 = 0x0003;
/// TPMA_OBJECT (TPM 2.0 Part 2 §8.3): the key never leaves this TPM, and the TPM made it.
const FIXED_TPM: u32 = 1 << 1;
const FIXED_PARENT: u32 = 1 << 4;
const SENSITIVE_DATA_ORIGIN: u32 = 1 << 5;
/// It signs what it is given alone: a restricted key signs what the TPM says, too.
const RESTRICTED: u32 = 1 << 16;
const SIGN: u32 = 1 << 18;
/// clock, resetCount, restartCount and safe of TPMS_CLOCK_INFO.
const CLOCK_INFO_BYTES: usize = 8 + 4 + 4 + 1;

pub(super) fn verify<'a>(
    statement: &'a SignedStatement,
    cert_info: &[u8],
    pub_area: &[u8],
    passkey: &CreatedPasskey,
) -> Result<Option<Attested<'a>>, AttestationError> {
    let public = PublicArea::read(pub_area).ok_or(AttestationError::Malformed)?;
    if public.sec1() != *passkey.credential.key.sec1() {
        return Err(AttestationError::OtherKey);
    }
    let info = CertifyInfo::read(cert_info).ok_or(AttestationError::Malformed)?;
    let Some(hash) = hash_of(statement.algorithm) else { return Ok(None) };
    if info.extra_data != digest::digest(hash, &passkey.attestation.signed()).as_ref() {
        return Err(AttestationError::OtherRegistration);
    }
    // The name of an object: its hash algorithm, and the hash of its public area (TPM 2.0 Part 1 §16).
    let Some(name_hash) = tpm_hash(public.name_algorithm) else { return Ok(None) };
    let name = [&public.name_algorithm.to_be_bytes(), digest::digest(name_hash, pub_area).as_ref()].concat();
    if info.name != name {
        return Err(AttestationError::OtherKey);
    }
    // A certified key is loaded, no more: one that a program made and brought in (TPM2_Import, TPM2_LoadExternal) is certified, too.
    if !public.was_made_here_to_sign() {
        return Err(AttestationError::KeyUse);
    }
    let certificate = Certificate::first(&statement.certificates)?;
    if !certificate.has_signed(statement, cert_info)? {
        return Ok(None);
    }
    check_certificate(&certificate)?;
    certificate.check_attests(passkey.credential.aaguid)?;
    Ok(Some(Attested { protection: KeyProtection::Tpm2, certificates: &statement.certificates }))
}

/// §8.3.1: no subject, the TPM named among the alternative names, for attestation keys.
fn check_certificate(certificate: &Certificate<'_>) -> Result<(), AttestationError> {
    let names = certificate.alternative_names()?.ok_or(AttestationError::Certificate)?;
    let has = |id| {
        names.0.iter().any(|name| match name {
            GeneralName::DirectoryName(name) => attributes(name, id).any(|value| !value.is_empty()),
            _ => false,
        })
    };
    let is_of_a_tpm = certificate.subject().is_empty()
        && TPM_ATTRIBUTES.into_iter().all(has)
        && certificate.has_purpose(AIK_CERTIFICATE)?;
    if is_of_a_tpm { Ok(()) } else { Err(AttestationError::Certificate) }
}

/// TPMT_PUBLIC of a key on P-256 (TPM 2.0 Part 2 §12.2.4).
struct PublicArea<'a> {
    name_algorithm: u16,
    attributes: u32,
    x: &'a [u8],
    y: &'a [u8],
}

impl<'a> PublicArea<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let kind = reader.u16()?;
        let name_algorithm = reader.u16()?;
        let attributes = reader.u32()?;
        let _policy = reader.sized()?;
        let symmetric = reader.u16()?;
        let scheme = reader.u16()?;
        if scheme == TPM_ALG_ECDSA {
            reader.u16()?;
        }
        let (curve, kdf) = (reader.u16()?, reader.u16()?);
        let (x, y) = (reader.sized()?, reader.sized()?);
        let is_signing_key = kind == TPM_ALG_ECC
            && symmetric == TPM_ALG_NULL
            && matches!(scheme, TPM_ALG_NULL | TPM_ALG_ECDSA)
            && (curve, kdf) == (TPM_ECC_NIST_P256, TPM_ALG_NULL)
            && x.len() <= 32
            && y.len() <= 32;
        (is_signing_key && reader.0.is_empty()).then_some(Self { name_algorithm, attributes, x, y })
    }

    fn was_made_here_to_sign(&self) -> bool {
        let required = FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN | SIGN;
        self.attributes & (required | RESTRICTED) == required
    }

    /// The point, uncompressed; a TPM may leave out leading zeros.
    fn sec1(&self) -> [u8; 65] {
        let mut point = [0; 65];
        point[0] = 4;
        point[33 - self.x.len()..33].copy_from_slice(self.x);
        point[65 - self.y.len()..].copy_from_slice(self.y);
        point
    }
}

/// TPMS_ATTEST with TPMS_CERTIFY_INFO (TPM 2.0 Part 2 §10.12).
struct CertifyInfo<'a> {
    extra_data: &'a [u8],
    name: &'a [u8],
}

impl<'a> CertifyInfo<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let (magic, kind) = (reader.u32()?, reader.u16()?);
        let _signer = reader.sized()?;
        let extra_data = reader.sized()?;
        reader.take(CLOCK_INFO_BYTES)?;
        let _firmware = reader.take(8)?;
        let name = reader.sized()?;
        let _qualified_name = reader.sized()?;
        let certifies = (magic, kind) == (TPM_GENERATED_VALUE, TPM_ST_ATTEST_CERTIFY);
        (certifies && reader.0.is_empty()).then_some(Self { extra_data, name })
    }
}

/// Reads big-endian numbers and sized buffers off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// A TPM2B: a length of two bytes, and so many bytes.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }
}

/// The hash of a COSE signature algorithm; `None` for those whose signatures are not verified here.
fn hash_of(cose: i64) -> Option<&'static digest::Algorithm> {
    Some(match cose {
        -7 | -37 | -257 => &digest::SHA256,
        -35 | -258 => &digest::SHA384,
        -259 => &digest::SHA512,
        _ => return None,
    })
}

fn tpm_hash(algorithm: u16) -> Option<&'static digest::Algorithm> {
    Some(match algorithm {
        TPM_ALG_SHA256 => &digest::SHA256,
        TPM_ALG_SHA384 => &digest::SHA384,
        TPM_ALG_SHA512 => &digest::SHA512,
        _ => return None,
    })
}
