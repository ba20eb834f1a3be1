//! Limits on wrong PINs.

use std::future::ready;

use super::*;
use crate::account::AccountId;
use crate::pin::Pin;
use crate::ports::key_store::{MemoryKeys, NewKeys, PasskeyRequest};
use crate::ports::keyring::KeyringError;
use crate::ports::maybe_send::BoxFuture;
use crate::ports::vault::MemoryVault;
use crate::testing::{CountingRandom, ManualClock};
use countersign_jose::secret::Secret;
use countersign_protocol::registration::KeyProtection;
#[cfg(test)]
use tokio::test;

fn entry(pin: &str) -> Verified {
    Verified::Pin(Pin::parse(pin).unwrap())
}

struct CoreHarness {
    pin_gate: PinGate,
    clock: Arc<ManualClock>,
    keys: Arc<MemoryKeys>,
    vault: Arc<MemoryVault>,
    account: AccountId,
}

fn harness() -> CoreHarness {
    let random = Arc::new(CountingRandom::default());
    let keys = Arc::new(MemoryKeys::new(random.clone()));
    let vault = Arc::new(MemoryVault::default());
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_790_000_000)));
    let account = AccountId::random(&*random);
    keys.make(&account, &entry("123456")).unwrap();
    let pin_gate = PinGate { vault: vault.clone(), keys: keys.clone(), clock: clock.clone() };
    CoreHarness { pin_gate, clock, keys, vault, account }
}

impl CoreHarness {
    async fn wrong(&self) -> AnswerError {
        self.pin_gate.open(&self.account, &entry("000000")).await.err().expect("a wrong PIN opens nothing")
    }
}

#[test]
async fn waits_begin_at_the_fourth_wrong_pin_and_the_tenth_destroys_the_approval_key_alone() {
    let harness = harness();
    for (wrong, wait) in [(1, 0), (2, 0), (3, 0), (4, 30), (5, 60), (6, 120), (7, 240), (8, 480), (9, 960)] {
        let error = harness.wrong().await;
        let expected = (10 - wrong, wait * 1000);
        assert!(
            matches!(error, AnswerError::WrongPin { tries_left, wait_ms } if (tries_left, wait_ms) == expected),
            "{error}"
        );
        if wait > 0 {
            let early = harness.pin_gate.open(&harness.account, &entry("123456")).await;
            assert!(matches!(early, Err(AnswerError::PinWait { .. })), "the right PIN waits, too");
            harness.clock.advance_millis(wait * 1000);
        }
    }
    assert!(harness.keys.has_approval(&harness.account));
    assert!(matches!(harness.wrong().await, AnswerError::PinSpent));
    assert!(!harness.keys.has_approval(&harness.account));
    assert!(harness.keys.transport(&harness.account).is_ok(), "it can still deny and report");
    harness.clock.advance_millis(100_000_000);
    assert!(matches!(harness.pin_gate.open(&harness.account, &entry("123456")).await, Err(AnswerError::PinSpent)));
}

#[test]
async fn the_right_pin_forgets_the_wrong_ones() {
    let harness = harness();
    for _ in 0..3 {
        harness.wrong().await;
    }
    assert!(harness.pin_gate.open(&harness.account, &entry("123456")).await.is_ok());
    assert_eq!(harness.vault.pin_guard(&harness.account).unwrap(), PinGuard::default());
    assert_eq!(harness.pin_gate.tries_left(&harness.account).await.unwrap(), 10);
}

/// A key store that looks, at the moment a PIN is checked, whether the try was stored.
struct ObservingKeyStore {
    vault: Arc<MemoryVault>,
    seen: std::sync::Mutex<Vec<u32>>,
    /// What it says before.
    check: fn() -> Result<(), KeyError>,
    /// What comes of it.
    error: fn() -> KeyError,
}

impl ObservingKeyStore {
    fn failing(vault: &Arc<MemoryVault>, error: fn() -> KeyError) -> ObservingKeyStore {
        ObservingKeyStore { vault: vault.clone(), seen: std::sync::Mutex::default(), check: || Ok(()), error }
    }
}

impl KeyStore for ObservingKeyStore {
    fn protection(&self) -> KeyProtection {
        KeyProtection::Memory
    }
    fn make<'a>(
        &'a self,
        _: &'a AccountId,
        _: &'a Verified,
        _: Option<&'a PasskeyRequest>,
    ) -> BoxFuture<'a, Result<NewKeys, KeyError>> {
        Box::pin(ready(Err(KeyError::Gone)))
    }
    fn transport<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        Box::pin(ready(Err(KeyError::Gone)))
    }
    fn check_approval<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(ready((self.check)()))
    }
    fn open_approval<'a>(
        &'a self,
        account: &'a AccountId,
        _: &'a Verified,
    ) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        self.seen.lock().unwrap().push(self.vault.pin_guard(account).unwrap().tries);
        Box::pin(ready(Err((self.error)())))
    }
    fn destroy_approval<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(ready(Ok(())))
    }
    fn destroy<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(ready(Ok(())))
    }
    fn has_approval<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, bool> {
        Box::pin(ready(true))
    }
    fn seal<'a>(&'a self, _: &'a AccountId, _: &'a Secret) -> BoxFuture<'a, Result<String, KeyError>> {
        Box::pin(ready(Err(KeyError::Gone)))
    }
    fn unseal<'a>(&'a self, _: &'a AccountId, _: &'a str) -> BoxFuture<'a, Result<Secret, KeyError>> {
        Box::pin(ready(Err(KeyError::Gone)))
    }
}

#[test]
async fn a_try_is_stored_before_the_pin_is_checked() {
    let vault = Arc::new(MemoryVault::default());
    let keys = Arc::new(ObservingKeyStore::failing(&vault, || KeyError::WrongPin));
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_790_000_000)));
    let pin_gate = PinGate { vault, keys: keys.clone(), clock };
    let account: AccountId = "ac_1".parse().unwrap();
    for _ in 0..3 {
        pin_gate.open(&account, &entry("123456")).await.err().unwrap();
    }
    assert_eq!(*keys.seen.lock().unwrap(), [1, 2, 3]);
}

#[test]
async fn a_key_store_that_fails_says_nothing_about_the_pin_and_costs_no_try() {
    let failures: [fn() -> KeyError; 4] = [
        || KeyError::Unreadable,
        || KeyError::Storage(std::io::Error::other("the disk is away")),
        || KeyringError::Locked.into(),
        || KeyringError::Emptied.into(),
    ];
    for error in failures {
        let vault = Arc::new(MemoryVault::default());
        let keys = Arc::new(ObservingKeyStore::failing(&vault, error));
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_790_000_000)));
        let pin_gate = PinGate { vault: vault.clone(), keys: keys.clone(), clock };
        let account: AccountId = "ac_1".parse().unwrap();
        let before = PinGuard { tries: 9, last_try_at: 5 };
        vault.put_pin_guard(&account, &before).unwrap();
        for _ in 0..3 {
            assert!(matches!(pin_gate.open(&account, &entry("123456")).await, Err(AnswerError::Keys(_))));
        }
        assert_eq!(*keys.seen.lock().unwrap(), [10, 10, 10], "counted while it was checked");
        assert_eq!(vault.pin_guard(&account).unwrap(), before);
    }
}

#[test]
async fn what_can_be_told_without_the_pin_is_told_before_a_try_is_counted_and_before_the_person_is_asked() {
    let vault = Arc::new(MemoryVault::default());
    let locked = ObservingKeyStore {
        check: || Err(KeyringError::Locked.into()),
        ..ObservingKeyStore::failing(&vault, || KeyError::WrongPin)
    };
    let keys = Arc::new(locked);
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_790_000_000)));
    let pin_gate = PinGate { vault, keys: keys.clone(), clock };
    let account: AccountId = "ac_1".parse().unwrap();
    let told = |error: Option<AnswerError>| error.map(|error| error.code());
    assert_eq!(told(pin_gate.tries_left(&account).await.err()), Some("keyring_locked"));
    assert_eq!(told(pin_gate.open(&account, &entry("123456")).await.err()), Some("keyring_locked"));
    assert!(keys.seen.lock().unwrap().is_empty(), "a process that ends meanwhile has used up no try");
}

#[test]
async fn a_crash_while_the_tenth_pin_is_checked_gains_no_eleventh_try() {
    let harness = harness();
    // The counter says that a tenth try began; nothing says how it went.
    harness.vault.put_pin_guard(&harness.account, &PinGuard { tries: 10, last_try_at: 0 }).unwrap();
    let after = harness.pin_gate.open(&harness.account, &entry("123456")).await;
    assert!(matches!(after, Err(AnswerError::PinSpent)));
    assert!(!harness.keys.has_approval(&harness.account));
}

#[test]
async fn a_scripts_pin_never_claims_a_person() {
    let at = Timestamp::from_seconds(1);
    let pin = || Pin::parse("123456").unwrap();
    let amr = |class, verified| verified_user(class, &verified, at).map(|user| user.amr()).ok();
    assert_eq!(amr(DeviceClass::Interactive, Verified::Pin(pin())), Some(vec!["swk".into(), "pin".into()]));
    assert_eq!(amr(DeviceClass::Automated, Verified::Script(pin())), Some(vec!["swk".into()]));
    assert_eq!(amr(DeviceClass::Automated, Verified::Pin(pin())), Some(vec!["swk".into()]));
    assert_eq!(amr(DeviceClass::Interactive, Verified::Script(pin())), None);
}

#[test]
async fn the_platforms_verification_claims_its_method_and_no_hardware() {
    let at = Timestamp::from_seconds(1);
    for (method, claimed) in
        [(None, "user"), (Some(PlatformMethod::Fingerprint), "fpt"), (Some(PlatformMethod::Face), "face")]
    {
        let user = verified_user(DeviceClass::Interactive, &Verified::Platform { method }, at).unwrap();
        assert_eq!(user.amr(), ["swk", claimed]);
    }
}

#[test]
async fn the_platforms_verification_uses_up_no_try_and_opens_no_key_of_a_pin() {
    let harness = harness();
    let opened = harness.pin_gate.open(&harness.account, &Verified::Platform { method: None }).await;
    assert!(matches!(opened, Err(AnswerError::Keys(KeyError::PinNeeded))));
    assert_eq!(harness.vault.pin_guard(&harness.account).unwrap(), PinGuard::default());
    let account: AccountId = "ac_platform".parse().unwrap();
    harness.keys.make(&account, &Verified::Platform { method: None }).unwrap();
    assert!(harness.pin_gate.open(&account, &Verified::Platform { method: None }).await.is_ok());
}
