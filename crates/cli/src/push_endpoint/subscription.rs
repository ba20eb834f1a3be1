//! Subscriptions at the endpoint: each account's path, P-256 key and authentication secret (RFC 8291 §2), made anew at each start.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_device::account::AccountId;
use countersign_device::edge::system;
use countersign_jose::base64url;
use countersign_jose::key::PublicKey;
use countersign_jose::random::{self, Random};
use countersign_protocol::push::{AUTH_BYTES, PushAddress, PushType};
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint as _;
use web_push_native::{Auth, decrypt};

/// Where the record size stands in a message, and the smallest that a record can have (RFC 8188 §2.1).
const RECORD_SIZE: std::ops::Range<usize> = 16..20;
const SMALLEST_RECORD: u32 = 18;

/// All subscriptions. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Subscriptions(Arc<Mutex<BTreeMap<AccountId, Subscription>>>);

struct Subscription {
    /// A capability: who knows it can post here.
    path: String,
    key: SecretKey,
    auth: [u8; AUTH_BYTES],
}

/// A message was not encrypted for the subscription at its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotOurs {
    /// There is no such path.
    Path,
    /// It can't be decrypted.
    Message,
}

impl Subscriptions {
    /// The account's address, made the first time.
    pub(super) fn address(&self, account: &AccountId, at: SocketAddr) -> PushAddress {
        let mut subscriptions = self.lock();
        let subscription =
            subscriptions.entry(account.clone()).or_insert_with(|| Subscription::new(&*system::random()));
        PushAddress {
            kind: PushType::WebPush,
            endpoint: format!("http://{at}{}", subscription.path),
            p256dh: subscription.public_key(),
            auth: subscription.auth,
            // Nothing is shown for a push: ends are pushed, too.
            quiet: true,
        }
    }

    /// Decrypts what was posted to a path.
    pub(super) fn open(&self, path: &str, message: Vec<u8>) -> Result<Vec<u8>, NotOurs> {
        let subscriptions = self.lock();
        let subscription = subscriptions.values().find(|known| known.path == path).ok_or(NotOurs::Path)?;
        let size = message.get(RECORD_SIZE).and_then(|size| size.try_into().ok()).map(u32::from_be_bytes);
        if size.is_none_or(|size| size < SMALLEST_RECORD) {
            return Err(NotOurs::Message);
        }
        // A message without a record decrypts to nothing, whoever made it.
        let opened = decrypt(message, &subscription.key, &Auth::from(subscription.auth)).ok();
        opened.filter(|plain| !plain.is_empty()).ok_or(NotOurs::Message)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AccountId, Subscription>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    fn new(random: &dyn Random) -> Subscription {
        let path = format!("/push/{}", base64url::encode(&random::bytes::<32>(random)));
        let auth = random::bytes(random);
        loop {
            // All but some 2^-32 of these are below the group's order.
            if let Ok(key) = SecretKey::from_slice(&random::bytes::<32>(random)) {
                return Subscription { path, key, auth };
            }
        }
    }

    fn public_key(&self) -> PublicKey {
        let point = self.key.public_key().to_encoded_point(false);
        PublicKey::from_sec1(point.as_bytes()).expect("a public key is a point on its curve")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscribed() -> (Subscriptions, PushAddress, String) {
        let subscriptions = Subscriptions::default();
        let account = "ac_AAAAAAAAAAAAAAAA".parse().expect("an account's id");
        let at = "127.0.0.1:9".parse().expect("an address");
        let address = subscriptions.address(&account, at);
        assert_eq!(address, subscriptions.address(&account, at), "made once");
        let path = address.endpoint.strip_prefix("http://127.0.0.1:9").expect("at its listener").to_owned();
        (subscriptions, address, path)
    }

    fn message(address: &PushAddress) -> Vec<u8> {
        let key = web_push_native::p256::PublicKey::from_sec1_bytes(address.p256dh.sec1()).expect("a key");
        web_push_native::encrypt(b"look".to_vec(), &key, &Auth::from(address.auth)).expect("encrypted")
    }

    #[test]
    fn a_message_for_the_subscription_is_read_and_no_other() {
        let (subscriptions, address, path) = subscribed();
        assert_eq!(subscriptions.open(&path, message(&address)), Ok(b"look".to_vec()));
        assert_eq!(subscriptions.open("/push/", message(&address)), Err(NotOurs::Path));
        let (others, ..) = subscribed();
        assert_eq!(others.open(&path, message(&address)), Err(NotOurs::Path));
        let (_, foreign, _) = subscribed();
        assert_eq!(subscriptions.open(&path, message(&foreign)), Err(NotOurs::Message));
    }

    #[test]
    fn junk_of_any_length_and_record_size_is_refused_without_a_panic() {
        let (subscriptions, address, path) = subscribed();
        let good = message(&address);
        for length in 0..good.len() {
            assert_eq!(subscriptions.open(&path, good[..length].to_vec()), Err(NotOurs::Message), "{length} bytes");
        }
        let whole = u32::try_from("look".len() + 17).expect("a short record");
        for size in [0, 1, 16, 17, 18, whole - 1, whole, u32::MAX] {
            let mut altered = good.clone();
            altered[RECORD_SIZE].copy_from_slice(&u32::to_be_bytes(size));
            let read = subscriptions.open(&path, altered);
            // One that ends with the message or after it is the last one: its size is no part of what is authenticated.
            assert_eq!(read.is_ok(), size >= whole, "record size {size}: {read:?}");
        }
        for at in 0..good.len() {
            let mut altered = good.clone();
            altered[at] ^= 0x80;
            if !RECORD_SIZE.contains(&at) {
                assert_eq!(subscriptions.open(&path, altered), Err(NotOurs::Message), "byte {at}");
            }
        }
    }
}
