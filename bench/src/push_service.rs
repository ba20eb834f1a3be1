//! A push service on the loopback address: accepts every push at once, and knows when each of its devices was pushed to.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::failure::Failure;

/// When the devices were pushed to, in the order of the arrivals.
type Arrivals = Arc<Mutex<Vec<(usize, Instant)>>>;

/// The service; it ends when it is dropped.
pub struct PushService {
    url: String,
    arrivals: Arrivals,
    serving: JoinHandle<()>,
}

impl PushService {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// [`Failure`] when it can't listen.
    pub async fn start() -> Result<PushService, Failure> {
        let failed = Failure::io;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed("the push service"))?;
        let address = listener.local_addr().map_err(failed("the push service"))?;
        let arrivals = Arrivals::default();
        let router = Router::new().route("/push/{device}", post(accept)).with_state(arrivals.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap_or_default() });
        Ok(PushService { url: format!("http://{address}/push"), arrivals, serving })
    }

    /// What stands before a slash and a device's number in its endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many pushes have arrived.
    pub fn count(&self) -> usize {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The device and the time of each push so far, the earliest first.
    pub fn arrivals(&self) -> Vec<(usize, Instant)> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for PushService {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(State(arrivals): State<Arrivals>, Path(device): Path<usize>) -> StatusCode {
    arrivals.lock().unwrap_or_else(PoisonError::into_inner).push((device, Instant::now()));
    StatusCode::CREATED
}
