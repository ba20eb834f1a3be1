//! A push endpoint of this process's own, on loopback: the example of a [`Wake`]. What arrives is decrypted (RFC 8291), and makes the
//! device look; nothing of it is shown.

mod listener;
mod registration;
mod subscription;

use std::net::SocketAddr;

use countersign_device::account::AccountId;
use countersign_device::ports::maybe_send::BoxFuture;
use countersign_device::ports::wake::{PullNow, Wake};
use countersign_protocol::push::PushAddress;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::subscription::Subscriptions;
use crate::error_code::ErrorCode;
use crate::failure::Failure;

pub use self::registration::{LeftBehind, NOT_WITHDRAWN, Registrations, for_tests_alone, withdrawn};

/// The endpoint. It stops listening when it is dropped.
pub struct PushEndpoint {
    at: SocketAddr,
    subscriptions: Subscriptions,
    serving: JoinHandle<()>,
}

/// Wakes the device at each push.
pub struct PushWake(mpsc::Receiver<PullNow>);

impl PushEndpoint {
    /// Listens at this loopback address.
    ///
    /// # Errors
    /// It is none, or can't be listened on.
    pub async fn listen(at: SocketAddr) -> Result<(PushEndpoint, PushWake), Failure> {
        if !at.ip().is_loopback() {
            let what = format!("{at} is not a loopback address: this endpoint is for tests; use 127.0.0.1:0");
            return Err(Failure::usage(ErrorCode::NotLoopback, what));
        }
        let failed = |error| Failure::usage(ErrorCode::Listen, format!("can't listen on {at} for pushes: {error}"));
        let listener = TcpListener::bind(at).await.map_err(failed)?;
        let at = listener.local_addr().map_err(failed)?;
        let subscriptions = Subscriptions::default();
        // One look brings all: pushes that come before it began add nothing.
        let (waker, wakes) = mpsc::channel(1);
        let serving = tokio::spawn(listener::serve(listener, subscriptions.clone(), waker));
        Ok((PushEndpoint { at, subscriptions, serving }, PushWake(wakes)))
    }

    /// The address for an account, with keys and an unguessable path of its own.
    pub fn address(&self, account: &AccountId) -> PushAddress {
        self.subscriptions.address(account, self.at)
    }

    /// Where it listens. The paths below are capabilities, and in no message.
    pub fn at(&self) -> SocketAddr {
        self.at
    }
}

impl Drop for PushEndpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Wake for PushWake {
    fn next(&mut self) -> BoxFuture<'_, Option<PullNow>> {
        Box::pin(self.0.recv())
    }
}
