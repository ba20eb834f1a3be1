//! A maker of authenticators: attestations of a test's passkeys in each format of WebAuthn §8, under a root of its own, and whatever else a
//! test asks for. The same keys make the same bytes.

use countersign_jose::hash::Hash;
use countersign_jose::key::{P256Signer, PrivateKey, PublicKey, SIGNATURE_BYTES, Signer as _};
use countersign_protocol::webauthn::CreationProof;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyUsagePurpose, PublicKeyData, SignatureAlgorithm, SigningKey, date_time_ymd,
};

use super::cbor::{array, attestation_object_with, bytes, integer, map, text};
use super::{AT, TestPasskey, der};

/// ES256 (RFC 9053 §2.1).
pub const ES256: i64 = -7;
/// id-fido-gen-ce-aaguid.
pub const FIDO_AAGUID: &[u64] = &[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4];
/// The extension with Apple's nonce.
pub const APPLE_NONCE: &[u64] = &[1, 2, 840, 113_635, 100, 8, 2];
/// The extension with Android's KeyDescription.
pub const KEY_DESCRIPTION: &[u64] = &[1, 3, 6, 1, 4, 1, 11129, 2, 1, 17];
const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];
const AIK_CERTIFICATE: &[u64] = &[2, 23, 133, 8, 3];

/// A format of attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `none`
    None,
    /// `packed`, by the maker's key for this model.
    Packed,
    /// `packed`, by the passkey itself.
    SelfSigned,
    /// `tpm`
    Tpm,
    /// `android-key`
    AndroidKey,
    /// `apple`
    Apple,
}

/// A maker with its root, and the key by which it attests a model.
pub struct TestMaker {
    root: PrivateKey,
    attestation: PrivateKey,
}

/// An attestation in the making. Everything is right until a test alters it.
pub struct Attesting {
    /// What the browser writes.
    pub client_data: String,
    /// What the authenticator writes.
    pub authenticator_data: Vec<u8>,
    /// What the statement's signature is over.
    pub signed: Vec<u8>,
    /// Who makes that signature.
    pub signer: PrivateKey,
    /// `alg`.
    pub algorithm: i64,
    /// Who issues the certificate.
    pub issuer: PrivateKey,
    /// The key in it.
    pub certified: PublicKey,
    /// The certificate beside its key.
    pub certificate: CertificateParams,
    /// Certificates after it.
    pub chain: Vec<Vec<u8>>,
    /// The TPM's `certInfo`; it is what the signature is over.
    pub cert_info: Vec<u8>,
    /// The TPM's `pubArea`.
    pub pub_area: Vec<u8>,
    /// What Android's key store says of the key.
    pub key_description: KeyDescription,
    /// Apple's nonce.
    pub nonce: Vec<u8>,
}

/// KeyDescription, of the parts that matter here.
#[derive(Debug, Clone)]
pub struct KeyDescription {
    /// attestationSecurityLevel: 0 software, 1 trusted environment, 2 StrongBox.
    pub attested_by: u8,
    /// keyMintSecurityLevel.
    pub kept_by: u8,
    /// attestationChallenge.
    pub challenge: Vec<u8>,
    /// Purposes that the hardware enforces; 2: sign.
    pub purposes: Vec<u8>,
    /// The origin that the hardware enforces; 0: generated.
    pub origin: u8,
    /// Whether all applications may use the key, by software's word.
    pub all_applications: bool,
    /// How the phone was started, by rootOfTrust: deviceLocked, and verifiedBootState (0 verified, 1 self-signed, 2 unverified, 3 failed).
    pub boot: Option<(bool, u8)>,
}

impl TestMaker {
    /// A maker of these two keys.
    pub const fn new(root: PrivateKey, attestation: PrivateKey) -> TestMaker {
        TestMaker { root, attestation }
    }

    /// The root's certificate, DER.
    pub fn root_der(&self) -> Vec<u8> {
        let key = CertificateKey(self.root.clone());
        root_params().self_signed(&key).expect("sound parameters").der().to_vec()
    }

    /// The root's certificate, PEM.
    pub fn root_pem(&self) -> String {
        let key = CertificateKey(self.root.clone());
        root_params().self_signed(&key).expect("sound parameters").pem()
    }

    /// A creation with an attestation in this format.
    pub fn create(&self, format: Format, passkey: &TestPasskey, challenge: &Hash) -> CreationProof {
        self.create_altered(format, passkey, challenge, |_| {})
    }

    /// The same, altered before anything is signed.
    pub fn create_altered(
        &self,
        format: Format,
        passkey: &TestPasskey,
        challenge: &Hash,
        alter: impl Fn(&mut Attesting),
    ) -> CreationProof {
        let mut attesting = self.begin(format, passkey, challenge);
        alter(&mut attesting);
        let members = attesting.statement(format);
        let name = match format {
            Format::None => "none",
            Format::Packed | Format::SelfSigned => "packed",
            Format::Tpm => "tpm",
            Format::AndroidKey => "android-key",
            Format::Apple => "apple",
        };
        CreationProof {
            attestation_object: attestation_object_with(name, &map(&members), &attesting.authenticator_data),
            client_data_json: attesting.client_data.into_bytes(),
        }
    }

    fn begin(&self, format: Format, passkey: &TestPasskey, challenge: &Hash) -> Attesting {
        let client_data = passkey.client_data("webauthn.create", challenge);
        let authenticator_data = passkey.authenticator_data_with(passkey.flags | AT, &passkey.attested_credential());
        let client_data_hash = Hash::of(&client_data);
        let signed = [authenticator_data.as_slice(), client_data_hash.as_bytes()].concat();
        let pub_area = pub_area(passkey.public_key());
        let by_passkey = matches!(format, Format::SelfSigned | Format::AndroidKey | Format::Apple);
        let signer = if by_passkey { passkey.key.clone() } else { self.attestation.clone() };
        Attesting {
            certified: signer.public_key().clone(),
            signer,
            algorithm: ES256,
            issuer: self.root.clone(),
            certificate: leaf_params(format, passkey),
            // Google's chains end with the root itself.
            chain: if format == Format::AndroidKey { vec![self.root_der()] } else { Vec::new() },
            cert_info: cert_info(&Hash::of(&signed), &Hash::of(&pub_area)),
            pub_area,
            key_description: KeyDescription {
                attested_by: 1,
                kept_by: 1,
                challenge: client_data_hash.as_bytes().to_vec(),
                purposes: vec![2],
                origin: 0,
                all_applications: false,
                boot: Some((true, 0)),
            },
            nonce: Hash::of(&signed).as_bytes().to_vec(),
            signed,
            client_data,
            authenticator_data,
        }
    }
}

impl Attesting {
    fn statement(&self, format: Format) -> Vec<(&'static str, Vec<u8>)> {
        let mut certificate = self.certificate.clone();
        let extension = match format {
            Format::AndroidKey => Some((KEY_DESCRIPTION, self.key_description.der())),
            Format::Apple => Some((APPLE_NONCE, tlv(0x30, &tlv(0xa1, &tlv(0x04, &self.nonce))))),
            _ => None,
        };
        let extension = extension.map(|(id, content)| CustomExtension::from_oid_content(id, content));
        certificate.custom_extensions.extend(extension);
        let x5c = || {
            let issuer = Issuer::new(root_params(), CertificateKey(self.issuer.clone()));
            let leaf = certificate.signed_by(&Certified(self.certified.clone()), &issuer).expect("sound parameters");
            let all: Vec<_> =
                std::iter::once(bytes(leaf.der())).chain(self.chain.iter().map(|der| bytes(der))).collect();
            ("x5c", array(&all))
        };
        let alg = ("alg", integer(self.algorithm));
        let sig = |over: &[u8]| ("sig", bytes(&sign(&self.signer, over)));
        match format {
            Format::None => Vec::new(),
            Format::SelfSigned => vec![alg, sig(&self.signed)],
            Format::Packed | Format::AndroidKey => vec![alg, sig(&self.signed), x5c()],
            Format::Tpm => vec![
                ("ver", text("2.0")),
                alg,
                x5c(),
                sig(&self.cert_info),
                ("certInfo", bytes(&self.cert_info)),
                ("pubArea", bytes(&self.pub_area)),
            ],
            Format::Apple => vec![x5c()],
        }
    }
}

impl KeyDescription {
    fn der(&self) -> Vec<u8> {
        let integer = |number: u8| tlv(0x02, &[number]);
        let level = |level: u8| tlv(0x0a, &[level]);
        // [600] EXPLICIT NULL, [702] EXPLICIT INTEGER
        let everybody = [&[0xbf, 0x84, 0x58, 0x02][..], &tlv(0x05, &[])].concat();
        let origin = [&[0xbf, 0x85, 0x3e, 0x03][..], &integer(self.origin)].concat();
        // [704] EXPLICIT SEQUENCE { verifiedBootKey, deviceLocked, verifiedBootState, verifiedBootHash }
        let boot = self.boot.map_or_else(Vec::new, |(locked, state)| {
            let locked = tlv(0x01, &[if locked { 0xff } else { 0 }]);
            let root = tlv(0x30, &[tlv(0x04, &[1; 32]), locked, level(state), tlv(0x04, &[2; 32])].concat());
            [&[0xbf, 0x85, 0x40, u8::try_from(root.len()).expect("short")][..], &root].concat()
        });
        let purposes: Vec<u8> = self.purposes.iter().flat_map(|purpose| integer(*purpose)).collect();
        let parts = [
            integer(3),
            level(self.attested_by),
            integer(4),
            level(self.kept_by),
            tlv(0x04, &self.challenge),
            tlv(0x04, &[]),
            tlv(0x30, if self.all_applications { &everybody } else { &[] }),
            tlv(0x30, &[tlv(0xa1, &tlv(0x31, &purposes)), origin, boot].concat()),
        ];
        tlv(0x30, &parts.concat())
    }
}

fn root_params() -> CertificateParams {
    let mut params = dated();
    params.distinguished_name.push(DnType::CommonName, "Attestation root of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf_params(format: Format, passkey: &TestPasskey) -> CertificateParams {
    let mut params = dated();
    params.is_ca = IsCa::ExplicitNoCa;
    match format {
        Format::Tpm => {
            let mut names = CustomExtension::from_oid_content(SUBJECT_ALT_NAME, tpm_names());
            names.set_criticality(true);
            params.custom_extensions = vec![names];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(AIK_CERTIFICATE.to_vec())];
        }
        Format::AndroidKey | Format::Apple => params.distinguished_name.push(DnType::CommonName, "A key of a test"),
        _ => {
            let country = DnValue::PrintableString("DE".try_into().expect("printable"));
            params.distinguished_name.push(DnType::CountryName, country);
            params.distinguished_name.push(DnType::OrganizationName, "Test Keys");
            params.distinguished_name.push(DnType::OrganizationalUnitName, "Authenticator Attestation");
            params.distinguished_name.push(DnType::CommonName, "Test Key 1");
            let aaguid = tlv(0x04, &passkey.aaguid);
            params.custom_extensions = vec![CustomExtension::from_oid_content(FIDO_AAGUID, aaguid)];
        }
    }
    params
}

/// No name yet, valid for longer than any test.
fn dated() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    params
}

/// TPMT_PUBLIC of a signing key on P-256 (TPM 2.0 Part 2 §12.2.4).
pub fn pub_area(key: &PublicKey) -> Vec<u8> {
    let (x, y) = key.sec1()[1..].split_at(32);
    let ecc_sha256_attributes = [0x00, 0x23, 0x00, 0x0b, 0x00, 0x06, 0x04, 0x72];
    let no_policy_symmetric_null_scheme_null = [0x00, 0x00, 0x00, 0x10, 0x00, 0x10];
    let p256_kdf_null = [0x00, 0x03, 0x00, 0x10];
    [&ecc_sha256_attributes[..], &no_policy_symmetric_null_scheme_null, &p256_kdf_null, &sized(x), &sized(y)].concat()
}

/// TPMS_ATTEST of a certified key (TPM 2.0 Part 2 §10.12).
pub fn cert_info(extra_data: &Hash, public_area: &Hash) -> Vec<u8> {
    let name = [&[0x00, 0x0b][..], public_area.as_bytes()].concat();
    [
        &[0xff, 0x54, 0x43, 0x47, 0x80, 0x17][..],
        &sized(&name),
        &sized(extra_data.as_bytes()),
        &[0; 17],
        &[0; 8],
        &sized(&name),
        &sized(&name),
    ]
    .concat()
}

/// SubjectAltName with a directory name of manufacturer, model and version (TCG EK Credential Profile §3.2.9).
fn tpm_names() -> Vec<u8> {
    let attribute = |last: u8, value: &str| {
        let id = tlv(0x06, &[0x67, 0x81, 0x05, 0x02, last]);
        tlv(0x31, &tlv(0x30, &[id, tlv(0x0c, value.as_bytes())].concat()))
    };
    let name = [attribute(1, "id:414D4400"), attribute(2, "AMD"), attribute(3, "id:00000001")].concat();
    tlv(0x30, &tlv(0xa4, &tlv(0x30, &name)))
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).expect("short").to_be_bytes(), bytes].concat()
}

/// A DER element of up to 255 bytes.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    match u8::try_from(content.len()).expect("short") {
        length @ ..0x80 => [&[tag, length], content].concat(),
        length => [&[tag, 0x81, length], content].concat(),
    }
}

fn sign(key: &PrivateKey, message: &[u8]) -> Vec<u8> {
    let signature = P256Signer::new(key).sign(message).expect("a key in memory signs");
    let (r, s) = signature.split_at(SIGNATURE_BYTES / 2);
    der(r, s)
}

/// A key that signs certificates, alike each time.
struct CertificateKey(PrivateKey);

/// A key in a certificate.
struct Certified(PublicKey);

impl PublicKeyData for CertificateKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().sec1()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for CertificateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(sign(&self.0, message))
    }
}

impl PublicKeyData for Certified {
    fn der_bytes(&self) -> &[u8] {
        self.0.sec1()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}
