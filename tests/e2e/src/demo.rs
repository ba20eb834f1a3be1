//! `countersign demo` as a process, with its pages.

use countersign_tests::process::Process;
use serde_json::Value;

use crate::desktop::Desktop;

/// A demo that serves until it is stopped.
pub struct Demo {
    /// The process.
    pub process: Process,
    /// Its first line.
    pub ready: Value,
}

impl Demo {
    /// Starts one; it may open the window on this desktop's display.
    ///
    /// # Panics
    /// If it doesn't get ready.
    pub fn start(desktop: &Desktop, arguments: &[&str]) -> Demo {
        let listen = desktop.env.free_address().to_string();
        Demo::start_at(desktop, &listen, arguments)
    }

    /// Starts one whose requests live for so many seconds, unless they are answered.
    ///
    /// # Panics
    /// If it doesn't get ready.
    pub fn impatient(desktop: &Desktop, seconds: u32) -> Demo {
        let address = desktop.env.free_address();
        let listen = address.to_string();
        let mut first = Demo::start_at(desktop, &listen, &["--no-app"]);
        first.process.terminate();
        assert_eq!(first.process.exit(), 0);
        let file = desktop.env.path(&format!("demo/{}/provider.toml", address.port()));
        let settings = std::fs::read_to_string(&file).expect("the demo keeps its provider's settings");
        let lived = settings.replace("[policy]\n", &format!("[policy]\nttl = {seconds}\n"));
        assert_ne!(lived, settings, "the settings have a policy");
        std::fs::write(&file, lived).expect("written");
        Demo::start_at(desktop, &listen, &["--no-app"])
    }

    fn start_at(desktop: &Desktop, listen: &str, arguments: &[&str]) -> Demo {
        let mut command = desktop.env.command(&["demo", "--json", "--listen", listen, "--home", "demo"]);
        command.args(arguments).env("DISPLAY", desktop.display()).env("GDK_BACKEND", "x11");
        command.env("LIBGL_ALWAYS_SOFTWARE", "1").env("NO_AT_BRIDGE", "1");
        let mut process = Process::start(&desktop.env, "demo", command);
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
