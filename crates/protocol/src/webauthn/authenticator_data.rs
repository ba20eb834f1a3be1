//! Authenticator data (WebAuthn §6.1): what the authenticator says of itself and of the person, and signs.

use ciborium::Value;
use countersign_jose::hash::Hash;
use countersign_jose::key::PublicKey;

use super::cbor;
use super::{Aaguid, RelyingParty, WebAuthnError};

/// Bytes of RP ID hash, flags and sign count: what is always there.
const FIXED_BYTES: usize = 37;
/// Longest credential id, in bytes (WebAuthn §6.5.1).
const CREDENTIAL_ID_BYTES: usize = 1023;

const UP: u8 = 0x01;
const UV: u8 = 0x04;
const BE: u8 = 0x08;
const BS: u8 = 0x10;
const AT: u8 = 0x40;
const ED: u8 = 0x80;

/// Authenticator data that was read, to its last byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorData {
    rp_id_hash: Hash,
    flags: u8,
    sign_count: u32,
    attested: Option<AttestedCredential>,
}

/// The credential in the authenticator data of a creation (WebAuthn §6.5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestedCredential {
    /// The authenticator's model, unless it does not say.
    pub aaguid: Option<Aaguid>,
    /// The credential's id, 1 to 1023 bytes.
    pub id: Vec<u8>,
    /// Its public key.
    pub key: PublicKey,
}

impl AuthenticatorData {
    /// Reads authenticator data: 37 bytes, with AT a credential with an ES256 key, with ED one CBOR map, and nothing after it.
    ///
    /// # Errors
    /// [`WebAuthnError::AuthenticatorData`]
    pub fn parse(bytes: &[u8]) -> Result<Self, WebAuthnError> {
        Self::read(bytes).ok_or(WebAuthnError::AuthenticatorData)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (fixed, mut rest) = bytes.split_first_chunk::<FIXED_BYTES>()?;
        let (rp_id_hash, tail) = fixed.split_first_chunk::<32>()?;
        let (flags, sign_count) = tail.split_first()?;
        let mut attested = None;
        if flags & AT != 0 {
            let (credential, after) = AttestedCredential::read_prefix(rest)?;
            (attested, rest) = (Some(credential), after);
        }
        if flags & ED != 0 {
            cbor::read_map(rest).ok()?;
            rest = &[];
        }
        let sign_count = u32::from_be_bytes(sign_count.try_into().ok()?);
        rest.is_empty().then_some(Self { rp_id_hash: (*rp_id_hash).into(), flags: *flags, sign_count, attested })
    }

    /// Checks that it is of this RP ID, with the person present and verified, and backed up only if it may be.
    ///
    /// # Errors
    /// [`WebAuthnError`] with the first that is not so.
    pub(super) fn check(&self, rp_id: &str) -> Result<(), WebAuthnError> {
        if self.rp_id_hash != Hash::of(rp_id) {
            return Err(WebAuthnError::RpId);
        }
        if self.flags & UP == 0 {
            return Err(WebAuthnError::UserPresence);
        }
        if self.flags & UV == 0 {
            return Err(WebAuthnError::UserVerification);
        }
        if self.backup_state() && !self.backup_eligible() {
            return Err(WebAuthnError::BackupState);
        }
        Ok(())
    }

    /// As [`AuthenticatorData::check`] for a creation at this party; returns the credential.
    pub(super) fn check_creation(&self, party: &RelyingParty) -> Result<&AttestedCredential, WebAuthnError> {
        self.check(&party.rp_id)?;
        self.attested.as_ref().ok_or(WebAuthnError::AttestedCredential)
    }

    /// Whether several devices may keep the passkey (BE).
    pub const fn backup_eligible(&self) -> bool {
        self.flags & BE != 0
    }

    /// Whether the passkey is backed up (BS).
    pub const fn backup_state(&self) -> bool {
        self.flags & BS != 0
    }

    /// How often the key signed, as the authenticator counts; 0 if it does not count.
    pub const fn sign_count(&self) -> u32 {
        self.sign_count
    }

    /// The credential, in a creation.
    pub const fn attested(&self) -> Option<&AttestedCredential> {
        self.attested.as_ref()
    }
}

impl AttestedCredential {
    fn read_prefix(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (aaguid, bytes) = bytes.split_first_chunk::<16>()?;
        let (length, bytes) = bytes.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length == 0 || length > CREDENTIAL_ID_BYTES {
            return None;
        }
        let (id, bytes) = bytes.split_at_checked(length)?;
        let (key, rest) = cbor::read_prefix(bytes).ok()?;
        let key = cose_key(&key)?;
        Some((Self { aaguid: Aaguid::from_bytes(*aaguid), id: id.to_vec(), key }, rest))
    }
}

/// An ES256 key on P-256 as a COSE_Key (RFC 9052 §7, RFC 9053 §7.1.1) with exactly kty, alg, crv, x and y (WebAuthn §6.5.1.1).
fn cose_key(value: &Value) -> Option<PublicKey> {
    let members = value.as_map()?;
    let member = |label: i64| members.iter().find(|(key, _)| *key == Value::from(label)).map(|(_, value)| value);
    let is = |label: i64, number: i64| member(label) == Some(&Value::from(number));
    let coordinate = |label: i64| member(label)?.as_bytes().filter(|bytes| bytes.len() == 32);
    if members.len() != 5 || !is(1, 2) || !is(3, -7) || !is(-1, 1) {
        return None;
    }
    let sec1 = [&[4][..], coordinate(-2)?, coordinate(-3)?].concat();
    PublicKey::from_sec1(&sec1).ok()
}
