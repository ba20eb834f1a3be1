//! A question to the person at the terminal, before something that can't be taken back.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::error_code::ErrorCode;
use crate::failure::Failure;

/// The person's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// "y" or "yes".
    Yes,
    /// Anything else.
    No,
}

/// Asks on standard error, and reads a line: of standard input, or of the terminal itself where standard input carried something
/// else.
///
/// # Errors
/// There is no terminal.
pub fn ask(question: &str, stdin_is_taken: bool) -> Result<Confirmed, Failure> {
    let nobody = || Failure::usage(ErrorCode::NobodyToAsk, "there is no terminal to ask for confirmation; use --yes");
    let mut answer = String::new();
    // A closed standard error is no reason to stop.
    let ask = || drop(write!(io::stderr(), "\n{question} [y/N] "));
    if stdin_is_taken {
        let terminal = std::fs::File::open("/dev/tty").map_err(|_| nobody())?;
        ask();
        io::BufReader::new(terminal).read_line(&mut answer).map_err(|_| nobody())?;
    } else {
        if !io::stdin().is_terminal() {
            return Err(nobody());
        }
        ask();
        io::stdin().lock().read_line(&mut answer).map_err(|_| nobody())?;
    }
    Ok(match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Confirmed::Yes,
        _ => Confirmed::No,
    })
}
