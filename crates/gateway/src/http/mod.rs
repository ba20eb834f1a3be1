//! Everything a device calls, below the issuer's path.

mod answer;
mod credential;
mod device;
mod discovery;
mod fetch;
mod page;
mod received;
mod register;
mod reply;
mod resume;
mod revoke;
mod stream;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, patch, post};
use countersign_protocol::discovery::WELL_KNOWN;
use countersign_protocol::problem::ProblemCode;

use crate::Gateway;
use crate::rejection::{Rejection, reject};

/// Whether this is a query that a fetch can have.
#[cfg(fuzzing)]
pub(crate) fn read_fetch_query(query: &str) -> bool {
    fetch::parse(query).is_ok()
}

/// Whether this is the form of a revocation.
#[cfg(fuzzing)]
pub(crate) fn read_revocation(body: &[u8]) -> bool {
    revoke::Form::parse(body).is_some()
}

impl Gateway {
    /// The endpoints that devices call. A server that limits what strangers occupy adds a [`crate::CallConnection`] to each
    /// request, and learns from it who is none.
    pub fn router(&self) -> Router {
        self.router_with_enrollment_page(|| None)
    }

    /// As [`Gateway::router`], with a page of the server's own at the address of enrollment links, where it has one when asked.
    pub fn router_with_enrollment_page(
        &self,
        own: impl Fn() -> Option<Response> + Clone + Send + Sync + 'static,
    ) -> Router {
        let path = self.settings().issuer.path();
        let enroll = async move |gateway| match own() {
            Some(response) => response,
            None => page::enroll(gateway).await,
        };
        let mut router = Router::new()
            .route(&format!("/.well-known/{WELL_KNOWN}{path}"), get(discovery::document).fallback(wrong_method))
            .route(&format!("{path}/push/manifests"), get(discovery::manifests).fallback(wrong_method))
            .route(&format!("{path}/push/jwks"), get(discovery::keys).fallback(wrong_method))
            .route(&format!("{path}/push/enroll"), get(enroll).fallback(wrong_method))
            .route(&format!("{path}/push/register"), post(register::register).fallback(wrong_method))
            .route(&format!("{path}/push/resume"), post(resume::resume).fallback(wrong_method))
            .route(&format!("{path}/push/revoke"), post(revoke::revoke).fallback(wrong_method))
            .route(&format!("{path}/push/credential"), post(credential::renew).fallback(wrong_method))
            .route(&format!("{path}/push/challenges"), get(fetch::fetch).fallback(wrong_method))
            .route(&format!("{path}/push/challenges/received"), post(received::received).fallback(wrong_method))
            .route(&format!("{path}/push/device"), patch(device::patch).fallback(wrong_method))
            .route(&format!("{path}/push/device/push-test"), post(device::push_test).fallback(wrong_method))
            .route(&format!("{path}/push/device/practice"), post(device::practice).fallback(wrong_method))
            .route(&format!("{path}/push/stream"), get(stream::stream).fallback(wrong_method))
            .route(&format!("{path}/push/challenges/{{id}}/answer"), post(answer::answer).fallback(wrong_method))
            .route(&format!("{path}/push/challenges/{{id}}/refuse"), post(answer::refuse).fallback(wrong_method))
            .route(&format!("{path}/push/challenges/{{id}}/dispute"), post(answer::dispute).fallback(wrong_method))
            .route(&format!("{path}/push/{{*rest}}"), axum::routing::any(unknown_path));
        if !path.is_empty() {
            let appended = format!("{path}/.well-known/{WELL_KNOWN}");
            router = router.route(&appended, get(discovery::document).fallback(wrong_method));
        }
        router.with_state(self.clone())
    }
}

async fn wrong_method() -> Rejection {
    reject(ProblemCode::MethodNotAllowed, "This address takes another method.")
}

async fn unknown_path() -> Rejection {
    reject(ProblemCode::NotFound, "There is nothing at this address.")
}
