//! One running process: its lines of JSON, its exit code, and its output when a test fails.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use serde_json::Value;

use crate::PATIENCE;
use crate::test_env::TestEnv;

/// A process that is killed, by its id, when it goes out of scope.
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Every line of standard output so far.
    seen: Vec<String>,
    stderr: PathBuf,
    status: Option<ExitStatus>,
}

/// A process that ended by itself.
pub struct Finished {
    /// Its exit code; 128 and the signal's number if a signal ended it.
    pub code: i32,
    /// Its standard output, every line.
    pub output: Vec<String>,
    /// Its standard error.
    pub errors: String,
}

impl Process {
    /// Starts the command. Standard error goes to `<name>.stderr` in the test's folder, after what earlier processes of this name
    /// said there.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn start(env: &TestEnv, name: &str, mut command: Command) -> Process {
        let stderr = env.path(&format!("{name}.stderr"));
        let file = File::options().create(true).append(true).open(&stderr).expect("a file for standard error");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} could not be started: {error}"));
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let (sender, lines) = channel();
        std::thread::spawn(move || pass_on(BufReader::new(stdout), &sender));
        Process {
            name: name.to_owned(),
            stdin: child.stdin.take(),
            child,
            lines,
            seen: Vec::new(),
            stderr,
            status: None,
        }
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of JSON whose `event` is this one; lines before it are passed over.
    ///
    /// # Panics
    /// If it doesn't come, or anything but one JSON object a line does.
    pub fn line(&mut self, event: &str) -> Value {
        self.line_where(event, |_| true)
    }

    /// The next line of this event that fits.
    ///
    /// # Panics
    /// As [`Process::line`].
    pub fn line_where(&mut self, event: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = match self.next(deadline) {
                Ok(line) => line,
                Err(why) => self.fail(&format!("{why} while a line \"{event}\" was awaited")),
            };
            let value = parse(&line).unwrap_or_else(|| self.fail(&format!("this is not one JSON object: {line}")));
            if value["event"] == event && fits(&value) {
                return value;
            }
        }
    }

    /// The next line, whatever it is.
    ///
    /// # Panics
    /// If none comes.
    pub fn any_line(&mut self) -> String {
        self.next(Instant::now() + PATIENCE).unwrap_or_else(|why| self.fail(&format!("{why} while a line was awaited")))
    }

    /// Writes a line to the process's standard input.
    ///
    /// # Panics
    /// If the process does not read any more.
    pub fn say(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        let written = writeln!(stdin, "{text}").and_then(|()| stdin.flush());
        if let Err(error) = written {
            self.fail(&format!("nobody reads standard input ({error})"));
        }
    }

    /// Closes standard input, as the end of a pipe does.
    pub fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// Waits until the process ends by itself.
    ///
    /// # Panics
    /// If it doesn't.
    pub fn finish(mut self) -> Finished {
        let code = self.exit();
        let errors = String::from_utf8_lossy(&std::fs::read(&self.stderr).unwrap_or_default()).into_owned();
        Finished { code, output: std::mem::take(&mut self.seen), errors }
    }

    /// Waits until the process ends by itself, and says with which code.
    ///
    /// # Panics
    /// If it doesn't.
    pub fn exit(&mut self) -> i32 {
        self.hang_up();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next(deadline) {
                Ok(_) => {}
                Err(Silence::Ended) => break,
                Err(Silence::Late) => self.fail("it was to end and still runs"),
            }
        }
        code(self.wait())
    }

    /// `kill -9`: the process gets no chance to do anything more. Returns when it is gone.
    pub fn kill_9(&mut self) {
        let _ = self.child.kill();
        self.wait();
    }

    /// Asks the process to stop (`SIGTERM`).
    ///
    /// # Panics
    /// If the signal can't be sent.
    pub fn terminate(&self) {
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIGTERM could not be sent to {}", self.name);
    }

    /// The lines of this event among those seen so far, oldest first.
    pub fn seen(&self, event: &str) -> Vec<Value> {
        self.seen.iter().filter_map(|line| parse(line)).filter(|value| value["event"] == event).collect()
    }

    fn next(&mut self, deadline: Instant) -> Result<String, Silence> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => {
                self.seen.push(line.clone());
                Ok(line)
            }
            Err(RecvTimeoutError::Timeout) => Err(Silence::Late),
            Err(RecvTimeoutError::Disconnected) => Err(Silence::Ended),
        }
    }

    fn wait(&mut self) -> ExitStatus {
        *self.status.get_or_insert_with(|| self.child.wait().expect("a child can be waited for"))
    }

    /// Fails the test. The process's standard error follows when the test's [`TestEnv`] is dropped.
    fn fail(&self, what: &str) -> ! {
        panic!("{}: {what}\nits standard output so far:\n{}", self.name, self.seen.join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.kill_9();
        }
    }
}

impl Finished {
    /// The one line of this event.
    ///
    /// # Panics
    /// If there is none or several.
    pub fn line(&self, event: &str) -> Value {
        let mut lines = self.lines(event);
        assert!(lines.len() == 1, "one line \"{event}\" was expected:\n{}\n{}", self.output.join("\n"), self.errors);
        lines.remove(0)
    }

    /// All lines of this event.
    ///
    /// # Panics
    /// If standard output has anything but JSON.
    pub fn lines(&self, event: &str) -> Vec<Value> {
        let all = self.output.iter().map(|line| parse(line).unwrap_or_else(|| panic!("not a JSON object: {line}")));
        all.filter(|value| value["event"] == event).collect()
    }

    /// Checks the exit code.
    ///
    /// # Panics
    /// If it is another.
    pub fn expect_code(self, code: i32) -> Finished {
        let (output, errors) = (self.output.join("\n"), &self.errors);
        assert_eq!(self.code, code, "the exit code\nstandard output:\n{output}\nstandard error:\n{errors}");
        self
    }
}

/// Why there is no line.
#[derive(Debug, Clone, Copy)]
enum Silence {
    Late,
    Ended,
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Silence::Late => "nothing came for 30 seconds",
            Silence::Ended => "it ended",
        })
    }
}

fn pass_on(stdout: BufReader<std::process::ChildStdout>, sender: &Sender<String>) {
    for line in stdout.lines() {
        let Ok(line) = line else { return };
        if sender.send(line).is_err() {
            return;
        }
    }
}

fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(Value::is_object)
}

#[cfg(unix)]
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

#[cfg(not(unix))]
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(128)
}

/// The ids of all processes that work in this folder, as every process of a test does. Where there is no `/proc`, none are found.
pub fn processes_in(folder: &Path) -> Vec<u32> {
    let folder = folder.canonicalize().expect("a test's folder exists");
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id: &u32| std::fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|cwd| cwd == folder)).collect()
}
