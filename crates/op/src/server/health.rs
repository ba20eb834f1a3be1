//! Liveness (`/healthz`) and readiness (`/readyz`, whether the store accepts writes). At the root of the address, whatever the
//! issuer's path; public, so that they disclose nothing else.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use super::Parts;
use crate::http::NO_STORE;

/// Longest wait for an empty commit.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// Routes of both checks.
pub(crate) fn routes(parts: &Arc<Parts>) -> Router {
    let parts = parts.clone();
    Router::new()
        .route("/healthz", get(async || response(StatusCode::OK, "alive", "the process runs")))
        .route("/readyz", get(async move || readiness(&parts).await))
}

async fn readiness(parts: &Parts) -> Response {
    if parts.shutdown.has_begun() {
        return response(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the provider is being stopped");
    }
    let written = tokio::time::timeout(WRITE_TIMEOUT, parts.gateway.store().try_write()).await;
    match written {
        Ok(Ok(())) => response(StatusCode::OK, "ready", "the store accepts writes"),
        Ok(Err(error)) => {
            tracing::error!(%error, "not ready");
            response(StatusCode::SERVICE_UNAVAILABLE, "store", "the store accepts no writes; see the log")
        }
        Err(_) => response(StatusCode::SERVICE_UNAVAILABLE, "store", "the store did not answer within two seconds"),
    }
}

fn response(status: StatusCode, state: &str, what: &str) -> Response {
    let body = json!({ "status": state, "detail": what }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json"), NO_STORE], body).into_response()
}
