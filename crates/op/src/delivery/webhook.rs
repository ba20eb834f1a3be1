//! Webhook events: their types, JSON and signature.
//!
//! Headers and signature are those of Standard Webhooks 1.0 (`webhook-id`, `webhook-timestamp`, `webhook-signature`), which
//! libraries in many languages verify.

use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_gateway::GatewayEvent;
use countersign_jose::base64url;
use countersign_jose::clock::Timestamp;
use countersign_jose::random::{self, Random};
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::limits;
use ring::hmac;
use serde::Serialize;

use super::DeliveryWorker;
use super::attempt::{Message, PreparedDelivery};
use crate::config::Webhook;

/// A security event for the operator. Strings are unescaped user input: data, never markup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    /// A user denied a request as "this wasn't me".
    NotMe {
        sub: &'a str,
        client_id: &'a str,
        approval: &'a str,
        r#ref: ApprovalRef,
        /// Until when the client's requests to this user are held, in seconds since the epoch.
        held_until: u64,
    },
    /// A device approved by a transcript that does not say what was asked; the request ended as refused.
    DisplayMismatch {
        sub: &'a str,
        client_id: &'a str,
        approval: &'a str,
        r#ref: ApprovalRef,
        device_id: &'a str,
        /// The code of the rule that the transcript breaks.
        why: &'a str,
    },
    /// A user disputed an approval after the fact.
    Dispute { sub: &'a str, client_id: &'a str, approval: &'a str, r#ref: ApprovalRef, device_id: &'a str },
    /// A device was confirmed, and answers from now on.
    DeviceAdded { sub: &'a str, device_id: &'a str, device_name: &'a str, device_class: &'a str },
    /// A passkey's sign count did not grow: it may have been copied.
    PasskeySignCount { sub: &'a str, device_id: &'a str, device_name: &'a str, before: u32, received: u32 },
    /// A device was suspended: two histories claim to be its own.
    DeviceCopied { sub: &'a str, device_id: &'a str, device_name: &'a str },
    /// A refresh token was used a second time: it or its successor was stolen.
    RefreshReuse { sub: &'a str, client_id: &'a str, approval: &'a str, r#ref: ApprovalRef },
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    timestamp: String,
    issuer: &'a Issuer,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

impl<'a> Event<'a> {
    /// The webhook event of a gateway event; `None` for one that is not sent.
    pub(super) fn of(event: &GatewayEvent<'a>) -> Option<Event<'a>> {
        Some(match *event {
            GatewayEvent::NotMe { approval, subject, client_id, held_until } => Event::NotMe {
                sub: subject.as_str(),
                client_id,
                approval: approval.as_str(),
                r#ref: ApprovalRef::of(approval),
                held_until: held_until.seconds(),
            },
            GatewayEvent::DisplayMismatch { approval, subject, client_id, device, why } => Event::DisplayMismatch {
                sub: subject.as_str(),
                client_id,
                approval: approval.as_str(),
                r#ref: ApprovalRef::of(approval),
                device_id: device.as_str(),
                why,
            },
            GatewayEvent::Disputed { approval, subject, client_id, device } => Event::Dispute {
                sub: subject.as_str(),
                client_id,
                approval: approval.as_str(),
                r#ref: ApprovalRef::of(approval),
                device_id: device.as_str(),
            },
            GatewayEvent::DeviceAdded { subject, device, name, class } => Event::DeviceAdded {
                sub: subject.as_str(),
                device_id: device.as_str(),
                device_name: name,
                device_class: class.as_str(),
            },
            GatewayEvent::SignCount { subject, device, name, before, received } => Event::PasskeySignCount {
                sub: subject.as_str(),
                device_id: device.as_str(),
                device_name: name,
                before,
                received,
            },
            GatewayEvent::DeviceCopied { subject, device, name } => {
                Event::DeviceCopied { sub: subject.as_str(), device_id: device.as_str(), device_name: name }
            }
            _ => return None,
        })
    }

    /// A new event id (`ev_…`) and the JSON body.
    pub(super) fn body(&self, issuer: &Issuer, now: Timestamp, random: &dyn Random) -> (String, String) {
        let id = format!("ev_{}", base64url::encode(&random::bytes::<{ limits::ID_BITS / 8 }>(random)));
        let body = Body { id: &id, timestamp: rfc_3339(now), issuer, event: self };
        let json = serde_json::to_string(&body).expect("strings and numbers serialize");
        (id, json)
    }
}

impl DeliveryWorker {
    /// Builds the webhook call of an event.
    pub(super) fn event(&self, id: &str, body: &str) -> PreparedDelivery {
        let Some(webhook) = &self.config.webhook else {
            return PreparedDelivery::Drop("no webhook is configured any more");
        };
        let headers = headers(webhook, id, self.ports.clock.now().seconds(), body);
        PreparedDelivery::Send(Message { url: webhook.url.clone(), headers, body: body.as_bytes().to_vec() })
    }
}

fn headers(webhook: &Webhook, id: &str, seconds: u64, body: &str) -> HeaderMap {
    let value = |text: &str| HeaderValue::from_str(text).expect("ids, digits and base64 are ASCII");
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (HeaderName::from_static("webhook-id"), value(id)),
        (HeaderName::from_static("webhook-timestamp"), HeaderValue::from(seconds)),
        (HeaderName::from_static("webhook-signature"), value(&signature(webhook.key(), id, seconds, body))),
    ])
}

/// HMAC-SHA-256 over `{id}.{seconds}.{body}` (Standard Webhooks 1.0).
fn signature(key: &[u8], id: &str, seconds: u64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let tag = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

/// To the second, in UTC.
fn rfc_3339(time: Timestamp) -> String {
    let seconds = i64::try_from(time.seconds()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_an_independent_calculation() {
        // printf %s 'ev_1.1800000000.{"id":"ev_1"}' | openssl dgst -sha256 -hmac 'f7c09d1c2b8e4a6590d3b1a7e2c45f68' -binary | base64
        let signed = signature(b"f7c09d1c2b8e4a6590d3b1a7e2c45f68", "ev_1", 1_800_000_000, r#"{"id":"ev_1"}"#);
        assert_eq!(signed, "v1,crWnKHlzjeKsk4z+dDiUZISW06085VpKENnFtxRR8S8=");
    }

    #[test]
    fn times_are_those_of_rfc_3339() {
        assert_eq!(rfc_3339(Timestamp::from_millis(1_800_000_000_999)), "2027-01-15T08:00:00Z");
    }
}
