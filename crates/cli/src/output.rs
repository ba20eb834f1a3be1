//! Where results go: with `--json` one object a line on standard output and nothing else there, otherwise words. Progress
//! and complaints go to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;

/// Standard output and standard error of this process.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    paint: Paint,
}

/// Whether colours are used: only when standard output is a terminal and `NO_COLOR` is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint(bool);

impl Output {
    /// For this run.
    pub fn new(json: bool) -> Output {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Output { json, paint: Paint(!json && wanted && io::stdout().is_terminal()) }
    }

    /// Whether results are JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// How to colour words.
    pub fn paint(&self) -> Paint {
        self.paint
    }

    /// Prints one result.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn result(&self, event: &impl Serialize, words: impl FnOnce(Paint) -> String) -> Result<(), Failure> {
        match self.json {
            true => {
                let line = serde_json::to_string(event).expect("results are texts, numbers and lists of them");
                // A client's details keep their bytes, line breaks between members among them; inside a text JSON has none.
                print(&line.replace(['\n', '\r'], " "))
            }
            false => print(&words(self.paint)),
        }
    }

    /// Prints one result whose JSON is text already, on one line.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn result_json(&self, json: &str, words: impl FnOnce(Paint) -> String) -> Result<(), Failure> {
        match self.json {
            true => print(json),
            false => print(&words(self.paint)),
        }
    }

    /// Prints words that are no result, for people only.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn message(&self, words: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { print(words) }
    }

    /// Asks for a line: words without a line end.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn prompt(&self, words: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        write!(out, "{words}").and_then(|()| out.flush()).map_err(closed)
    }

    /// Tells what takes time, or what a person should know beside the result.
    pub fn progress(&self, words: &str) {
        // Nobody left to read it is no reason to stop.
        let _ = writeln!(io::stderr().lock(), "{words}");
    }

    /// Tells why a command ended early.
    pub fn failure(&self, failure: &Failure) {
        if failure.code == CLOSED {
            return;
        }
        if self.json {
            let line = Error { event: "error", error: failure.code, message: &failure.message };
            let _ = self.result(&line, |_| String::new());
        }
        let _ = writeln!(io::stderr().lock(), "countersign: {}", failure.message);
    }
}

impl Paint {
    /// For a terminal that shows colours.
    #[cfg(test)]
    pub fn with_colours() -> Paint {
        Paint(true)
    }

    /// For one that does not.
    #[cfg(test)]
    pub fn without_colours() -> Paint {
        Paint(false)
    }

    /// Stands out: amounts, names.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Steps back: hints, captions.
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// White on the colour of a kind.
    pub fn badge(self, colour: u8, text: &str) -> String {
        self.wrap(&format!("1;97;48;5;{colour}"), text)
    }

    /// Whether there are colours.
    pub fn can_colour(self) -> bool {
        self.0
    }

    /// Black on white, whatever the terminal's own colours are.
    pub fn black_on_white(self, text: &str) -> String {
        self.wrap("38;5;16;48;5;231", text)
    }

    /// Danger.
    pub fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// It worked.
    pub fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// The one result of a command that ended early.
#[derive(Serialize)]
struct Error<'a> {
    event: &'static str,
    error: &'static str,
    message: &'a str,
}

const CLOSED: &str = "output_closed";

fn print(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(closed)
}

fn closed(error: io::Error) -> Failure {
    Failure { exit: Exit::Usage, code: CLOSED, message: error.to_string() }
}
