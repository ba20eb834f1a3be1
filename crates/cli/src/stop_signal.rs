//! Stop signals: Ctrl-C, SIGTERM and SIGHUP on Unix, and the end of standard input for a parent process.

use std::io::Read as _;

/// Takes the stop signals over at once: from this call on they no longer end the process by themselves. The future resolves at the
/// first of them. Called before a program says that it is ready, since its parent may stop it right after.
#[cfg(unix)]
pub fn received() -> impl Future<Output = ()> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    // Without a handler the signal ends the process, as it would have anyway.
    let listen = |kind| signal(kind).ok();
    async fn next(signal: Option<Signal>) {
        match signal {
            Some(mut signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
    let [interrupt, terminate, hang_up] =
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(listen);
    async move {
        tokio::select! {
            () = next(interrupt) => {}
            () = next(terminate) => {}
            () = next(hang_up) => {}
        }
    }
}

/// As on Unix, for Ctrl-C alone.
#[cfg(not(unix))]
pub async fn received() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Resolves when standard input closes, if `wanted`; otherwise never. Reads on a thread of its own, so that a blocked read does not
/// keep the process from ending.
pub async fn stdin_closed(wanted: bool) {
    if !wanted {
        return std::future::pending().await;
    }
    let (sender, closed) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut rest = [0; 256];
        let mut stdin = std::io::stdin().lock();
        while matches!(stdin.read(&mut rest), Ok(read) if read > 0) {}
        let _ = sender.send(());
    });
    // The thread sends or panics; either way standard input is at its end.
    let _ = closed.await;
}
