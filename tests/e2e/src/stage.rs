//! A display that is not there, and the folder and address of one test.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use countersign_tests::place::Place;

/// One test's display and place.
pub struct Stage {
    /// The test's own address and folder.
    pub place: Place,
    display: Display,
}

/// An X server without a screen.
struct Display {
    child: Child,
    name: String,
}

impl Stage {
    /// A stage for the test that calls.
    ///
    /// # Panics
    /// If there is no Xvfb.
    pub fn new() -> Stage {
        Stage { place: Place::new(), display: Display::start() }
    }

    /// The display, as `DISPLAY` names it.
    pub fn display(&self) -> &str {
        &self.display.name
    }
}

impl Default for Stage {
    fn default() -> Stage {
        Stage::new()
    }
}

impl Display {
    fn start() -> Display {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp", "-noreset"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("Xvfb is installed: make setup PART=test");
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        assert!(read.is_ok() && !line.trim().is_empty(), "Xvfb names no display");
        Display { child, name: format!(":{}", line.trim()) }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
