//! Liveness (`/healthz`) and readiness (`/readyz`, whether the store accepts writes). At the root of the address, whatever the
//! issuer's path; public, so that they disclose nothing else.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use countersign_jose::clock::Timestamp;
use serde_json::json;
use tokio::sync::Mutex;

use super::Parts;
use crate::http::NO_STORE;

/// Longest wait for an empty commit.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a check's result serves whoever asks, in milliseconds: each commit waits for the disk, and anybody may ask.
const SHARED_FOR: u64 = 1_000;

/// Routes of both checks.
pub(crate) fn routes(parts: &Arc<Parts>) -> Router {
    let readiness = Readiness { parts: parts.clone(), last: Arc::default() };
    Router::new()
        .route("/healthz", get(async || response(StatusCode::OK, "alive", "the process runs")))
        .route("/readyz", get(async move || readiness.respond().await))
}

/// Whether the store accepts writes, tried once a second at most.
#[derive(Clone)]
struct Readiness {
    parts: Arc<Parts>,
    /// Held while a check is under way.
    last: Arc<Mutex<Option<(Timestamp, Checked)>>>,
}

#[derive(Debug, Clone, Copy)]
enum Checked {
    Ready,
    Failed,
    Late,
}

impl Readiness {
    async fn respond(&self) -> Response {
        if self.parts.shutdown.has_begun() {
            return response(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the provider is being stopped");
        }
        match self.checked().await {
            Checked::Ready => response(StatusCode::OK, "ready", "the store accepts writes"),
            Checked::Failed => {
                response(StatusCode::SERVICE_UNAVAILABLE, "store", "the store accepts no writes; see the log")
            }
            Checked::Late => {
                response(StatusCode::SERVICE_UNAVAILABLE, "store", "the store did not answer within two seconds")
            }
        }
    }

    async fn checked(&self) -> Checked {
        let mut last = self.last.clone().lock_owned().await;
        let now = self.parts.ports.clock.now();
        // A clock that was set back makes no result last for longer.
        if let Some((_, checked)) = last.filter(|(at, _)| *at <= now && now.millis_since(*at) < SHARED_FOR) {
            return checked;
        }
        // On a task of its own: a caller that goes away leaves its result to the next.
        let parts = self.parts.clone();
        let check = tokio::spawn(async move {
            let checked = check(&parts).await;
            *last = Some((parts.ports.clock.now(), checked));
            checked
        });
        check.await.unwrap_or(Checked::Failed)
    }
}

async fn check(parts: &Parts) -> Checked {
    match tokio::time::timeout(WRITE_TIMEOUT, parts.gateway.store().try_write()).await {
        Ok(Ok(())) => Checked::Ready,
        Ok(Err(error)) => {
            tracing::error!(%error, "not ready");
            Checked::Failed
        }
        Err(_) => Checked::Late,
    }
}

fn response(status: StatusCode, state: &str, what: &str) -> Response {
    let body = json!({ "status": state, "detail": what }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json"), NO_STORE], body).into_response()
}
