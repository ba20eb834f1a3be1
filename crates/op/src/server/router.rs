//! Routes: the endpoints and the gateway's routes below the issuer's path, discovery, health.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};

use super::client_address::with_client_address;
use super::middleware::with_middleware;
use super::{Parts, Provider, health};
use crate::auth0;
use crate::device_page;
use crate::endpoints::authorize::authorize;
use crate::endpoints::bc_authorize::bc_authorize;
use crate::endpoints::discovery;
use crate::endpoints::interaction_id::echo_interaction_id;
use crate::endpoints::introspect::introspect;
use crate::endpoints::register::register;
use crate::endpoints::revoke::revoke;
use crate::endpoints::token::{token, token_of_auth0};
use crate::endpoints::userinfo::userinfo;
use crate::http::{ErrorCode, OAuthError};

impl Provider {
    /// All routes, the gateway's included, with middleware.
    pub fn router(&self) -> Router {
        let (parts, endpoints) = (&self.parts, &self.parts.endpoints);
        let path = parts.config.issuer.path();
        let at = |name: &str| format!("{path}{name}");
        let mut routes = documents(parts)
            .route(
                &at(discovery::BC_AUTHORIZE),
                only_post(post(bc_authorize)).with_state(endpoints.bc_authorize.clone()),
            )
            .route(&at(discovery::REVOKE), only_post(post(revoke)).with_state(endpoints.revoke.clone()))
            .route(
                &at(discovery::INTROSPECT),
                interacting(only_post(post(introspect)).with_state(endpoints.introspect.clone())),
            )
            .route(
                &at(discovery::USERINFO),
                interacting(get(userinfo).post(userinfo).with_state(endpoints.userinfo.clone())),
            )
            .route(&at(discovery::TOKEN), only_post(post(token)).with_state(endpoints.token.clone()))
            .route(&at(auth0::TOKEN), only_post(post(token_of_auth0)).with_state(endpoints.token.clone()));
        if parts.config.registration.enabled {
            let state = endpoints.register.clone();
            routes = routes.route(&at(discovery::REGISTER), only_post(post(register)).with_state(state));
        }
        if parts.config.authorization_endpoint {
            routes = routes.route(&at(discovery::AUTHORIZE), any(authorize));
        }
        let own = self.device_page.clone();
        let gateway = parts.gateway.router_with_enrollment_page(move || Some(own.get()?.hand_over()));
        let page = device_page::routes(&parts.config, self.device_page.clone());
        let routes = routes.merge(gateway).merge(page).merge(health::routes(parts));
        with_client_address(with_middleware(routes, &parts.metrics, &parts.ports.random), &parts.config.proxies)
    }
}

/// Provider metadata at both well-known addresses (appended to the issuer: OpenID Connect Discovery §4; between host and path:
/// RFC 8414 §3.1), and the JWKS.
fn documents(parts: &Arc<Parts>) -> Router {
    let path = parts.config.issuer.path();
    let mut places = vec![];
    for name in discovery::WELL_KNOWN {
        places.push(format!("{path}/.well-known/{name}"));
        if !path.is_empty() {
            places.push(format!("/.well-known/{name}{path}"));
        }
    }
    let mut routes = Router::new();
    for place in places {
        let parts = parts.clone();
        routes = routes.route(&place, get(async move || discovery::document(parts.metadata.clone())));
    }
    for name in [discovery::JWKS, auth0::JWKS] {
        let parts = parts.clone();
        let keys = get(async move || discovery::document(parts.keys.published_keys().await));
        routes = routes.route(&format!("{path}{name}"), keys);
    }
    routes
}

/// A protected resource, which sends `x-fapi-interaction-id` back.
fn interacting(route: MethodRouter) -> MethodRouter {
    route.layer(middleware::from_fn(echo_interaction_id))
}

/// Responds 405 to every other method (RFC 6749 §3.2, CIBA Core §7.1).
fn only_post<S: Clone + Send + Sync + 'static>(route: MethodRouter<S>) -> MethodRouter<S> {
    route.fallback(method_not_allowed)
}

async fn method_not_allowed() -> Response {
    let error = OAuthError::new(ErrorCode::InvalidRequest, "this endpoint takes POST only");
    let mut response = error.with_status(StatusCode::METHOD_NOT_ALLOWED).into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}
