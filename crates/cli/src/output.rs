//! Results on standard output: text, or with `--json` one object per line and nothing else. Progress and errors go to standard
//! error.

use std::io::{self, IsTerminal as _, Write as _};

use countersign_protocol::text::escape_block;
use serde::Serialize;

use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;

/// Standard output and standard error.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    paint: Paint,
}

/// Whether colours are used: only when standard output is a terminal and `NO_COLOR` is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint(bool);

impl Output {
    /// For results as JSON or as text.
    pub fn new(json: bool) -> Output {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Output { json, paint: Paint(!json && wanted && io::stdout().is_terminal()) }
    }

    /// Whether results are JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// How to colour text.
    pub fn paint(&self) -> Paint {
        self.paint
    }

    /// Prints one result: `event` as JSON, or `text` for people.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn result(&self, event: &impl Serialize, text: impl FnOnce(Paint) -> String) -> Result<(), Failure> {
        match self.json {
            true => {
                let line = serde_json::to_string(event).expect("results are strings, numbers and lists of them");
                // A client's details keep their bytes, with line breaks between members; JSON strings hold no raw line breaks.
                print(&line.replace(['\n', '\r'], " "))
            }
            false => print(&text(self.paint)),
        }
    }

    /// Prints one result whose JSON is serialized already, on one line.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn result_json(&self, json: &str, text: impl FnOnce(Paint) -> String) -> Result<(), Failure> {
        match self.json {
            true => print(json),
            false => print(&text(self.paint)),
        }
    }

    /// Prints a message for people; nothing with `--json`.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn message(&self, text: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { print(text) }
    }

    /// Prints a prompt, without a line end.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn prompt(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        write!(out, "{text}").and_then(|()| out.flush()).map_err(closed)
    }

    /// Prints progress or a remark beside the result to standard error.
    pub fn progress(&self, text: &str) {
        // A closed standard error is no reason to stop.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Tells a mistake in the command line as an object; its text for people is printed beside it.
    pub fn usage_error(&self, text: &str) {
        // The parser's hints follow the first paragraph.
        let text = text.split("\n\n").next().unwrap_or(text).trim();
        let text = text.strip_prefix("error: ").unwrap_or(text);
        let _ = self.result(&ErrorEvent::new(ErrorCode::Usage.code(), text), |_| String::new());
    }

    /// Prints why a command ended early.
    pub fn failure(&self, failure: &Failure) {
        if failure.code == ErrorCode::OutputClosed.code() {
            return;
        }
        if self.json {
            let _ = self.result(&ErrorEvent::new(failure.code, &failure.message), |_| String::new());
        }
        // It may quote a file or a reply of somebody else's.
        let _ = writeln!(io::stderr().lock(), "countersign: {}", escape_block(&failure.message));
    }
}

impl Paint {
    /// With colours.
    #[cfg(test)]
    pub fn with_colours() -> Paint {
        Paint(true)
    }

    /// Without colours.
    #[cfg(test)]
    pub fn without_colours() -> Paint {
        Paint(false)
    }

    /// For amounts and names.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// For hints and captions.
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// White on one of the 256 colours.
    pub fn badge(self, colour: u8, text: &str) -> String {
        self.wrap(&format!("1;97;48;5;{colour}"), text)
    }

    /// Whether there are colours.
    pub fn can_colour(self) -> bool {
        self.0
    }

    /// Black on white, whatever the terminal's colours.
    pub fn black_on_white(self, text: &str) -> String {
        self.wrap("38;5;16;48;5;231", text)
    }

    /// For failures.
    pub fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// For success.
    pub fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// An error as `--json` prints it: one form for every command.
#[derive(Serialize)]
pub struct ErrorEvent<'a> {
    /// Always `error`.
    pub event: &'static str,
    /// A stable code.
    pub error: &'a str,
    /// What happened and what to do.
    pub message: &'a str,
    /// The account that it is about, where a command goes on with others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<&'a str>,
    /// Why the person denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denial_reason: Option<&'a str>,
    /// What people call the approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<&'a str>,
}

impl<'a> ErrorEvent<'a> {
    /// A stable code, and what happened and what to do.
    pub fn new(error: &'a str, message: &'a str) -> ErrorEvent<'a> {
        ErrorEvent { event: "error", error, message, account: None, denial_reason: None, r#ref: None }
    }
}

fn print(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(closed)
}

/// A reader that went away, as `head` does, has what it wants and is told nothing.
fn closed(error: io::Error) -> Failure {
    let (exit, code) = match error.kind() {
        io::ErrorKind::BrokenPipe => (Exit::OutputClosed, ErrorCode::OutputClosed),
        _ => (Exit::Usage, ErrorCode::OutputFailed),
    };
    Failure { exit, code: code.code(), message: format!("standard output can't be written: {error}") }
}
