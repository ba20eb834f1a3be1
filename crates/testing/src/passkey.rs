//! A passkey without a browser: it makes client data, authenticator data and DER signatures as browsers and authenticators do,
//! and anything else that a test asks for.

use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_jose::key::{P256Signer, PrivateKey, PublicKey, SIGNATURE_BYTES, Signer as _};
use countersign_protocol::jws::{Claims, Compact, Unsigned};
use countersign_protocol::webauthn::{Assertion, CreationProof, PasskeyProof, StatedPasskey};

#[cfg(not(target_arch = "wasm32"))]
pub mod attestation;
mod cbor;

pub use cbor::{attestation_object, attestation_object_with, cose_key};

/// The person was present (UP).
pub const UP: u8 = 0x01;
/// The person was verified (UV).
pub const UV: u8 = 0x04;
/// Several devices may keep the passkey (BE).
pub const BE: u8 = 0x08;
/// The passkey is backed up (BS).
pub const BS: u8 = 0x10;
/// A credential follows (AT).
pub const AT: u8 = 0x40;
/// Extensions follow (ED).
pub const ED: u8 = 0x80;

/// Which of the two signatures that hold a passkey makes: (r, s) or (r, n − s).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SForm {
    /// s of at most n/2.
    Low,
    /// s beyond n/2.
    High,
}

/// A passkey with its authenticator and the browser of its page.
#[derive(Clone)]
pub struct TestPasskey {
    /// What signs.
    pub key: PrivateKey,
    /// The credential's id.
    pub id: Vec<u8>,
    /// The page's origin, which the browser writes.
    pub origin: String,
    /// The RP ID, whose hash the authenticator writes.
    pub rp_id: String,
    /// The authenticator's model.
    pub aaguid: [u8; 16],
    /// UP, UV, BE and BS as the authenticator sets them.
    pub flags: u8,
    /// What it counted.
    pub sign_count: u32,
    /// Which s it makes.
    pub s_form: SForm,
}

impl TestPasskey {
    /// A synced passkey of this page, as phones make them: backed up, not counting, s low.
    pub fn new(key: PrivateKey, origin: &str) -> Self {
        let host = origin.split("://").nth(1).expect("an origin").split(':').next().expect("a host");
        Self {
            id: Hash::of(key.public_key().sec1()).as_bytes()[..20].to_vec(),
            key,
            origin: origin.to_owned(),
            rp_id: host.to_owned(),
            aaguid: [0; 16],
            flags: UP | UV | BE | BS,
            sign_count: 0,
            s_form: SForm::Low,
        }
    }

    /// Its public key.
    pub const fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    /// What an enrollment statement says of it.
    pub fn stated(&self) -> StatedPasskey {
        StatedPasskey {
            origin: self.origin.clone(),
            rp_id: self.rp_id.clone(),
            backup_eligible: self.flags & BE != 0,
            attestation: countersign_protocol::webauthn::AttestationResult::None,
            aaguid: countersign_protocol::webauthn::Aaguid::from_bytes(self.aaguid),
        }
    }

    /// Client data as Chromium writes it.
    pub fn client_data(&self, ceremony: &str, challenge: &Hash) -> String {
        format!(r#"{{"type":"{ceremony}","challenge":"{challenge}","origin":"{}","crossOrigin":false}}"#, self.origin)
    }

    /// Authenticator data of a signature.
    pub fn authenticator_data(&self) -> Vec<u8> {
        self.authenticator_data_with(self.flags, &[])
    }

    /// Authenticator data with these flags and what follows the 37 bytes.
    pub fn authenticator_data_with(&self, flags: u8, rest: &[u8]) -> Vec<u8> {
        [Hash::of(&self.rp_id).as_bytes(), &[flags][..], &self.sign_count.to_be_bytes(), rest].concat()
    }

    /// The credential in the authenticator data of a creation.
    pub fn attested_credential(&self) -> Vec<u8> {
        let length = u16::try_from(self.id.len()).expect("a credential's id is short");
        [&self.aaguid[..], &length.to_be_bytes(), &self.id, &cose_key(self.public_key())].concat()
    }

    /// Its creation, under attestation `none`.
    pub fn create(&self, challenge: &Hash) -> CreationProof {
        let data = self.authenticator_data_with(self.flags | AT, &self.attested_credential());
        CreationProof {
            client_data_json: self.client_data("webauthn.create", challenge).into_bytes(),
            attestation_object: attestation_object("none", &data),
        }
    }

    /// Its signature for this challenge.
    pub fn get(&self, challenge: &Hash) -> Assertion {
        self.sign(self.client_data("webauthn.get", challenge), self.authenticator_data())
    }

    /// The same with its id, as a registration of a known passkey carries it.
    pub fn prove(&self, challenge: &Hash) -> PasskeyProof {
        PasskeyProof { credential_id: self.id.clone(), assertion: self.get(challenge) }
    }

    /// Signs any client data and authenticator data.
    pub fn sign(&self, client_data: impl Into<Vec<u8>>, authenticator_data: Vec<u8>) -> Assertion {
        let client_data_json = client_data.into();
        let signed = [authenticator_data.as_slice(), Hash::of(&client_data_json).as_bytes()].concat();
        let signature = P256Signer::new(&self.key).sign(&signed).expect("a key in memory signs");
        let (r, s) = signature.split_at(SIGNATURE_BYTES / 2);
        let s: [u8; 32] = s.try_into().expect("half of a signature");
        let is_high = s > HALF_N;
        let s = if is_high == (self.s_form == SForm::High) { s } else { negated(&s) };
        Assertion { authenticator_data, client_data_json, signature: der(r, &s) }
    }

    /// Signs a message by ES256-WebAuthn.
    pub fn sign_message<T: Claims>(&self, claims: &T) -> Compact<T> {
        let input = self.signing_input(claims);
        with_assertion(&input, &self.get(&Hash::of(&input)))
    }

    /// The signing input of a message, whose SHA-256 is the challenge.
    pub fn signing_input<T: Claims>(&self, claims: &T) -> String {
        let unsigned = Unsigned::for_passkey(claims, self.public_key()).expect("what an approval key signs");
        unsigned.signing_input().to_owned()
    }
}

/// The message of a signing input and what a passkey signed, however long.
pub fn with_assertion<T>(signing_input: &str, assertion: &Assertion) -> Compact<T> {
    Compact::from_text(format!("{signing_input}.{}", base64url::encode(assertion.to_third_part().as_bytes())))
}

/// The group's order n (SEC 2 §2.4.2).
pub const N: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// n/2, rounded down.
const HALF_N: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d, 0x56,
    0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// n − s: the other s that holds.
fn negated(s: &[u8; 32]) -> [u8; 32] {
    let mut result = [0; 32];
    let mut borrow = 0;
    for at in (0..32).rev() {
        let difference = i16::from(N[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(difference < 0);
        result[at] = difference.rem_euclid(256) as u8;
    }
    result
}

/// A DER signature of these two numbers, big-endian, as short as it can be.
pub fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len() - 1);
        let number = &number[start..];
        let pad: &[u8] = if number[0] & 0x80 == 0 { &[] } else { &[0] };
        [&[2, (pad.len() + number.len()) as u8], pad, number].concat()
    };
    let both = [integer(r), integer(s)].concat();
    [&[0x30, both.len() as u8], both.as_slice()].concat()
}

/// The message with another third part.
pub fn with_third_part<T>(message: &Compact<T>, part: &str) -> Compact<T> {
    let (input, _) = message.as_str().rsplit_once('.').expect("three parts");
    Compact::from_text(format!("{input}.{}", base64url::encode(part.as_bytes())))
}
