//! Stop signals: Ctrl-C, SIGTERM and SIGHUP on Unix, and the end of standard input for a parent process.

use std::io::Read as _;

/// Resolves at the first stop signal. From the first call on, the signals no longer end the process by themselves.
pub async fn received() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminate), Ok(mut hang_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
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
