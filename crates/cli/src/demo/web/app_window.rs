//! The app as Alice's device: built while the demo runs, started with an enrollment link, and ended with the demo.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Instant;

use serde::Serialize;

use crate::demo::DemoState;
use crate::home::absolute;

/// The app's process, its program and its home.
pub struct AppWindow {
    program: PathBuf,
    build: Option<PathBuf>,
    allowed: bool,
    home: PathBuf,
    log: PathBuf,
    mark: PathBuf,
    began: Instant,
    running: Option<(Child, Option<ChildStdin>)>,
    /// The link passed to it last.
    handed: Option<String>,
    said: Option<String>,
}

/// State of the app, for the pages.
#[derive(Serialize, Clone, PartialEq, Eq)]
pub struct WindowView {
    state: &'static str,
    /// A message about it.
    said: Option<String>,
}

impl AppWindow {
    /// The app, not open. `allowed` is false with `--no-app`.
    pub fn new(state: &DemoState, allowed: bool) -> AppWindow {
        let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("countersign-app")));
        let named = std::env::var_os("COUNTERSIGN_APP").map(PathBuf::from);
        AppWindow {
            program: named.or(beside).unwrap_or_else(|| PathBuf::from("countersign-app")),
            build: std::env::var_os("COUNTERSIGN_APP_BUILD").map(PathBuf::from),
            allowed,
            home: state.path("app"),
            log: state.path("app.log"),
            mark: state.path("app.enrolled"),
            began: Instant::now(),
            running: None,
            handed: None,
            said: None,
        }
    }

    /// Its state.
    pub fn view(&mut self) -> WindowView {
        let is_building = self.build.as_ref().is_some_and(|folder| folder.join("building").exists());
        let failed = self.build.clone().filter(|folder| folder.join("failed").exists());
        let of = |state, said: Option<String>| WindowView { state, said };
        if self.is_open() {
            of("open", None)
        } else if !self.allowed {
            of("off", None)
        } else if is_building {
            let minutes = self.began.elapsed().as_secs() / 60;
            of("building", Some(format!("The window is being compiled, {minutes} min so far. It opens by itself.")))
        } else if let Some(folder) = failed {
            of("failed", Some(format!("The window could not be built; see {}.", folder.join("build.log").display())))
        } else if !self.program.exists() {
            of("absent", Some("The window is not built: make app.".to_owned()))
        } else if !has_display() {
            of("no_display", Some("There is no display here for the window.".to_owned()))
        } else {
            of("ready", self.said.clone())
        }
    }

    /// What is to come of it, for the first lines in the terminal; empty if nothing is.
    pub fn announcement(&mut self) -> &'static str {
        match self.view().state {
            "building" => ". Her window joins when it is built",
            "ready" | "open" => ". Her window opens beside it",
            _ => "",
        }
    }

    /// Whether it can be opened now.
    pub fn is_ready(&mut self) -> bool {
        self.view().state == "ready"
    }

    /// Whether it is open. Notices when a person has closed it.
    pub fn is_open(&mut self) -> bool {
        if let Some((child, _)) = &mut self.running
            && let Ok(Some(_)) = child.try_wait()
        {
            self.running = None;
            self.handed = None;
        }
        self.running.is_some()
    }

    /// Whether the app is one of Alice's devices, as far as this demo knows.
    pub fn is_enrolled(&self) -> bool {
        self.mark.exists()
    }

    /// Records that the link passed to it was used and confirmed.
    pub fn enrolled(&self) {
        if let Err(error) = fs::write(&self.mark, "") {
            tracing::warn!(%error, "it could not be noted that the window is enrolled");
        }
    }

    /// The link passed to it last.
    pub fn handed(&self) -> Option<&str> {
        self.handed.as_deref()
    }

    /// Opens the app, or passes a link to it, through a pipe that no other process can read.
    pub fn open(&mut self, link: Option<&str>) {
        if !self.is_open() {
            match self.start() {
                Ok(running) => {
                    self.running = Some(running);
                    self.said = None;
                }
                Err(error) => {
                    self.said = Some(format!("The window does not open: {error}"));
                    return;
                }
            }
        }
        if let (Some(link), Some((_, Some(stdin)))) = (link, &mut self.running)
            && self.handed.as_deref() != Some(link)
        {
            // If it is gone, the next refresh notices.
            let _ = writeln!(stdin, "{link}").and_then(|()| stdin.flush());
            self.handed = Some(link.to_owned());
        }
    }

    fn start(&self) -> std::io::Result<(Child, Option<ChildStdin>)> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.program);
        // With a key in a file: a demo leaves nothing in the person's own keyring.
        command.arg("--stop-with-stdin").arg("--home").arg(absolute(&self.home)).args(["--key", "file"]);
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).env_remove("COUNTERSIGN_HOME");
        // Ctrl-C goes to the demo, which then ends the app by closing its pipe.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        Ok((child, stdin))
    }
}

impl Drop for AppWindow {
    fn drop(&mut self) {
        self.close();
    }
}

impl AppWindow {
    /// Ends its process; it does not open again.
    pub fn close(&mut self) {
        self.allowed = false;
        if let Some((mut child, stdin)) = self.running.take() {
            drop(stdin);
            // It ends when its pipe is closed; one that hangs is killed.
            for _ in 0..100 {
                if !matches!(child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn has_display() -> bool {
    let named = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || named("DISPLAY") || named("WAYLAND_DISPLAY")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::terminal_text;
    use crate::output::Paint;

    #[test]
    fn a_window_that_was_left_out_is_not_announced() {
        let base = tempfile::tempdir().expect("a folder");
        let listen = std::net::SocketAddr::from(([127, 31, 7, 6], 4711));
        let state = DemoState::open(base.path(), listen, None, false).expect("a new state");
        let window = AppWindow::new(&state, false).announcement();
        let welcome = terminal_text::welcome(&state, "http://127.31.7.6:4712/", window, Paint::without_colours());
        assert!(welcome.contains("you are Alice\n") && !welcome.contains("window"), "{welcome}");
    }
}
