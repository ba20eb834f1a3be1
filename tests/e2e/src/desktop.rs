//! The X server without a screen (Xvfb), and the folder and address of one test.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use countersign_tests::test_env::TestEnv;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt as _, InputFocus, MapState};

/// One test's display and environment.
pub struct Desktop {
    /// The test's own address and folder.
    pub env: TestEnv,
    display: Display,
}

/// Gives the keyboard to the largest window on the display, as a window manager would: without it no page has the focus.
fn focus(display: &str) -> Option<()> {
    let (connection, screen) = x11rb::connect(Some(display)).ok()?;
    let root = connection.setup().roots.get(screen)?.root;
    let windows = connection.query_tree(root).ok()?.reply().ok()?.children;
    let visible = windows.into_iter().filter_map(|window| {
        let is_seen = connection.get_window_attributes(window).ok()?.reply().ok()?.map_state == MapState::VIEWABLE;
        let shape = connection.get_geometry(window).ok()?.reply().ok().filter(|_| is_seen)?;
        Some((u32::from(shape.width) * u32::from(shape.height), window))
    });
    let (_, largest) = visible.max()?;
    connection.set_input_focus(InputFocus::POINTER_ROOT, largest, x11rb::CURRENT_TIME).ok()?.check().ok()
}

/// An X server without a screen.
struct Display {
    child: Child,
    name: String,
}

impl Desktop {
    /// A display and an environment for the calling test.
    ///
    /// # Panics
    /// If there is no Xvfb.
    pub fn new() -> Desktop {
        Desktop { env: TestEnv::new(), display: Display::start() }
    }

    /// Gives the keyboard to the one window there is.
    ///
    /// # Panics
    /// If there is none.
    pub fn focus(&self) {
        focus(self.display()).expect("there is a window to focus");
    }

    /// The display, as `DISPLAY` names it.
    pub fn display(&self) -> &str {
        &self.display.name
    }
}

impl Default for Desktop {
    fn default() -> Desktop {
        Desktop::new()
    }
}

impl Display {
    fn start() -> Display {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1600x2600x24", "-nolisten", "tcp", "-noreset"]);
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
