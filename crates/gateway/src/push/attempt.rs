//! One push: encrypted, sent, and its result written to the address and the queue.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use countersign_egress::{CallError, Response};
use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::key::{LocalSigner, Signer as _};
use countersign_jose::random::Random;
use countersign_protocol::id::DeviceId;
use url::Url;

use super::message;
use crate::Gateway;
use crate::outbox;
use crate::push_settings::PushSettings;
use crate::store::push_addresses::{self, AddressState};
use crate::store::wakeups::{self, Target, Wakeup};

/// Longest pause, unless the push service asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What a push service said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reply {
    /// 2xx.
    Accepted,
    /// 404, 410: it no longer knows the address.
    Gone,
    /// 400, 401, 403: our key is not the one that the subscription was made for.
    Rekey,
    /// Anything else that a repetition would not change, redirects among them.
    Refused,
    /// Repeated, not before the response's `Retry-After`, if there is one.
    Retry(Option<Duration>),
}

impl Reply {
    /// The `result` in metrics and logs.
    const fn as_str(self) -> &'static str {
        match self {
            Reply::Accepted => "sent",
            Reply::Gone => "gone",
            Reply::Rekey => "rekey",
            Reply::Refused => "refused",
            Reply::Retry(_) => "failed",
        }
    }
}

impl Gateway {
    /// Makes one attempt. Returns false if the service should get fewer at once.
    pub(super) async fn attempt_push(&self, push: &PushSettings, wakeup: Wakeup) -> bool {
        let now = self.now();
        let device = wakeup.device.clone();
        let target = match self.store().read(move |snapshot| wakeups::target(snapshot, &device, now)).await {
            Ok(target) => target,
            Err(error) => {
                tracing::warn!(%error, "a push address could not be read");
                return true;
            }
        };
        let Some(target) = target else { return self.drop_push(push, &wakeup, now).await };
        let until = target.waits_until.into_iter().chain((wakeup.until > now).then_some(wakeup.until)).max();
        let Some(until) = until else { return self.drop_push(push, &wakeup, now).await };
        self.awaited_looks().sending(&wakeup.device, now, until);
        let (reply, detail) = self.send(push, &wakeup.device, &target, now, until).await;
        self.record_push(push, &wakeup, &target.endpoint, reply, &detail, now, until).await;
        // A service that refuses does respond: it delays nothing.
        !matches!(reply, Reply::Retry(_))
    }

    /// Nothing waits any more, or the device no longer takes part.
    async fn drop_push(&self, push: &PushSettings, wakeup: &Wakeup, now: Timestamp) -> bool {
        push.observer.wakeup("ended");
        let (device, version) = (wakeup.device.clone(), wakeup.version);
        outbox::write_result(self.store(), move |tx| wakeups::finish(tx, &device, version, now)).await;
        true
    }

    async fn send(
        &self,
        push: &PushSettings,
        device: &DeviceId,
        target: &Target,
        now: Timestamp,
        until: Timestamp,
    ) -> (Reply, String) {
        let keys = self.keys();
        let key = keys.vapid.iter().find(|key| key.public_key().thumbprint().to_string() == target.vapid_kid);
        let Some(key) = key else { return (Reply::Rekey, "its key has ended".to_owned()) };
        let prepared = Url::parse(&target.endpoint).ok().and_then(|url| {
            let body = message::encrypt(message::plaintext(push, self.random()), target).ok()?;
            let headers = self.push_headers(push, device, &url, key, now, until)?;
            Some((url, headers, body))
        });
        let Some((url, headers, body)) = prepared else {
            return (Reply::Refused, "the message could not be built".to_owned());
        };
        let result = push.egress.post(&url, headers, body).await;
        let detail = match &result {
            Ok(response) => format!("answered {}", response.status),
            Err(error) => error.to_string(),
        };
        (classify(&result, now), detail)
    }

    fn push_headers(
        &self,
        push: &PushSettings,
        device: &DeviceId,
        endpoint: &Url,
        key: &LocalSigner,
        now: Timestamp,
        until: Timestamp,
    ) -> Option<HeaderMap> {
        let token = self.vapid_tokens().authorization(endpoint, key, push.contact.as_deref(), now).ok()?;
        let mut token = HeaderValue::from_str(&token).ok()?;
        token.set_sensitive(true);
        let text = HeaderValue::from_static;
        Some(HeaderMap::from_iter([
            (header::AUTHORIZATION, token),
            (header::CONTENT_TYPE, text("application/octet-stream")),
            (header::CONTENT_ENCODING, text("aes128gcm")),
            (HeaderName::from_static("ttl"), HeaderValue::from(until.millis_since(now).div_ceil(1000).max(1))),
            (HeaderName::from_static("urgency"), text("high")),
            (HeaderName::from_static("topic"), HeaderValue::from_str(&topic(device)).ok()?),
        ]))
    }

    #[expect(clippy::too_many_arguments, reason = "one result with everything that was known of the attempt")]
    async fn record_push(
        &self,
        push: &PushSettings,
        wakeup: &Wakeup,
        endpoint: &str,
        reply: Reply,
        detail: &str,
        sent_at: Timestamp,
        until: Timestamp,
    ) {
        let (service, result, attempts) = (wakeup.service.as_str(), reply.as_str(), wakeup.attempts.saturating_add(1));
        push.observer.wakeup(result);
        let device = wakeup.device.clone();
        match reply {
            Reply::Accepted => tracing::info!(%device, service, attempts, result, detail, "pushed"),
            Reply::Refused if detail.ends_with("413") => {
                tracing::error!(%device, service, attempts, result, detail, "a push of constant length was too large");
            }
            _ => tracing::warn!(%device, service, attempts, result, detail, "push failed"),
        }
        let now = self.now();
        let looked = match reply {
            Reply::Accepted => self.awaited_looks().accepted(&device),
            _ => {
                self.awaited_looks().failed(&device);
                None
            }
        };
        if let Some((_, after)) = looked {
            push.observer.looked(after);
        }
        let after = |pause: Duration| now.plus_millis(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        let put_off = match reply {
            Reply::Retry(asked) => {
                let due_at = after(pause(attempts, asked, self.random()));
                if due_at >= until {
                    tracing::warn!(%device, service, attempts, result = "given_up", "push given up");
                    push.observer.wakeup("given_up");
                }
                (due_at < until).then_some(due_at)
            }
            _ => None,
        };
        let state = match reply {
            Reply::Gone => AddressState::Gone,
            Reply::Rekey => AddressState::Rekey,
            Reply::Accepted | Reply::Refused | Reply::Retry(_) => AddressState::Ok,
        };
        // An address that came meanwhile is the same device's, and pauses as it does.
        let readdressed = match reply {
            Reply::Retry(_) => (attempts, after(pause(attempts, None, self.random()))),
            _ => (wakeup.attempts, sent_at.plus_millis(wakeups::PAUSE)),
        };
        let (version, endpoint, accepted) = (wakeup.version, endpoint.to_owned(), reply == Reply::Accepted);
        outbox::write_result(self.store(), move |tx| {
            let current = push_addresses::attempted(tx, &device, &endpoint, state, accepted, sent_at, now)?;
            if accepted {
                wakeups::trace_accepted(tx, &device, now)?;
                if let Some((at, _)) = looked {
                    push_addresses::looked(tx, &device, at)?;
                    wakeups::trace_looked(tx, &device, at)?;
                }
            }
            match put_off {
                _ if !current => wakeups::readdressed(tx, &device, readdressed.0, readdressed.1),
                Some(due_at) => wakeups::put_off(tx, &device, attempts, due_at),
                None if state != AddressState::Ok => wakeups::remove(tx, &device),
                None => wakeups::finish(tx, &device, version, sent_at),
            }
        })
        .await;
    }
}

/// One constant per device (RFC 8030 §5.4): a push that was not delivered is replaced by the next. 32 characters of base64url.
fn topic(device: &DeviceId) -> String {
    let mut topic = Hash::of(format!("countersign push topic of {device}")).to_string();
    topic.truncate(32);
    topic
}

fn classify(result: &Result<Response, CallError>, now: Timestamp) -> Reply {
    match result {
        Ok(response) => match response.status {
            200..=299 => Reply::Accepted,
            404 | 410 => Reply::Gone,
            400 | 401 | 403 => Reply::Rekey,
            408 | 429 | 500..=599 => Reply::Retry(retry_after(response, now)),
            _ => Reply::Refused,
        },
        Err(CallError::NotHttps) => Reply::Refused,
        // A name that leads inside this network looks to its device like one that leads nowhere.
        Err(_) => Reply::Retry(None),
    }
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
fn retry_after(response: &Response, now: Timestamp) -> Option<Duration> {
    let value = response.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(at.saturating_sub(Duration::from_millis(now.millis())))
}

/// A pause that grows with the attempts; at least what the service asked for.
fn pause(attempts: u32, asked: Option<Duration>, random: &dyn Random) -> Duration {
    outbox::pause(attempts, LONGEST_PAUSE, random).max(asked.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use countersign_testing::CountingRandom;

    use super::*;

    fn answered(status: u16, retry_after: Option<&'static str>) -> Result<Response, CallError> {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(value));
        }
        Ok(Response { status, headers, body: Vec::new() })
    }

    #[test]
    fn each_reply_of_a_push_service_means_one_thing() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let of = |status| classify(&answered(status, None), now);
        assert_eq!([200, 201, 202, 204].map(of), [Reply::Accepted; 4]);
        assert_eq!([404, 410].map(of), [Reply::Gone; 2]);
        assert_eq!([400, 401, 403].map(of), [Reply::Rekey; 3]);
        assert_eq!([301, 302, 307, 308, 405, 413].map(of), [Reply::Refused; 6]);
        assert_eq!([408, 429, 500, 502, 503].map(of), [Reply::Retry(None); 5]);
        assert_eq!(classify(&Err(CallError::NotHttps), now), Reply::Refused);
        for error in [CallError::TimedOut, CallError::Unreachable, CallError::NoTls, CallError::TooLarge] {
            assert_eq!(classify(&Err(error), now), Reply::Retry(None));
        }
    }

    #[test]
    fn attack_15_a_name_that_leads_inside_is_tried_like_one_that_leads_nowhere() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let [inside, nowhere] = [CallError::Blocked, CallError::Unreachable].map(|error| classify(&Err(error), now));
        assert_eq!(inside, nowhere);
    }

    #[test]
    fn a_service_that_asks_for_patience_gets_it_in_seconds_or_by_date() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let seconds = |n| Reply::Retry(Some(Duration::from_secs(n)));
        assert_eq!(classify(&answered(429, Some("17")), now), seconds(17));
        assert_eq!(classify(&answered(503, Some("Fri, 15 Jan 2027 08:01:30 GMT")), now), seconds(90));
        assert_eq!(classify(&answered(503, Some("Fri, 15 Jan 2027 07:00:00 GMT")), now), seconds(0));
        assert_eq!(classify(&answered(429, Some("soon")), now), Reply::Retry(None));
        let random = CountingRandom::seeded(8);
        assert!(pause(1, Some(Duration::from_secs(600)), &random) >= Duration::from_secs(600));
        for attempts in [1, 3, 7, 40, u32::MAX] {
            assert!(pause(attempts, None, &random) <= LONGEST_PAUSE * 3 / 2, "{attempts}");
        }
    }

    #[test]
    fn a_topic_is_the_devices_own_constant_and_as_rfc_8030_writes_it() {
        let [one, other] = ["dv_one", "dv_two"].map(|id| topic(&id.parse().expect("an id")));
        assert_ne!(one, other);
        assert_eq!((one.len(), one.clone()), (32, topic(&"dv_one".parse().expect("an id"))));
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{one}");
    }
}
