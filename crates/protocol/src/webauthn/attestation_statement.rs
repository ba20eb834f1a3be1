//! Attestation statements (WebAuthn §8): what an authenticator's maker says of a new passkey, by format. Read here, verified by a gateway
//! that lists roots.

use ciborium::Value;

use super::{WebAuthnError, cbor};

/// An attestation statement, read by its format. Nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttestationStatement {
    /// `none` (§8.7).
    None,
    /// `packed` (§8.2). Without certificates the passkey signed it itself.
    Packed(SignedStatement),
    /// `tpm` (§8.3).
    Tpm {
        /// The signature over `certInfo`.
        signed: SignedStatement,
        /// `certInfo`: a TPMS_ATTEST structure.
        cert_info: Vec<u8>,
        /// `pubArea`: a TPMT_PUBLIC structure.
        pub_area: Vec<u8>,
    },
    /// `android-key` (§8.4).
    AndroidKey(SignedStatement),
    /// `apple` (§8.8).
    Apple {
        /// `x5c`: DER certificates, that of the passkey first. Never empty.
        certificates: Vec<Vec<u8>>,
    },
    /// A format that this version does not know.
    Other,
}

/// A signature and the certificates that lead to its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatement {
    /// `alg`: a COSE algorithm (RFC 9053 §2).
    pub algorithm: i64,
    /// `sig`.
    pub signature: Vec<u8>,
    /// `x5c`: DER certificates, that of the signing key first.
    pub certificates: Vec<Vec<u8>>,
}

type Members = [(Value, Value)];

impl AttestationStatement {
    /// Reads a statement of this format; members that it does not have are ignored.
    pub(super) fn read(format: &str, members: &Members) -> Result<Self, WebAuthnError> {
        let statement = match format {
            "none" => members.is_empty().then_some(Self::None),
            "packed" => packed(members),
            "tpm" => tpm(members),
            "android-key" => signed(members).map(Self::AndroidKey),
            "apple" => certificates(members).map(|certificates| Self::Apple { certificates }),
            _ => Some(Self::Other),
        };
        statement.ok_or(WebAuthnError::AttestationObject)
    }
}

fn packed(members: &Members) -> Option<AttestationStatement> {
    // ECDAA is in no version of the standard that is in force.
    if cbor::member(members, "ecdaaKeyId").is_some() {
        return None;
    }
    if cbor::member(members, "x5c").is_some() {
        return signed(members).map(AttestationStatement::Packed);
    }
    let (algorithm, signature) = (algorithm(members)?, bytes(members, "sig")?);
    Some(AttestationStatement::Packed(SignedStatement { algorithm, signature, certificates: Vec::new() }))
}

fn tpm(members: &Members) -> Option<AttestationStatement> {
    if cbor::member(members, "ver")?.as_text()? != "2.0" {
        return None;
    }
    Some(AttestationStatement::Tpm {
        signed: signed(members)?,
        cert_info: bytes(members, "certInfo")?,
        pub_area: bytes(members, "pubArea")?,
    })
}

/// `alg`, `sig` and `x5c`, which is not empty.
fn signed(members: &Members) -> Option<SignedStatement> {
    Some(SignedStatement {
        algorithm: algorithm(members)?,
        signature: bytes(members, "sig")?,
        certificates: certificates(members)?,
    })
}

fn algorithm(members: &Members) -> Option<i64> {
    i64::try_from(cbor::member(members, "alg")?.as_integer()?).ok()
}

fn bytes(members: &Members, name: &str) -> Option<Vec<u8>> {
    cbor::member(members, name)?.as_bytes().cloned()
}

fn certificates(members: &Members) -> Option<Vec<Vec<u8>>> {
    let listed = cbor::member(members, "x5c")?.as_array()?;
    let all: Option<Vec<Vec<u8>>> = listed.iter().map(|one| one.as_bytes().cloned()).collect();
    all.filter(|all| !all.is_empty())
}
