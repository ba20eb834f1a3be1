//! Being asked to stop: Ctrl-C, SIGTERM where there are signals, or the end of standard input where a parent wants that.

use std::io::Read as _;

/// Ends when the process is asked to stop. From the first call on, the signals no longer end the process by themselves.
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

/// Ends when standard input does, if that is wanted. A thread of its own, for a blocked read must not keep the process from
/// ending.
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
    // The thread sends or dies; both mean that nothing more can be read.
    let _ = closed.await;
}
