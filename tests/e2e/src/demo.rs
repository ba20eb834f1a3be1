//! `countersign demo` as a process, with its till.

use countersign_tests::process::Process;
use serde_json::Value;

use crate::stage::Stage;

/// A demo that serves until it is stopped.
pub struct Demo {
    /// The process.
    pub process: Process,
    /// Its first line.
    pub ready: Value,
}

impl Demo {
    /// Starts one; it may open the window on the stage's display.
    ///
    /// # Panics
    /// If it doesn't get ready.
    pub fn start(stage: &Stage, arguments: &[&str]) -> Demo {
        let listen = stage.place.free_address().to_string();
        let mut command = stage.place.command(&["demo", "--json", "--listen", &listen, "--home", "demo"]);
        command.args(arguments).env("DISPLAY", stage.display()).env("GDK_BACKEND", "x11");
        command.env("LIBGL_ALWAYS_SOFTWARE", "1").env("NO_AT_BRIDGE", "1");
        let mut process = Process::start(&stage.place, "demo", command);
        let ready = process.line("ready");
        Demo { process, ready }
    }

    /// The till's page.
    ///
    /// # Panics
    /// If the first line has none.
    pub fn till_url(&self) -> &str {
        self.ready["till_url"].as_str().expect("ready names the till")
    }
}
