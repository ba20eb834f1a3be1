//! Routes of the pages: files, the JSON they fetch, and downloads.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use serde_json::json;

use super::page_files::{self, File};
use super::page_server::PageServer;
use super::same_origin;

/// How long a page's request for changes is held.
const WAIT: Duration = Duration::from_secs(25);

pub(super) fn router(web: PageServer) -> Router {
    let host = web.pages.host.clone();
    let served = |file: File| get(move || async move { ([(header::CONTENT_TYPE, file.kind)], file.text) });
    let pages =
        page_files::files().into_iter().fold(Router::new(), |router, file| router.route(file.path, served(file)));
    pages
        .route("/api/state", get(state))
        .route("/api/ask", post(ask))
        .route("/api/confirm", post(confirm))
        .route("/api/app", post(app))
        .route("/phone", get(phone))
        .route("/api/cheat", post(tamper))
        .route("/api/evidence/{id}", get(evidence))
        .route("/api/trust", get(trust))
        .layer(middleware::from_fn_with_state(host, same_origin::check))
        .with_state(web)
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn state(State(web): State<PageServer>, Query(After { after }): Query<After>) -> Response {
    Json(web.page_after(after, WAIT).await).into_response()
}

#[derive(Deserialize)]
struct ItemRequest {
    item: String,
}

async fn ask(State(web): State<PageServer>, Json(ItemRequest { item }): Json<ItemRequest>) -> Response {
    match web.ask(&item).await {
        Ok(id) => Json(json!({ "id": id })).into_response(),
        Err(why) => (StatusCode::BAD_REQUEST, why).into_response(),
    }
}

#[derive(Deserialize)]
struct CodeEntry {
    code: String,
}

async fn confirm(State(web): State<PageServer>, Json(CodeEntry { code }): Json<CodeEntry>) -> StatusCode {
    web.confirm(&code).await;
    StatusCode::NO_CONTENT
}

async fn app(State(web): State<PageServer>) -> StatusCode {
    web.open_window().await;
    StatusCode::NO_CONTENT
}

/// Alice's phone in a window of this browser: the device's page, by a link that is made for this press.
async fn phone(State(web): State<PageServer>, headers: HeaderMap) -> Response {
    // A page of another site would make people set up a phone that they did not ask for. "none": the person typed the address.
    let from = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    if from.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return (StatusCode::FORBIDDEN, "only the demo's own pages may do this").into_response();
    }
    match web.phone_in_this_browser().await {
        Some(Ok(page)) => Redirect::to(&page).into_response(),
        Some(Err(why)) => (StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
        None => {
            (StatusCode::SERVICE_UNAVAILABLE, "The page of Alice's phone is not built yet. The till says when it is.")
                .into_response()
        }
    }
}

#[derive(Deserialize)]
struct PaymentSelection {
    id: usize,
}

async fn tamper(State(web): State<PageServer>, Json(PaymentSelection { id }): Json<PaymentSelection>) -> Response {
    match web.tamper(id) {
        Some(result) => Json(result).into_response(),
        None => (StatusCode::NOT_FOUND, "there is no recorded payment to tamper with").into_response(),
    }
}

async fn evidence(State(web): State<PageServer>, Path(id): Path<usize>) -> Response {
    match web.evidence(id) {
        Some(file) => download("evidence.json", file),
        None => (StatusCode::NOT_FOUND, "there is no evidence yet").into_response(),
    }
}

async fn trust(State(web): State<PageServer>) -> Response {
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
