//! Web Push: where a device can be woken, and what it hears about that (RFC 8030, 8291, 8292; docs/protocol.md section 20). A push
//! says "look" and nothing else.

use std::fmt;

use countersign_jose::base64url;
use countersign_jose::key::PublicKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// Bytes of a subscription's authentication secret (RFC 8291 §3.2).
pub const AUTH_BYTES: usize = 16;

/// What kind of address it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushType {
    /// Web Push (RFC 8030): browsers, UnifiedPush distributors.
    WebPush,
    /// A kind this version does not know: no gateway takes it.
    #[serde(other)]
    Unknown,
}

/// A subscription. Its endpoint is a capability: who knows it can wake the device, so `Debug` shows its host alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushAddress {
    /// The kind of address.
    #[serde(rename = "type")]
    pub kind: PushType,
    /// The push resource (RFC 8030 §5): an https URL.
    pub endpoint: String,
    /// The subscription's public key, `0x04 ‖ x ‖ y` as base64url.
    #[serde(serialize_with = "write_key", deserialize_with = "read_key")]
    pub p256dh: PublicKey,
    /// The subscription's authentication secret, 16 bytes as base64url.
    #[serde(serialize_with = "write_secret", deserialize_with = "read_secret")]
    pub auth: [u8; AUTH_BYTES],
    /// Whether a push may pass without showing anything: then withdrawals are pushed, too.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub quiet: bool,
}

impl PushAddress {
    /// The endpoint's host: what logs and lists may name.
    pub fn service(&self) -> Option<String> {
        Url::parse(&self.endpoint).ok().and_then(|url| url.host_str().map(str::to_owned))
    }
}

impl fmt::Debug for PushAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushAddress").field("service", &self.service()).finish_non_exhaustive()
    }
}

/// Whether a device can be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushState {
    /// There is an address, and nothing is known against it.
    Ok,
    /// The push service no longer knows the address, which was forgotten.
    Gone,
    /// The address belongs to another key: subscribe anew with the one that stands beside.
    Rekey,
    /// This gateway does not push.
    Off,
    /// There is no address. Anything unknown is treated as this.
    #[default]
    #[serde(other)]
    None,
}

impl PushState {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Gone => "gone",
            Self::Rekey => "rekey",
            Self::Off => "off",
            Self::None => "none",
        }
    }
}

/// What a fetch says about the device's address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushStatus {
    /// Whether the device can be woken.
    pub state: PushState,
    /// With `rekey`: the key to subscribe with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vapid_public_key: Option<String>,
}

/// The body of `PATCH device_endpoint`, a JSON merge patch (RFC 7396): what is absent stays, `null` removes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicePatch {
    /// The new address; `Some(None)` removes it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present", default)]
    pub push_address: Option<Option<PushAddress>>,
    /// The new name. A name can't be removed.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present", default)]
    pub device_name: Option<Option<String>>,
}

/// The response to `PATCH device_endpoint`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceResponse {
    /// The device's name.
    pub device_name: String,
    /// Whether it can be woken.
    pub push: PushStatus,
}

/// The body of `POST challenge_endpoint/received`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedCursor {
    /// The cursor of what was received, as received: everything up to it is confirmed.
    pub cursor: String,
}

/// The response to `POST device_endpoint/push-test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushTest {
    /// From the call until the sender took the push from its queue, in milliseconds.
    pub queued_ms: u64,
    /// From then until the push service accepted it, in milliseconds; `None`: it did not.
    pub accepted_ms: Option<u64>,
    /// The push service's host.
    pub service: String,
}

/// The plaintext of a push. Everything but `id` is a constant of the gateway, so every message has one length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushMessage {
    /// Version: 1.
    pub v: u32,
    /// Random for each push; refers to nothing.
    pub id: String,
    /// 8030, for Safari, which then shows `notification` where no worker does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub web_push: Option<u32>,
    /// What Safari shows in that case.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub notification: Option<PushNotification>,
    /// Whether a worker may replace the notification.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub mutable: bool,
}

/// Constants of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushNotification {
    /// The provider's name.
    pub title: String,
    /// The page that a tap opens.
    pub navigate: String,
}

fn write_key<S: Serializer>(key: &PublicKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&base64url::encode(key.sec1()))
}

fn read_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PublicKey, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = base64url::decode(&text).map_err(serde::de::Error::custom)?;
    PublicKey::from_sec1(&bytes).map_err(serde::de::Error::custom)
}

fn write_secret<S: Serializer>(secret: &[u8; AUTH_BYTES], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&base64url::encode(secret))
}

fn read_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; AUTH_BYTES], D::Error> {
    let text = String::deserialize(deserializer)?;
    base64url::decode_array(&text).map_err(serde::de::Error::custom)
}

/// A member that is there, whatever it is; an absent one is the default.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The subscription of RFC 8291's example.
    const ADDRESS: &str = r#"{"type":"web_push","endpoint":"https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        "p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth":"BTBZMqHH6r4Tts7J_aSIgg"}"#;

    #[test]
    fn an_address_is_read_strictly_and_shows_its_host_alone() {
        let address: PushAddress = serde_json::from_str(ADDRESS).expect("an address");
        assert_eq!((address.kind, address.quiet), (PushType::WebPush, false));
        let shown = format!("{address:?}");
        assert!(shown.contains("push.example.net"), "{shown}");
        assert!(!shown.contains("JzLQ3raZ") && !shown.contains("48") && !shown.contains("BCVxsr7N"), "{shown}");
        for (from, to) in [
            ("BTBZMqHH6r4Tts7J_aSIgg", "BTBZMqHH6r4Tts7J_aSI"),
            ("BTBZMqHH6r4Tts7J_aSIgg", "BTBZMqHH6r4Tts7J_aSIgg=="),
            ("IAiw4", "IAiw5"),
            ("BCVx", "CCVx"),
            ("\"endpoint\"", "\"end\""),
        ] {
            assert!(serde_json::from_str::<PushAddress>(&ADDRESS.replace(from, to)).is_err(), "{to}");
        }
        let other: PushAddress = serde_json::from_str(&ADDRESS.replace("web_push", "apns")).expect("an address");
        assert_eq!(other.kind, PushType::Unknown);
    }

    #[test]
    fn a_patch_tells_what_is_removed_from_what_is_left() {
        let read = |text: &str| serde_json::from_str::<DevicePatch>(text).expect("a patch");
        assert_eq!(read("{}"), DevicePatch::default());
        assert_eq!(read(r#"{"push_address":null}"#).push_address, Some(None));
        assert_eq!(read(r#"{"device_name":"Phone"}"#).device_name, Some(Some("Phone".to_owned())));
        assert_eq!(read(r#"{"device_name":null}"#).device_name, Some(None));
        assert!(matches!(read(&format!(r#"{{"push_address":{ADDRESS}}}"#)).push_address, Some(Some(_))));
        assert!(serde_json::from_str::<DevicePatch>(r#"{"push_address":"https://push.example.net/x"}"#).is_err());
    }

    #[test]
    fn a_state_of_a_newer_version_is_no_address() {
        let read = |text: &str| serde_json::from_str::<PushStatus>(text).expect("a status");
        for state in [PushState::Ok, PushState::Gone, PushState::Rekey, PushState::Off, PushState::None] {
            assert_eq!(read(&format!(r#"{{"state":"{}"}}"#, state.as_str())).state, state);
        }
        assert_eq!(read(r#"{"state":"asleep"}"#).state, PushState::None);
    }
}
