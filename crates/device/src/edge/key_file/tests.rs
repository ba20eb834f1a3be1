//! Tests of the key files.

use countersign_jose::key::PublicKey;
use futures_util::FutureExt as _;

use super::files::KeyFiles;
use super::*;
use crate::pin::Pin;
use crate::testing::{CountingRandom, FakeKeyring};

const CHEAP: Argon2Cost = Argon2Cost { memory_kib: 64, passes: 1, lanes: 1 };

fn open(folder: &Path, random: &Arc<CountingRandom>) -> KeyFiles {
    KeyFiles::open(folder, random.clone(), PinCosts { person: CHEAP, script: CHEAP }).unwrap()
}

fn entry(pin: &str) -> Verified {
    Verified::Pin(Pin::parse(pin).unwrap())
}

fn opened(keys: &KeyFiles, account: &AccountId, pin: &str) -> Result<Arc<dyn SigningKey>, KeyError> {
    keys.open_approval(account, &entry(pin), &keys.sealed(account)?, None)
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
    let made = keys.make(&account, &entry("123456"), None).unwrap();
    let sealed = keys.seal(&account, &Secret::new("credential")).unwrap();
    let keys = open(dir.path(), &random);
    assert!(is_of(&*keys.transport(&account).unwrap(), &made.transport));
    assert!(is_of(&*opened(&keys, &account, "123456").unwrap(), &made.approval));
    assert!(matches!(opened(&keys, &account, "654321"), Err(KeyError::WrongPin)));
    assert_eq!(keys.unseal(&account, &sealed).unwrap().expose(), "credential");
    let other = AccountId::random(&*random);
    assert!(keys.unseal(&other, &sealed).is_err(), "a secret belongs to its account");
}

#[test]
fn destroying_the_approval_key_leaves_the_transport_key() {
    let (dir, random) = (tempfile::tempdir().unwrap(), Arc::new(CountingRandom::default()));
    let account = AccountId::random(&*random);
    let keys = open(dir.path(), &random);
    keys.make(&account, &entry("123456"), None).unwrap();
    assert!(keys.has_approval(&account));
    keys.destroy_approval(&account).unwrap();
    keys.destroy_approval(&account).expect("what is gone is gone");
    assert!(!keys.has_approval(&account));
    assert!(matches!(opened(&keys, &account, "123456"), Err(KeyError::Gone)));
    assert!(keys.transport(&account).is_ok());
    keys.destroy(&account).unwrap();
    assert!(matches!(keys.transport(&account), Err(KeyError::Gone)));
}

#[test]
fn no_file_holds_pin_approval_key_or_credential_in_plain() {
    let (dir, random) = (tempfile::tempdir().unwrap(), Arc::new(CountingRandom::default()));
    let account = AccountId::random(&*random);
    let keys = open(dir.path(), &random);
    keys.make(&account, &entry("271828182845"), None).unwrap();
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

/// A home's keys beside a keyring.
struct Session {
    home: tempfile::TempDir,
    keyring: Arc<FakeKeyring>,
    random: Arc<CountingRandom>,
}

impl Session {
    fn new() -> Session {
        let (home, keyring) = (tempfile::tempdir().unwrap(), Arc::new(FakeKeyring::default()));
        Session { home, keyring, random: Arc::default() }
    }

    async fn keys(&self, choice: KeyChoice) -> FileKeys {
        let costs = PinCosts { person: CHEAP, script: CHEAP };
        FileKeys::open(self.home.path(), self.random.clone(), costs, Some(self.keyring.clone()), choice).await.unwrap()
    }

    /// The keys with an account of this choice.
    async fn enrolled(&self, choice: KeyChoice) -> (FileKeys, AccountId, NewKeys) {
        let (keys, account) = (self.keys(choice).await, AccountId::random(&*self.random));
        let made = keys.make(&account, &entry("123456"), None).await.unwrap();
        (keys, account, made)
    }
}

/// Why a key does not open with this PIN.
async fn why(keys: &FileKeys, account: &AccountId, pin: &str) -> KeyError {
    keys.open_approval(account, &entry(pin)).await.err().expect("it stays closed")
}

#[tokio::test]
async fn a_keyring_that_answers_is_chosen_and_the_level_says_so() {
    let session = Session::new();
    let (keys, account, made) = session.enrolled(KeyChoice::Strongest).await;
    assert_eq!(keys.protection_of(&account).await.unwrap(), KeyProtection::FileKeyring);
    assert!(is_of(&*keys.open_approval(&account, &entry("123456")).await.unwrap(), &made.approval));
    assert!(matches!(why(&keys, &account, "654321").await, KeyError::WrongPin));
    // Whatever is chosen for new accounts, an old one opens as it was made.
    let later = session.keys(KeyChoice::File).await;
    assert!(later.open_approval(&account, &entry("123456")).await.is_ok());
    let (keys, account, _) = session.enrolled(KeyChoice::File).await;
    assert_eq!(keys.protection_of(&account).await.unwrap(), KeyProtection::FilePin);
    assert_eq!(session.keyring.count(), 1);
}

#[tokio::test]
async fn without_a_keyring_the_pin_alone_protects_and_who_insists_is_refused() {
    let session = Session::new();
    for why in [KeyringError::Absent("no bus".into()), KeyringError::Locked, KeyringError::Silent] {
        session.keyring.fail(Some(why.clone()));
        let (keys, account, _) = session.enrolled(KeyChoice::Strongest).await;
        assert_eq!(keys.protection_of(&account).await.unwrap(), KeyProtection::FilePin);
        assert!(keys.open_approval(&account, &entry("123456")).await.is_ok());
        let (insists, account) = (session.keys(KeyChoice::Keyring).await, AccountId::random(&*session.random));
        let refused = insists.make(&account, &entry("123456"), None).await.unwrap_err();
        assert!(matches!(&refused, KeyError::Keyring(told) if *told == why), "{refused}");
        assert!(!insists.has_approval(&account).await, "nothing was made");
        assert!(insists.transport(&account).await.is_err(), "nothing was made");
        let offered = offers(Some(&*session.keyring)).await;
        assert_eq!(offered[0], KeyOffer { protection: KeyProtection::FileKeyring, unavailable: Some(why) });
        assert_eq!(offered[1], KeyOffer { protection: KeyProtection::FilePin, unavailable: None });
    }
    assert_eq!(offers(None).await[0].unavailable, Some(KeyringError::Unsupported));
}

#[tokio::test]
async fn a_keyring_that_forgets_at_once_is_not_relied_on() {
    let session = Session::new();
    session.keyring.forget_all_writes();
    let (keys, account, _) = session.enrolled(KeyChoice::Strongest).await;
    assert_eq!(keys.protection_of(&account).await.unwrap(), KeyProtection::FilePin);
    let (insists, account) = (session.keys(KeyChoice::Keyring).await, AccountId::random(&*session.random));
    let refused = insists.make(&account, &entry("123456"), None).await.unwrap_err();
    assert!(matches!(refused, KeyError::Keyring(KeyringError::Refused(_))), "{refused}");
}

#[tokio::test]
async fn a_locked_missing_or_emptied_keyring_is_told_and_destroys_nothing() {
    let session = Session::new();
    let (keys, account, made) = session.enrolled(KeyChoice::Keyring).await;
    for fault in [KeyringError::Locked, KeyringError::Absent("it is gone".into()), KeyringError::Silent] {
        session.keyring.fail(Some(fault.clone()));
        // The right PIN and a wrong one alike: nothing can be said about either.
        for pin in ["123456", "654321"] {
            assert!(matches!(why(&keys, &account, pin).await, KeyError::Keyring(told) if told == fault));
        }
        assert!(keys.has_approval(&account).await && keys.transport(&account).await.is_ok());
    }
    session.keyring.fail(None);
    let kept = session.keyring.take(account.as_str()).expect("the keyring has the account's secret");
    assert!(matches!(why(&keys, &account, "123456").await, KeyError::Keyring(KeyringError::Emptied)));
    session.keyring.put(account.as_str(), &Secret::random(&*session.random));
    assert!(matches!(why(&keys, &account, "123456").await, KeyError::Keyring(KeyringError::Replaced)));
    session.keyring.put(account.as_str(), &kept);
    assert!(is_of(&*keys.open_approval(&account, &entry("123456")).await.unwrap(), &made.approval), "as before");
}

#[tokio::test]
async fn attack_21_a_copied_home_approves_nothing_without_the_sessions_keyring() {
    let session = Session::new();
    let (keys, account, _) = session.enrolled(KeyChoice::Keyring).await;
    assert!(keys.open_approval(&account, &entry("123456")).await.is_ok(), "at home the PIN opens it");
    let thief = Session::new();
    for file in std::fs::read_dir(session.home.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), thief.home.path().join(file.file_name())).unwrap();
    }
    // Not even with the PIN, whatever the thief's own keyring says; and no guess is ever told from the right one.
    let copied = thief.keys(KeyChoice::Strongest).await;
    for pin in ["123456", "654321"] {
        assert!(matches!(why(&copied, &account, pin).await, KeyError::Keyring(KeyringError::Emptied)));
    }
    thief.keyring.put(account.as_str(), &Secret::random(&CountingRandom::seeded(9)));
    for pin in ["123456", "654321"] {
        assert!(matches!(why(&copied, &account, pin).await, KeyError::Keyring(KeyringError::Replaced)));
    }
}

#[tokio::test]
async fn destroying_a_key_empties_the_keyring_and_works_without_it() {
    let session = Session::new();
    let (keys, account, _) = session.enrolled(KeyChoice::Keyring).await;
    let (_, other, _) = session.enrolled(KeyChoice::Keyring).await;
    keys.destroy_approval(&account).await.unwrap();
    assert_eq!((session.keyring.count(), session.keyring.take(account.as_str()).is_none()), (1, true));
    session.keyring.fail(Some(KeyringError::Locked));
    keys.destroy(&other).await.expect("the file is what opens");
    assert!(!keys.has_approval(&other).await);
}
