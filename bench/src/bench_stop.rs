//! Stop signals of the provider under test.

use std::io::Read as _;

use tokio::signal::unix::{SignalKind, signal};

/// Resolves at Ctrl-C or SIGTERM, or, with `with_stdin`, when standard input closes.
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

/// Reads on a thread of its own, so that a blocked read does not keep the process from ending.
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
