//! A client's notification endpoint for tests without a runtime: an [`HttpsServer`] on a thread of its own.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use countersign_testing::https_server::{HttpsServer, ReceivedRequest};
use tokio::runtime::{Builder, Runtime};

use crate::tls::Certificates;

/// The endpoint; stops when dropped.
pub struct Receiver {
    server: HttpsServer,
    runtime: Runtime,
    /// How many requests [`Receiver::call`] and [`Receiver::rest`] have returned.
    returned: Mutex<usize>,
}

impl Receiver {
    /// Listens at this address of the machine with a certificate for it, and answers 204.
    ///
    /// # Panics
    /// If it can't.
    pub fn start(address: IpAddr, certificates: &Certificates) -> Receiver {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let server = runtime.block_on(HttpsServer::start(&certificates.issuer, &address.to_string(), &[]));
        Receiver { server, runtime, returned: Mutex::default() }
    }

    /// An address of this endpoint.
    pub fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// The status of the responses from now on.
    pub fn answer(&self, status: u16) {
        self.server.set_default_status(status);
    }

    /// The next call.
    ///
    /// # Panics
    /// If none comes.
    pub fn call(&self) -> ReceivedRequest {
        let mut returned = self.returned.lock().unwrap_or_else(PoisonError::into_inner);
        let mut requests = self.runtime.block_on(self.server.wait_for(*returned + 1));
        *returned += 1;
        requests.swap_remove(*returned - 1)
    }

    /// The calls that arrived and were not yet returned by [`Receiver::call`].
    pub fn rest(&self) -> Vec<ReceivedRequest> {
        let mut returned = self.returned.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = self.server.requests().split_off(*returned);
        *returned += rest.len();
        rest
    }
}
