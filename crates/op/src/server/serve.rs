//! Serving, and graceful shutdown.

use std::future::Future;
use std::io;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::TcpListener;

use super::Provider;
use super::client_address::Peer;
use super::tls::TlsListener;
use crate::issuance::key_rotation::KeyRotation;

/// How long connections may take to finish during shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

impl Provider {
    /// Serves until `shutdown` resolves. Then long polls get their response at once, other connections three seconds to finish.
    ///
    /// # Errors
    /// The listener's error.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) -> io::Result<()> {
        match &self.parts.tls {
            None => self.serve_on(listener, shutdown).await,
            Some(tls) => {
                let watcher = tls.watch_files();
                let listener = TlsListener::over(listener, tls.config.clone())?;
                let result = self.serve_on(listener, shutdown).await;
                watcher.abort();
                result
            }
        }
    }

    async fn serve_on<L>(&self, listener: L, shutdown: impl Future<Output = ()> + Send) -> io::Result<()>
    where
        L: Listener<Addr: std::fmt::Debug>,
        for<'a> Peer: Connected<IncomingStream<'a, L>>,
    {
        let watcher = KeyRotation::watch_key_folder(self.parts.keys.clone());
        let background = [self.gateway().run_background(), self.forget_old_requests(), watcher];
        let delivery = self.run_outbox();
        let stopping = self.parts.shutdown.clone();
        let service = self.router().into_make_service_with_connect_info::<Peer>();
        let (stopped, stop_delivery) = (stopping.clone(), stopping.clone());
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move { stopped.wait().await });
        let serving = serving.into_future();
        tokio::pin!(serving);
        let result = tokio::select! {
            result = &mut serving => result,
            () = shutdown => {
                stopping.begin();
                self.gateway().close();
                tokio::time::timeout(SHUTDOWN_GRACE, serving).await.unwrap_or(Ok(()))
            }
        };
        // Deliveries in progress get their grace period too; a task that panicked was logged.
        stop_delivery.begin();
        let _ = delivery.await;
        background.iter().for_each(|task| task.abort());
        result
    }

    /// Starts delivery of pings, pushes and webhook events until shutdown.
    /// [`Provider::serve`] does this by itself; call it where [`Provider::router`] is served in another way.
    pub fn run_outbox(&self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(self.parts.delivery.clone().run())
    }
}
