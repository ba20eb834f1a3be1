//! Lines of standard input, read only on request, so that a PIN prompt can read the terminal in between.

use std::sync::mpsc as blocking;

use tokio::sync::mpsc;

/// Standard input, line by line.
pub struct StdinLines {
    wanted: blocking::Sender<()>,
    typed: mpsc::UnboundedReceiver<String>,
    waiting: bool,
}

impl StdinLines {
    /// Starts the reader on a thread of its own, so that a blocked read does not keep the process from ending.
    pub fn start() -> StdinLines {
        let (wanted, requests) = blocking::channel();
        let (sender, typed) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            while requests.recv().is_ok() {
                let mut line = String::new();
                let read = std::io::stdin().read_line(&mut line);
                if !matches!(read, Ok(bytes) if bytes > 0) || sender.send(line).is_err() {
                    return;
                }
            }
        });
        StdinLines { wanted, typed, waiting: false }
    }

    /// The next line without its line end; `None` at the end of input. Cancel-safe: no line is lost.
    pub async fn next(&mut self) -> Option<String> {
        if !self.waiting {
            self.wanted.send(()).ok()?;
            self.waiting = true;
        }
        let line = self.typed.recv().await;
        self.waiting = false;
        line.map(|line| line.trim_end_matches(['\n', '\r']).to_owned())
    }
}
