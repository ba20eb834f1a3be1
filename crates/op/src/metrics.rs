//! Prometheus metrics, served at an address of their own (`[metrics]`), never where clients and devices connect. No label names a
//! user, a client or a request.

use std::time::Duration;

use axum::http::StatusCode;
use countersign_gateway::PushObserver;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

pub(crate) type Label = (&'static str, &'static str);
pub(crate) type Counts<const N: usize> = Family<[Label; N], Counter>;
type Times = Family<[(&'static str, String); 1], Histogram, fn() -> Histogram>;

/// Counters and histograms since the process started.
pub(crate) struct Metrics {
    authentication_requests: Counts<1>,
    approvals: Counts<1>,
    approval_seconds: Family<[Label; 1], Histogram, fn() -> Histogram>,
    display_mismatches: Counter,
    token_responses: Counts<1>,
    http_requests: Family<[(&'static str, String); 2], Counter>,
    http_seconds: Times,
    wakeups: Counts<1>,
    wakeup_seconds: Histogram,
    connections: Gauge,
    unproven_connections: Gauge,
    connections_closed: Counts<1>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics {
            authentication_requests: Family::default(),
            approvals: Family::default(),
            approval_seconds: Family::new_with_constructor(approval_buckets),
            display_mismatches: Counter::default(),
            token_responses: Family::default(),
            http_requests: Family::default(),
            http_seconds: Family::new_with_constructor(http_buckets),
            wakeups: Family::default(),
            wakeup_seconds: Histogram::new(WAKEUP_BUCKETS),
            connections: Gauge::default(),
            unproven_connections: Gauge::default(),
            connections_closed: Family::default(),
        }
    }
}

/// Buckets in seconds, up to the longest lifetime of an ordinary request.
fn approval_buckets() -> Histogram {
    Histogram::new([1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0])
}

/// Buckets in seconds, from a page that is open to a phone that was off.
const WAKEUP_BUCKETS: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86_400.0];

/// Buckets in seconds, from a millisecond to the longest long poll.
fn http_buckets() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
}

impl Metrics {
    /// Counts a response at `/bc-authorize`; `result` is `acknowledged` or an error code.
    pub(crate) fn authentication_request(&self, result: &'static str) {
        self.authentication_requests.get_or_create(&[("result", result)]).inc();
    }

    /// Counts an approval that ended, and its time since the request.
    pub(crate) fn approval(&self, outcome: &'static str, after: Duration) {
        self.approvals.get_or_create(&[("outcome", outcome)]).inc();
        self.approval_seconds.get_or_create(&[("outcome", outcome)]).observe(after.as_secs_f64());
    }

    /// Counts an approval whose transcript is not what was asked. It ended as refused.
    pub(crate) fn display_mismatch(&self) {
        self.display_mismatches.inc();
    }

    /// Counts a response at `/token`; `result` is `tokens` or an error code.
    pub(crate) fn token_response(&self, result: &'static str) {
        self.token_responses.get_or_create(&[("result", result)]).inc();
    }

    /// Counts an HTTP response; `route` is the matched pattern, never a path.
    pub(crate) fn http_request(&self, route: &str, status: StatusCode, took: Duration) {
        let status = status.as_str().to_owned();
        self.http_requests.get_or_create(&[("route", route.to_owned()), ("status", status)]).inc();
        self.http_seconds.get_or_create(&[("route", route.to_owned())]).observe(took.as_secs_f64());
    }

    /// Sets how many connections there are, and how many of them proved no key.
    pub(crate) fn connections(&self, all: usize, unproven: usize) {
        let count = |connections: usize| i64::try_from(connections).unwrap_or(i64::MAX);
        self.connections.set(count(all));
        self.unproven_connections.set(count(unproven));
    }

    /// Counts a connection that this side ended, or did not admit.
    pub(crate) fn connection_closed(&self, reason: &'static str) {
        self.connections_closed.get_or_create(&[("reason", reason)]).inc();
    }

    /// How many connections this side ended for a reason.
    #[cfg(test)]
    pub(crate) fn closed_connections(&self, reason: &'static str) -> u64 {
        self.connections_closed.get_or_create(&[("reason", reason)]).get()
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "authentication_requests",
            "Responses at /bc-authorize: acknowledged, or the error code",
            self.authentication_requests.clone(),
        );
        registry.register("approvals", "Approvals that ended, by their outcome", self.approvals.clone());
        registry.register_with_unit(
            "approval_time",
            "From the request to the verdict",
            Unit::Seconds,
            self.approval_seconds.clone(),
        );
        registry.register(
            "display_mismatches",
            "Approvals by a device that did not show what was asked; they ended as refused",
            self.display_mismatches.clone(),
        );
        registry.register(
            "token_responses",
            "Responses at /token: tokens, or the error code",
            self.token_responses.clone(),
        );
        registry.register("http_requests", "Responses, by route pattern and status", self.http_requests.clone());
        registry.register_with_unit(
            "http_request_time",
            "Time to respond; includes the wait of long polls and streams",
            Unit::Seconds,
            self.http_seconds.clone(),
        );
        registry.register("wakeups", "Pushes to devices, by what became of them", self.wakeups.clone());
        registry.register_with_unit(
            "wakeup",
            "From a push to the device's first call after it",
            Unit::Seconds,
            self.wakeup_seconds.clone(),
        );
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register(
            "unproven_connections",
            "Open connections on which no key was proven",
            self.unproven_connections.clone(),
        );
        registry.register(
            "connections_closed",
            "Connections that the provider ended or did not admit, by reason",
            self.connections_closed.clone(),
        );
    }
}

impl PushObserver for Metrics {
    fn wakeup(&self, result: &'static str) {
        self.wakeups.get_or_create(&[("result", result)]).inc();
    }

    fn looked(&self, after: Duration) {
        self.wakeup_seconds.observe(after.as_secs_f64());
    }
}
