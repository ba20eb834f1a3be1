//! `/metrics` in the text form of OpenMetrics, at an address of its own (`[metrics]`).

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use countersign_store::Error as StoreError;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::metrics::{Counts, Label};
use crate::server::{Parts, Provider};
use crate::store::outbox;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Provider {
    /// Routes of the address in `[metrics]`: `/metrics` alone.
    pub fn metrics_router(&self) -> Router {
        let parts = self.parts_arc();
        Router::new().route("/metrics", get(async move || metrics(&parts).await))
    }

    /// Serves [`Provider::metrics_router`] until the task is aborted, within the deadlines of every connection.
    pub async fn serve_metrics(&self, listener: TcpListener) {
        self.serve_few(self.metrics_router(), listener).await;
    }
}

async fn metrics(parts: &Arc<Parts>) -> Response {
    match metrics_text(parts).await {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be read");
            (StatusCode::SERVICE_UNAVAILABLE, "the store can't be read; see the log\n").into_response()
        }
    }
}

/// Every metric's current value.
async fn metrics_text(parts: &Parts) -> Result<String, StoreError> {
    let mut registry = Registry::with_prefix("countersign");
    parts.metrics.register(&mut registry);
    let (store, now) = (parts.gateway.store(), parts.ports.clock.now());
    let gateway = parts.gateway.clone();
    let approvals = store.read_slow(move |snapshot| gateway.pending_approvals(snapshot)).await?;
    let queued = store.read_slow(move |snapshot| outbox::queued(snapshot, now)).await?;
    let gauge = |registry: &mut Registry, name: &str, help: &str, value: u64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    gauge(&mut registry, "approvals_pending", "Approvals waiting for an answer", approvals.pending);
    gauge(
        &mut registry,
        "approvals_held",
        "Pending approvals that are listed on devices but not pushed",
        approvals.held,
    );
    gauge(&mut registry, "store_queue", "Transactions waiting for the store's one writer", store.queue());
    let waiting = Family::<[Label; 1], Gauge>::default();
    for (kind, count) in queued {
        waiting.get_or_create(&[("kind", kind)]).set(count);
    }
    registry.register("outbox", "Notifications and events waiting for delivery", waiting);
    let attempts = Counts::<2>::default();
    for one in parts.delivery.metrics.all() {
        attempts.get_or_create(&[("kind", one.kind), ("outcome", one.outcome)]).inc_by(one.count);
    }
    registry.register("notifications", "Delivery attempts to clients and the webhook, by outcome", attempts);
    let build = Family::<[Label; 1], Gauge>::default();
    build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    registry.register("build", "The running version; always 1", build);
    let mut text = String::new();
    encode(&mut text, &registry).expect("writing to a string can't fail");
    Ok(text)
}
