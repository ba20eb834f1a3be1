//! Serving, and graceful shutdown.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use super::Provider;
use super::connections::{ConnectionLimits, Server, raise_descriptor_limit};
use crate::issuance::key_rotation::KeyRotation;

/// How long connections may take to finish during shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

impl Provider {
    /// Serves until `shutdown` resolves. Then long polls get their response at once, other connections three seconds to finish.
    ///
    /// # Errors
    /// The listener's error.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) -> io::Result<()> {
        self.serve_all(vec![listener], shutdown).await
    }

    /// As [`Provider::serve`], at several addresses: `localhost` has two.
    ///
    /// # Errors
    /// The listeners' error.
    pub async fn serve_all(
        &self,
        listeners: Vec<TcpListener>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        let parts = &self.parts;
        let certificate = parts.tls.as_ref().map(super::tls::Tls::watch_files);
        let watcher = KeyRotation::watch_key_folder(parts.keys.clone());
        let mark = parts.keep_mark_each_second();
        let background = [self.gateway().run_background(), self.forget_old_requests(), watcher, mark];
        let delivery = self.run_outbox();
        let pushes = self.gateway().run_push_sender();
        let server = self.server(ConnectionLimits::for_descriptors(raise_descriptor_limit()));
        let stopping = parts.shutdown.clone();
        let serving = server.serve(listeners, stopping.wait());
        tokio::pin!(serving);
        tokio::select! {
            () = &mut serving => {}
            () = shutdown => {
                stopping.begin();
                self.gateway().close();
                let _ = tokio::time::timeout(SHUTDOWN_GRACE, serving).await;
            }
        }
        // Deliveries in progress get their grace period too; a task that panicked was logged.
        stopping.begin();
        let _ = delivery.await;
        self.gateway().close();
        if let Some(pushes) = pushes {
            let _ = pushes.await;
        }
        background.iter().chain(&certificate).for_each(|task| task.abort());
        parts.keep_mark(0).await;
        Ok(())
    }

    /// Serves other routes than those of clients and devices to a few callers, until the task is aborted.
    pub(crate) async fn serve_few(&self, routes: Router, listener: TcpListener) {
        let (proxies, mode) = (self.parts.config.proxies.clone(), self.parts.config.mode);
        // Counted apart: what clients and devices do is what the metrics are about.
        let server = Server::new(routes, None, ConnectionLimits::few(), proxies, mode, Arc::default());
        server.serve(vec![listener], std::future::pending()).await;
    }

    fn server(&self, limits: ConnectionLimits) -> Server {
        let parts = &self.parts;
        let tls = parts.tls.as_ref().map(|tls| tls.config.clone());
        let (proxies, mode) = (parts.config.proxies.clone(), parts.config.mode);
        Server::new(self.router(), tls, limits, proxies, mode, parts.metrics.clone())
    }

    /// Starts delivery of pings, pushes and webhook events until shutdown.
    /// [`Provider::serve`] does this by itself; call it where [`Provider::router`] is served in another way.
    pub fn run_outbox(&self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(self.parts.delivery.clone().run())
    }
}
