//! The message of a push: constants and a random id, of one length, encrypted for the subscription (RFC 8291).

use countersign_jose::base64url;
use countersign_jose::random::{self, Random};
use countersign_protocol::push::{PushMessage, PushNotification};
use web_push_native::Auth;
use web_push_native::p256::PublicKey;

use crate::push_settings::PushSettings;
use crate::store::wakeups::Target;

/// The address's keys are damaged: nothing can be encrypted for it.
#[derive(Debug)]
pub(super) struct Unusable;

/// The plaintext. Its length depends on nothing but the gateway's constants.
pub(super) fn plaintext(settings: &PushSettings, random: &dyn Random) -> Vec<u8> {
    let message = PushMessage {
        v: 1,
        id: base64url::encode(&random::bytes::<16>(random)),
        web_push: Some(8030),
        notification: Some(PushNotification { title: settings.title.clone(), navigate: settings.navigate.clone() }),
        mutable: true,
    };
    serde_json::to_vec(&message).expect("our own types are representable in JSON")
}

/// Encrypts for the subscription, with a key pair and a salt of its own for each message. One record of the content coding
/// `aes128gcm` (RFC 8188).
pub(super) fn encrypt(plaintext: Vec<u8>, target: &Target) -> Result<Vec<u8>, Unusable> {
    let key = base64url::decode(&target.p256dh).map_err(|_| Unusable)?;
    let key = PublicKey::from_sec1_bytes(&key).map_err(|_| Unusable)?;
    let auth: [u8; 16] = base64url::decode_array(&target.auth).map_err(|_| Unusable)?;
    web_push_native::encrypt(plaintext, &key, &Auth::from(auth)).map_err(|_| Unusable)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use countersign_egress::{Egress, EgressConfig, SystemResolver};
    use countersign_testing::CountingRandom;
    use web_push_native::p256::SecretKey;

    use super::*;
    use crate::push_settings::NoopObserver;

    fn settings() -> PushSettings {
        PushSettings {
            egress: Egress::new(EgressConfig::default(), Arc::new(SystemResolver)),
            contact: None,
            services: None,
            title: "Example Bank".to_owned(),
            navigate: "https://id.example/device/".to_owned(),
            observer: Arc::new(NoopObserver),
        }
    }

    /// RFC 8291 §5 and appendix A.
    #[test]
    fn the_example_of_rfc_8291_is_read_as_it_says() {
        let receiver = base64url::decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94").expect("base64url");
        let receiver = SecretKey::from_slice(&receiver).expect("a key");
        let auth: [u8; 16] = base64url::decode_array("BTBZMqHH6r4Tts7J_aSIgg").expect("base64url");
        let body = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        let body = base64url::decode(body).expect("base64url");
        let read = web_push_native::decrypt(body, &receiver, &Auth::from(auth)).expect("decrypted");
        assert_eq!(read, b"When I grow up, I want to be a watermelon");
        let public = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        let target = Target {
            endpoint: String::new(),
            p256dh: public.to_owned(),
            auth: base64url::encode(&auth),
            vapid_kid: String::new(),
            waits_until: None,
        };
        let ours = encrypt(read.clone(), &target).expect("encrypted");
        assert_eq!(web_push_native::decrypt(ours, &receiver, &Auth::from(auth)).expect("decrypted"), read);
    }

    #[test]
    fn every_message_has_one_length_and_no_two_are_alike() {
        let (settings, random) = (settings(), CountingRandom::seeded(3));
        let receiver = SecretKey::from_slice(&[7; 32]).expect("a key");
        let p256dh = base64url::encode(&receiver.public_key().to_sec1_bytes_uncompressed());
        let target = Target {
            endpoint: String::new(),
            p256dh,
            auth: base64url::encode(&[9; 16]),
            vapid_kid: String::new(),
            waits_until: None,
        };
        let messages: Vec<_> =
            (0..50).map(|_| encrypt(plaintext(&settings, &random), &target).expect("encrypted")).collect();
        assert!(messages.iter().all(|message| message.len() == messages[0].len()));
        assert!(messages.iter().skip(1).all(|message| *message != messages[0]));
        assert!(messages[0].len() <= 4096, "RFC 8030 §7.2");
    }

    trait Uncompressed {
        fn to_sec1_bytes_uncompressed(&self) -> Vec<u8>;
    }

    impl Uncompressed for PublicKey {
        fn to_sec1_bytes_uncompressed(&self) -> Vec<u8> {
            use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint as _;
            self.to_encoded_point(false).as_bytes().to_vec()
        }
    }
}
