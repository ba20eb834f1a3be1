//! `countersign demo` as a process, with its pages.

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
        Demo::start_at(stage, &listen, arguments)
    }

    /// Starts one whose requests live for so many seconds, unless they are answered.
    ///
    /// # Panics
    /// If it doesn't get ready.
    pub fn impatient(stage: &Stage, seconds: u32) -> Demo {
        let address = stage.place.free_address();
        let listen = address.to_string();
        let mut first = Demo::start_at(stage, &listen, &["--no-app"]);
        first.process.terminate();
        assert_eq!(first.process.exit(), 0);
        let file = stage.place.path(&format!("demo/{}/provider.toml", address.port()));
        let settings = std::fs::read_to_string(&file).expect("the demo keeps its provider's settings");
        let lived = settings.replace("[policy]\n", &format!("[policy]\nttl = {seconds}\n"));
        assert_ne!(lived, settings, "the settings have a policy");
        std::fs::write(&file, lived).expect("written");
        Demo::start_at(stage, &listen, &["--no-app"])
    }

    fn start_at(stage: &Stage, listen: &str, arguments: &[&str]) -> Demo {
        let mut command = stage.place.command(&["demo", "--json", "--listen", listen, "--home", "demo"]);
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
        self.text("till_url")
    }

    /// A member of the first line.
    ///
    /// # Panics
    /// If it has none of this name.
    pub fn text(&self, member: &str) -> &str {
        self.ready[member].as_str().unwrap_or_else(|| panic!("the first line names {member}: {}", self.ready))
    }
}
