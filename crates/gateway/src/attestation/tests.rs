use ciborium::Value;
use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_protocol::webauthn::{CreationProof, RelyingParty};
use countersign_testing::fixture::private_key;
use countersign_testing::passkey::TestPasskey;
use countersign_testing::passkey::attestation::{Attesting, FIDO_AAGUID, Format, TestMaker, cert_info};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    date_time_ymd,
};
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const ORIGIN: &str = "https://id.example";

/// Formats with a certificate, and what each shows of the key.
const CERTIFIED: [(Format, KeyProtection); 4] = [
    (Format::Packed, KeyProtection::Passkey),
    (Format::Tpm, KeyProtection::Tpm2),
    (Format::AndroidKey, KeyProtection::Tee),
    (Format::Apple, KeyProtection::SecureEnclave),
];

fn maker() -> TestMaker {
    TestMaker::new(private_key(20), private_key(21))
}

fn passkey() -> TestPasskey {
    TestPasskey { aaguid: [7; 16], ..TestPasskey::new(private_key(9), ORIGIN) }
}

fn challenge() -> Hash {
    Hash::of("a registration")
}

fn roots(pem: &str) -> AttestationRoots {
    let mut roots = AttestationRoots::default();
    roots.add_pem(pem.as_bytes()).expect("a root");
    roots
}

/// What is known of a creation: `Err` where it is refused, whatever for.
fn judge(proof: &CreationProof, roots: &AttestationRoots) -> Result<Option<KeyProtection>, String> {
    let party = RelyingParty { origin: ORIGIN.into(), rp_id: "id.example".into() };
    let created = proof.verify(&challenge(), &party, passkey().public_key()).map_err(|why| why.to_string())?;
    verify(&created, roots, NOW).map_err(|why| format!("{why:?}"))
}

fn altered(format: Format, alter: impl Fn(&mut Attesting)) -> Result<Option<KeyProtection>, String> {
    let proof = maker().create_altered(format, &passkey(), &challenge(), alter);
    judge(&proof, &roots(&maker().root_pem()))
}

fn refused(why: AttestationError) -> Result<Option<KeyProtection>, String> {
    Err(format!("{why:?}"))
}

#[test]
fn each_format_says_what_keeps_the_key() {
    for (format, level) in CERTIFIED {
        assert_eq!(altered(format, |_| {}), Ok(Some(level)), "{format:?}");
    }
    let strong_box = |attesting: &mut Attesting| {
        attesting.key_description.attested_by = 2;
        attesting.key_description.kept_by = 2;
    };
    assert_eq!(altered(Format::AndroidKey, strong_box), Ok(Some(KeyProtection::Strongbox)));
}

#[test]
fn what_no_listed_root_attests_is_not_known() {
    assert_eq!(altered(Format::None, |_| {}), Ok(None));
    assert_eq!(altered(Format::SelfSigned, |_| {}), Ok(None), "whoever has the key can say so");
    let other = roots(&TestMaker::new(private_key(30), private_key(31)).root_pem());
    for (format, _) in CERTIFIED {
        let proof = maker().create(format, &passkey(), &challenge());
        assert_eq!(judge(&proof, &other), Ok(None), "{format:?} by another maker");
        assert_eq!(judge(&proof, &AttestationRoots::default()), Ok(None), "{format:?} without a root");
        let forged = altered(format, |attesting| attesting.issuer = private_key(30));
        assert_eq!(forged, Ok(None), "{format:?} by another's root of the same name");
        let expired = altered(format, |attesting| attesting.certificate.not_after = date_time_ymd(2026, 1, 1));
        assert_eq!(expired, Ok(None), "{format:?}, expired");
        let early = altered(format, |attesting| attesting.certificate.not_before = date_time_ymd(2090, 1, 1));
        assert_eq!(early, Ok(None), "{format:?}, not valid yet");
        // By a certificate that is no authority.
        let leaf = altered(format, |attesting| attesting.issuer = private_key(21));
        assert_eq!(leaf, Ok(None), "{format:?} by the attestation key as if it were a root");
    }
    let software = altered(Format::AndroidKey, |attesting| {
        attesting.key_description.attested_by = 0;
        attesting.key_description.kept_by = 0;
    });
    assert_eq!(software, Ok(None), "kept by software");
    let mixed = altered(Format::AndroidKey, |attesting| attesting.key_description.attested_by = 0);
    assert_eq!(mixed, Ok(None), "attested by software");
    for format in [Format::Packed, Format::Tpm, Format::AndroidKey] {
        let sha1 = altered(format, |attesting| attesting.algorithm = -65535);
        assert_eq!(sha1, Ok(None), "{format:?}: an algorithm that is not verified here");
    }
}

#[test]
fn attack_30_an_attestation_serves_one_creation_of_one_passkey() {
    let others = private_key(40);
    let of_client_data = |attesting: &mut Attesting| {
        attesting.client_data = attesting.client_data.replace("false}", "false,\"more\":1}");
    };
    let of_sign_count = |attesting: &mut Attesting| attesting.authenticator_data[36] ^= 1;
    let of_model = |attesting: &mut Attesting| attesting.authenticator_data[40] ^= 1;
    for (format, level) in CERTIFIED {
        assert_eq!(altered(format, |_| {}), Ok(Some(level)), "{format:?}, unaltered");
        assert!(altered(format, of_client_data).is_err(), "{format:?}: other client data");
        assert!(altered(format, of_sign_count).is_err(), "{format:?}: another sign count");
        assert!(altered(format, of_model).is_err(), "{format:?}: another model");
        let key = altered(format, |attesting| attesting.certified = others.public_key().clone());
        assert!(key.is_err(), "{format:?}: a certificate of another key");
    }
    let signature = refused(AttestationError::Signature);
    for format in [Format::Packed, Format::SelfSigned, Format::AndroidKey] {
        let over = altered(format, |attesting| attesting.signed[0] ^= 1);
        assert_eq!(over, signature, "{format:?}: a signature over something else");
    }
    for format in [Format::Packed, Format::SelfSigned, Format::AndroidKey, Format::Tpm] {
        let by = altered(format, |attesting| attesting.signer = others.clone());
        assert_eq!(by, signature, "{format:?}: a signature by another key");
        let algorithm = altered(format, |attesting| attesting.algorithm = -257);
        assert!(algorithm.is_err(), "{format:?}: another algorithm than the key's");
    }
    let nonce = altered(Format::Apple, |attesting| attesting.nonce[0] ^= 1);
    assert_eq!(nonce, refused(AttestationError::OtherRegistration));
    let challenge = altered(Format::AndroidKey, |attesting| attesting.key_description.challenge[0] ^= 1);
    assert_eq!(challenge, refused(AttestationError::OtherRegistration));
}

#[test]
fn attack_30_a_certificate_for_something_else_attests_nothing() {
    let certificate =
        |format, alter: &dyn Fn(&mut CertificateParams)| altered(format, |attesting| alter(&mut attesting.certificate));
    let name = |skip: DnType, unit: &str| {
        let mut name = DistinguishedName::new();
        let country = rcgen::DnValue::PrintableString("DE".try_into().expect("printable"));
        let all = [
            (DnType::CountryName, country),
            (DnType::OrganizationName, "Test Keys".into()),
            (DnType::OrganizationalUnitName, unit.into()),
            (DnType::CommonName, "Test Key 1".into()),
        ];
        all.into_iter().filter(|(kind, _)| *kind != skip).for_each(|(kind, value)| name.push(kind, value));
        name
    };
    let attestation = "Authenticator Attestation";
    let sound =
        |params: &mut CertificateParams| params.distinguished_name = name(DnType::StateOrProvinceName, attestation);
    assert_eq!(certificate(Format::Packed, &sound), Ok(Some(KeyProtection::Passkey)), "unaltered");
    let wrong = refused(AttestationError::Certificate);
    for skip in [DnType::CountryName, DnType::OrganizationName, DnType::OrganizationalUnitName, DnType::CommonName] {
        let without = |params: &mut CertificateParams| params.distinguished_name = name(skip.clone(), attestation);
        assert_eq!(certificate(Format::Packed, &without), wrong, "packed without {skip:?}");
    }
    let unit =
        |params: &mut CertificateParams| params.distinguished_name = name(DnType::StateOrProvinceName, "Web Server");
    assert_eq!(certificate(Format::Packed, &unit), wrong, "packed for web servers");
    for format in [Format::Packed, Format::Tpm] {
        let authority = |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        assert_eq!(certificate(format, &authority), wrong, "{format:?}: an authority's");
        let silent = |params: &mut CertificateParams| params.is_ca = IsCa::NoCa;
        assert_eq!(certificate(format, &silent), wrong, "{format:?}: without basic constraints");
        let model = |params: &mut CertificateParams| {
            params.custom_extensions.retain(|extension| extension.oid_components().ne(FIDO_AAGUID.iter().copied()));
            let other = [&[0x04, 0x10][..], &[8; 16]].concat();
            params.custom_extensions.push(CustomExtension::from_oid_content(FIDO_AAGUID, other));
        };
        assert_eq!(certificate(format, &model), refused(AttestationError::OtherModel), "{format:?}: another model");
        let own = [&[0x04, 0x10][..], &[7; 16]].concat();
        let twice = |params: &mut CertificateParams| {
            let extension = || CustomExtension::from_oid_content(FIDO_AAGUID, own.clone());
            params.custom_extensions.push(extension());
            params.custom_extensions.push(extension());
        };
        assert!(certificate(format, &twice).is_err(), "{format:?}: an extension twice");
    }
    let critical = |params: &mut CertificateParams| {
        params.custom_extensions.iter_mut().for_each(|extension| extension.set_criticality(true));
    };
    assert!(certificate(Format::Packed, &critical).is_err(), "packed: the model is critical");

    let named = |params: &mut CertificateParams| params.distinguished_name.push(DnType::CommonName, "TPM");
    assert_eq!(certificate(Format::Tpm, &named), wrong, "tpm with a subject");
    let unnamed = |params: &mut CertificateParams| params.custom_extensions.clear();
    assert_eq!(certificate(Format::Tpm, &unnamed), wrong, "tpm that names none");
    let purposeless = |params: &mut CertificateParams| params.extended_key_usages.clear();
    assert_eq!(certificate(Format::Tpm, &purposeless), wrong, "tpm for no purpose");
    let server =
        |params: &mut CertificateParams| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    assert_eq!(certificate(Format::Tpm, &server), wrong, "tpm for servers");
}

#[test]
fn attack_30_a_key_that_may_be_used_otherwise_is_not_attested() {
    let described = |alter: &dyn Fn(&mut countersign_testing::passkey::attestation::KeyDescription)| {
        altered(Format::AndroidKey, |attesting| alter(&mut attesting.key_description))
    };
    assert_eq!(described(&|_| {}), Ok(Some(KeyProtection::Tee)), "unaltered");
    let wrong = refused(AttestationError::KeyUse);
    assert_eq!(described(&|said| said.purposes = vec![2, 3]), wrong, "for more than signing");
    assert_eq!(described(&|said| said.purposes = vec![0]), wrong, "for encrypting");
    assert_eq!(described(&|said| said.purposes = Vec::new()), wrong, "for nothing");
    assert_eq!(described(&|said| said.origin = 2), wrong, "imported");
    assert_eq!(described(&|said| said.all_applications = true), wrong, "for all applications");
}

#[test]
fn attack_30_a_phone_that_starts_whatever_it_is_given_attests_nothing() {
    let booted = |boot| altered(Format::AndroidKey, |attesting| attesting.key_description.boot = boot);
    assert_eq!(booted(Some((true, 0))), Ok(Some(KeyProtection::Tee)), "unaltered");
    assert_eq!(booted(Some((true, 1))), Ok(Some(KeyProtection::Tee)), "locked, with a system of its owner's");
    for (boot, what) in [
        (Some((false, 0)), "unlocked"),
        (Some((true, 2)), "not verified"),
        (Some((true, 3)), "failed"),
        (None, "not said"),
    ] {
        assert_eq!(booted(boot), Ok(None), "{what}");
    }
}

#[test]
fn attack_30_a_tpm_certifies_the_key_that_was_registered() {
    let info = |at: usize| altered(Format::Tpm, move |attesting| attesting.cert_info[at] ^= 1);
    assert_eq!(altered(Format::Tpm, |_| {}), Ok(Some(KeyProtection::Tpm2)), "unaltered");
    let malformed = refused(AttestationError::Malformed);
    assert_eq!(info(0), malformed, "not made by a TPM");
    assert_eq!(info(5), malformed, "another structure");
    // Two bytes of length, and the name of the attestation key, before it.
    assert_eq!(info(6 + 36 + 2), refused(AttestationError::OtherRegistration), "extraData");
    let name = 6 + 36 + 34 + 17 + 8;
    assert_eq!(info(name + 2), refused(AttestationError::OtherKey), "the name's algorithm");
    assert_eq!(info(name + 10), refused(AttestationError::OtherKey), "the name");
    assert_eq!(altered(Format::Tpm, |attesting| attesting.cert_info.push(0)), malformed, "a byte after it");
    assert_eq!(altered(Format::Tpm, |attesting| attesting.cert_info.truncate(40)), malformed, "cut");
    // Signed by the TPM, but certified as something else.
    let other = private_key(40);
    let of_other = |attesting: &mut Attesting| {
        attesting.pub_area = countersign_testing::passkey::attestation::pub_area(other.public_key());
    };
    assert_eq!(altered(Format::Tpm, of_other), refused(AttestationError::OtherKey), "the public area of another key");
    let area = |at: usize| altered(Format::Tpm, move |attesting| attesting.pub_area[at] ^= 1);
    assert_eq!(area(1), malformed, "no ECC key");
    assert_eq!(area(5), refused(AttestationError::OtherKey), "other attributes than were certified");
    assert_eq!(area(15), malformed, "another curve");
    assert_eq!(altered(Format::Tpm, |attesting| attesting.pub_area.push(0)), malformed, "a byte after it");
}

#[test]
fn attack_30_a_key_that_a_tpm_did_not_make_itself_is_not_attested_by_it() {
    let attributes = |attributes: u32| {
        altered(Format::Tpm, move |attesting| {
            let signed = [&attesting.authenticator_data[..], Hash::of(&attesting.client_data).as_bytes()].concat();
            attesting.pub_area[4..8].copy_from_slice(&attributes.to_be_bytes());
            let of_area = Hash::of(&attesting.pub_area);
            attesting.cert_info = cert_info(&Hash::of(&signed), &of_area);
        })
    };
    // As Windows makes them.
    let usual = 0x0006_0472;
    assert_eq!(attributes(usual), Ok(Some(KeyProtection::Tpm2)), "unaltered");
    assert_eq!(attributes(usual & !0x0002_0000), Ok(Some(KeyProtection::Tpm2)), "that does not decrypt");
    let wrong = refused(AttestationError::KeyUse);
    for (bit, what) in [(1, "fixedTPM"), (4, "fixedParent"), (5, "sensitiveDataOrigin"), (18, "sign")] {
        assert_eq!(attributes(usual & !(1 << bit)), wrong, "without {what}");
    }
    assert_eq!(attributes(usual | 1 << 16), wrong, "restricted");
    assert_eq!(attributes(0x0004_0040), wrong, "made by a program, and brought in");
}

#[test]
fn attack_30_a_statement_lacks_nothing() {
    for (format, _) in CERTIFIED {
        for at in 0..6 {
            let proof = maker().create(format, &passkey(), &challenge());
            let Some(proof) =
                with_members(&proof, |members| (at < members.len()).then(|| members.remove(at)).is_some())
            else {
                continue;
            };
            // A packed statement without certificates claims to be by the passkey itself.
            assert!(judge(&proof, &roots(&maker().root_pem())).is_err(), "{format:?} without member {at}");
        }
        let proof = maker().create(format, &passkey(), &challenge());
        let emptied = with_members(&proof, |members| {
            let x5c = members.iter_mut().find(|(name, _)| name.as_text() == Some("x5c")).expect("certificates");
            x5c.1 = Value::Array(Vec::new());
            true
        });
        assert!(
            judge(&emptied.expect("it has some"), &roots(&maker().root_pem())).is_err(),
            "{format:?}: no certificate"
        );
        let unknown = with_members(&proof, |members| {
            members.push((Value::from("later"), Value::from(1)));
            true
        });
        assert!(
            judge(&unknown.expect("a member more"), &roots(&maker().root_pem())).is_ok(),
            "{format:?}: a member nobody knows"
        );
    }
    let old = |members: &mut Vec<(Value, Value)>| {
        members[0].1 = Value::from("1.2");
        true
    };
    let proof = with_members(&maker().create(Format::Tpm, &passkey(), &challenge()), old).expect("ver is first");
    assert!(judge(&proof, &roots(&maker().root_pem())).is_err(), "a TPM of version 1.2");
    let ecdaa = |members: &mut Vec<(Value, Value)>| {
        members.push((Value::from("ecdaaKeyId"), Value::Bytes(vec![1])));
        true
    };
    let proof = with_members(&maker().create(Format::Packed, &passkey(), &challenge()), ecdaa).expect("a member more");
    assert!(judge(&proof, &roots(&maker().root_pem())).is_err(), "ECDAA");
}

/// The creation with other members in its statement; `None` if `alter` has nothing to alter.
fn with_members(proof: &CreationProof, alter: impl Fn(&mut Vec<(Value, Value)>) -> bool) -> Option<CreationProof> {
    let mut object: Value = ciborium::from_reader(proof.attestation_object.as_slice()).expect("CBOR");
    let statement = object.as_map_mut().expect("a map").iter_mut().find(|(name, _)| name.as_text() == Some("attStmt"));
    let Value::Map(members) = &mut statement.expect("a statement").1 else { panic!("a map") };
    if !alter(members) {
        return None;
    }
    let mut attestation_object = Vec::new();
    ciborium::into_writer(&object, &mut attestation_object).expect("written");
    Some(CreationProof { attestation_object, ..proof.clone() })
}

#[test]
fn a_list_of_roots_is_read_from_pem() {
    let mut roots = AttestationRoots::default();
    assert_eq!(roots.add_pem(b""), Err(AttestationRootsError::Empty));
    let damaged = maker().root_pem().replacen("MII", "AAA", 1);
    assert_eq!(roots.add_pem(damaged.as_bytes()), Err(AttestationRootsError::Damaged));
    assert!(roots.is_empty());
    let two = format!("{}{}", maker().root_pem(), TestMaker::new(private_key(30), private_key(31)).root_pem());
    assert_eq!(roots.add_pem(two.as_bytes()), Ok(()));
    assert!(!roots.is_empty());
}

/// A key for each format's creation, so that the property below does not make them anew for each case.
fn sound(format: Format) -> (CreationProof, AttestationRoots) {
    (maker().create(format, &passkey(), &challenge()), roots(&maker().root_pem()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// One changed bit anywhere in an attestation object, but in the copy of the root that a chain may end with, and nothing is attested.
    #[test]
    fn one_changed_bit_and_nothing_is_attested(which in 0_usize..4, at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let (format, _) = CERTIFIED[which];
        let (mut proof, roots) = sound(format);
        let root = maker().root_der();
        let copy = proof.attestation_object.windows(root.len()).position(|window| window == root.as_slice());
        let place = at.index(proof.attestation_object.len());
        prop_assume!(copy.is_none_or(|start| !(start..start + root.len()).contains(&place)));
        proof.attestation_object[place] ^= 1 << bit;
        prop_assert!(!matches!(judge(&proof, &roots), Ok(Some(_))), "byte {}", place);
    }
}

/// Cases for other implementations: `verified` is what keeps the key, where the root attests it; `valid` is false where the creation is
/// refused. `UPDATE_VECTORS=1` writes the file anew.
#[test]
fn the_vectors_of_attestations_are_what_this_crate_says() {
    let key = passkey();
    let all = roots(&maker().root_pem());
    let mut cases = Vec::new();
    let mut add = |name: String, proof: &CreationProof| {
        let judged = judge(proof, &all);
        let verified = judged.clone().ok().flatten().map(KeyProtection::as_str);
        cases.push(json!({"name": name, "proof": proof, "valid": judged.is_ok(), "verified": verified}));
    };
    let client_data = |attesting: &mut Attesting| {
        attesting.client_data = attesting.client_data.replace("false}", "false,\"more\":1}");
    };
    let sign_count = |attesting: &mut Attesting| attesting.authenticator_data[36] ^= 1;
    let create = |format, alter: &dyn Fn(&mut Attesting)| maker().create_altered(format, &key, &challenge(), alter);
    add("none".into(), &create(Format::None, &|_| {}));
    add("packed by the passkey itself".into(), &create(Format::SelfSigned, &|_| {}));
    add(
        "packed by another key than the passkey".into(),
        &create(Format::SelfSigned, &|one| one.signer = private_key(40)),
    );
    let names = [
        (Format::Packed, "packed"),
        (Format::Tpm, "tpm"),
        (Format::AndroidKey, "android-key"),
        (Format::Apple, "apple"),
    ];
    for (format, name) in names {
        add(name.to_owned(), &create(format, &|_| {}));
        add(format!("{name}: other client data"), &create(format, &client_data));
        add(format!("{name}: another sign count"), &create(format, &sign_count));
        add(format!("{name}: by another maker of the same name"), &create(format, &|one| one.issuer = private_key(30)));
        let another = private_key(40);
        add(
            format!("{name}: another key certified"),
            &create(format, &|one| one.certified = another.public_key().clone()),
        );
    }
    for (format, name) in &names[..3] {
        add(format!("{name}: signed by another key"), &create(*format, &|one| one.signer = private_key(40)));
    }
    add("tpm: another magic".into(), &create(Format::Tpm, &|one| one.cert_info[0] ^= 1));
    add("tpm: other attributes".into(), &create(Format::Tpm, &|one| one.pub_area[5] ^= 1));
    add(
        "tpm: brought in, not made by it".into(),
        &create(Format::Tpm, &|one| {
            let signed = [&one.authenticator_data[..], Hash::of(&one.client_data).as_bytes()].concat();
            one.pub_area[4..8].copy_from_slice(&[0, 4, 0, 0x40]);
            one.cert_info = cert_info(&Hash::of(&signed), &Hash::of(&one.pub_area));
        }),
    );
    add(
        "tpm: with a subject".into(),
        &create(Format::Tpm, &|one| one.certificate.distinguished_name.push(DnType::CommonName, "TPM")),
    );
    add("tpm: for no purpose".into(), &create(Format::Tpm, &|one| one.certificate.extended_key_usages.clear()));
    add(
        "android-key: another challenge".into(),
        &create(Format::AndroidKey, &|one| one.key_description.challenge[0] ^= 1),
    );
    add(
        "android-key: for more than signing".into(),
        &create(Format::AndroidKey, &|one| one.key_description.purposes = vec![2, 3]),
    );
    add(
        "android-key: unlocked phone".into(),
        &create(Format::AndroidKey, &|one| one.key_description.boot = Some((false, 2))),
    );
    add("android-key: imported".into(), &create(Format::AndroidKey, &|one| one.key_description.origin = 2));
    add(
        "android-key: for all applications".into(),
        &create(Format::AndroidKey, &|one| one.key_description.all_applications = true),
    );
    add("apple: another nonce".into(), &create(Format::Apple, &|one| one.nonce[0] ^= 1));
    let made = json!({
        "origin": ORIGIN,
        "rp_id": key.rp_id,
        "challenge": challenge(),
        "approval_key": key.public_key(),
        "root": base64url::encode(&maker().root_der()),
        "cases": cases,
    });
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/attestation.json");
    let text = serde_json::to_string_pretty(&made).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path, &text).expect("tests/vectors can be written");
    }
    let kept = std::fs::read_to_string(path).expect("the vector is kept; UPDATE_VECTORS=1 writes it");
    assert_eq!(kept, text, "attestation.json is what this crate makes");
}
