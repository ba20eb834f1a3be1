//! When a provider that is being measured stops.

use std::io::Read as _;

use tokio::signal::unix::{SignalKind, signal};

/// Resolves on Ctrl-C or SIGTERM, or, if that is wanted, at the end of standard input.
pub async fn received(with_stdin: bool) {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
        () = stdin_closed(), if with_stdin => {}
    }
}

/// A thread of its own, for a blocked read must not keep the process from ending.
async fn stdin_closed() {
    let (sender, closed) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let mut rest = [0; 256];
        let mut stdin = std::io::stdin().lock();
        while matches!(stdin.read(&mut rest), Ok(read) if read > 0) {}
        drop(sender);
    });
    let _ = closed.await;
}
