//! The addresses: the pages, what they ask for, and what can be taken away.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use serde_json::json;

use super::guard;
use super::pages::{self, File};
use super::server::Web;

/// How long the page may wait for something new.
const WAIT: Duration = Duration::from_secs(25);

pub(super) fn router(web: Web) -> Router {
    let host = web.table.host.clone();
    let served = |file: File| get(move || async move { ([(header::CONTENT_TYPE, file.kind)], file.text) });
    let pages = pages::files().into_iter().fold(Router::new(), |router, file| router.route(file.path, served(file)));
    pages
        .route("/api/state", get(state))
        .route("/api/ask", post(ask))
        .route("/api/confirm", post(confirm))
        .route("/api/app", post(app))
        .route("/api/cheat", post(cheat))
        .route("/api/evidence/{id}", get(evidence))
        .route("/api/trust", get(trust))
        .layer(middleware::from_fn_with_state(host, guard::same_origin))
        .with_state(web)
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn state(State(web): State<Web>, Query(After { after }): Query<After>) -> Response {
    Json(web.page_after(after, WAIT).await).into_response()
}

#[derive(Deserialize)]
struct Wanted {
    item: String,
}

async fn ask(State(web): State<Web>, Json(Wanted { item }): Json<Wanted>) -> Response {
    match web.ask(&item).await {
        Ok(id) => Json(json!({ "id": id })).into_response(),
        Err(why) => (StatusCode::BAD_REQUEST, why).into_response(),
    }
}

#[derive(Deserialize)]
struct Typed {
    code: String,
}

async fn confirm(State(web): State<Web>, Json(Typed { code }): Json<Typed>) -> StatusCode {
    web.confirm(&code).await;
    StatusCode::NO_CONTENT
}

async fn app(State(web): State<Web>) -> StatusCode {
    web.open_window().await;
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Which {
    id: usize,
}

async fn cheat(State(web): State<Web>, Json(Which { id }): Json<Which>) -> Response {
    match web.cheat(id) {
        Some(cheated) => Json(cheated).into_response(),
        None => (StatusCode::NOT_FOUND, "there is no recorded payment to tamper with").into_response(),
    }
}

async fn evidence(State(web): State<Web>, Path(id): Path<usize>) -> Response {
    match web.evidence(id) {
        Some(file) => download("evidence.json", file),
        None => (StatusCode::NOT_FOUND, "there is no evidence yet").into_response(),
    }
}

async fn trust(State(web): State<Web>) -> Response {
    match web.trust().await {
        Ok(file) => download("trust.json", file),
        Err(failure) => (StatusCode::SERVICE_UNAVAILABLE, failure.message).into_response(),
    }
}

fn download(name: &str, text: String) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_DISPOSITION, disposition)], text)
        .into_response()
}
