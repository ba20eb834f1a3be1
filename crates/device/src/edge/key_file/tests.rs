//! Tests of the key files.

use countersign_jose::key::PublicKey;
use futures_util::FutureExt as _;

use super::*;
use crate::pin::Pin;
use crate::testing::CountingRandom;

const CHEAP: Argon2Cost = Argon2Cost { memory_kib: 64, passes: 1, lanes: 1 };

fn open(folder: &Path, random: &Arc<CountingRandom>) -> KeyFiles {
    KeyFiles::open(folder, random.clone(), PinCosts { person: CHEAP, script: CHEAP }).unwrap()
}

fn entry(pin: &str) -> Verified {
    Verified::Pin(Pin::parse(pin).unwrap())
}

/// Whether a key signs as this public one's other half.
fn is_of(key: &dyn SigningKey, public: &PublicKey) -> bool {
    let signature = key.sign("input".to_owned()).now_or_never().expect("at once").unwrap();
    public.verify(b"input", signature.as_slice().try_into().unwrap()).is_ok()
}

#[test]
fn keys_and_sealed_secrets_survive_reopening() {
    let (dir, random) = (tempfile::tempdir().unwrap(), Arc::new(CountingRandom::default()));
    let account = AccountId::random(&*random);
    let keys = open(dir.path(), &random);
    let made = keys.make(&account, &entry("123456")).unwrap();
    let sealed = keys.seal(&account, &Secret::new("credential")).unwrap();
    let keys = open(dir.path(), &random);
    assert!(is_of(&*keys.transport(&account).unwrap(), &made.transport));
    assert!(is_of(&*keys.open_approval(&account, &entry("123456")).unwrap(), &made.approval));
    assert!(matches!(keys.open_approval(&account, &entry("654321")), Err(KeyError::WrongPin)));
    assert_eq!(keys.unseal(&account, &sealed).unwrap().expose(), "credential");
    let other = AccountId::random(&*random);
    assert!(keys.unseal(&other, &sealed).is_err(), "a secret belongs to its account");
}

#[test]
fn destroying_the_approval_key_leaves_the_transport_key() {
    let (dir, random) = (tempfile::tempdir().unwrap(), Arc::new(CountingRandom::default()));
    let account = AccountId::random(&*random);
    let keys = open(dir.path(), &random);
    keys.make(&account, &entry("123456")).unwrap();
    assert!(keys.has_approval(&account));
    keys.destroy_approval(&account).unwrap();
    keys.destroy_approval(&account).expect("what is gone is gone");
    assert!(!keys.has_approval(&account));
    assert!(matches!(keys.open_approval(&account, &entry("123456")), Err(KeyError::Gone)));
    assert!(keys.transport(&account).is_ok());
    keys.destroy(&account).unwrap();
    assert!(matches!(keys.transport(&account), Err(KeyError::Gone)));
}

#[test]
fn no_file_holds_pin_approval_key_or_credential_in_plain() {
    let (dir, random) = (tempfile::tempdir().unwrap(), Arc::new(CountingRandom::default()));
    let account = AccountId::random(&*random);
    let keys = open(dir.path(), &random);
    keys.make(&account, &entry("271828182845")).unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(!text.contains("271828182845"), "{:?}", file.file_name());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        }
    }
    assert!(!keys.seal(&account, &Secret::new("canary")).unwrap().contains("canary"));
}

#[tokio::test]
async fn the_declared_protection_is_file_pin() {
    let (dir, random) = (tempfile::tempdir().unwrap(), Arc::new(CountingRandom::default()));
    let keys = FileKeys::open(dir.path(), random, PinCosts::default()).await.unwrap();
    assert_eq!(keys.protection(), KeyProtection::FilePin);
}
