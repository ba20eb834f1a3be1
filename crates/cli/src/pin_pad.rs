//! Where a PIN comes from: a file or `COUNTERSIGN_PIN` (then no person was there), else typed at the terminal.

use std::future::Future;
use std::io::{self, IsTerminal as _};
use std::pin::Pin as Pinned;

use countersign_device::pin::{Pin, PinEntry, PinSource};
use countersign_device::ports::user_verifier::{PinPrompt, UserVerifier};
use zeroize::Zeroizing;

use crate::arguments;
use crate::failure::Failure;

/// How this run gets a PIN when one is needed.
pub enum PinPad {
    /// Known before the run; the device counts as automated.
    Given(PinEntry),
    /// A person types it.
    Terminal,
    /// Nobody is there to ask.
    Unavailable,
}

impl PinPad {
    /// As the options and the environment say.
    ///
    /// # Errors
    /// A file that can't be read, or what is given is no PIN.
    pub fn from_options(options: &arguments::Pin) -> Result<PinPad, Failure> {
        if let Some(file) = &options.pin_file {
            let text = std::fs::read_to_string(file).map(Zeroizing::new).map_err(|error| {
                Failure::usage("pin_file", format_args!("the PIN's file {} can't be read: {error}", file.display()))
            })?;
            return given(&text, "--pin-file");
        }
        match std::env::var("COUNTERSIGN_PIN").map(Zeroizing::new) {
            Ok(text) if !text.is_empty() => given(&text, "COUNTERSIGN_PIN"),
            // Prompts go to standard error, and rpassword reads from the terminal itself.
            _ if io::stderr().is_terminal() => Ok(PinPad::Terminal),
            _ => Ok(PinPad::Unavailable),
        }
    }

    /// Whether somebody or something can give a PIN.
    pub fn is_available(&self) -> bool {
        !matches!(self, PinPad::Unavailable)
    }
}

/// What to do where no PIN can be had.
pub fn no_pin() -> Failure {
    Failure::usage(
        "no_pin",
        "this needs a PIN and there is no terminal to ask; say --pin-file FILE or set COUNTERSIGN_PIN",
    )
}

fn given(text: &str, from: &str) -> Result<PinPad, Failure> {
    match Pin::parse(text) {
        Ok(pin) => Ok(PinPad::Given(PinEntry { pin, source: PinSource::Script })),
        Err(error) => Err(Failure::usage("bad_pin", format_args!("what {from} gives is no PIN: {error}"))),
    }
}

impl UserVerifier for PinPad {
    fn verify(&self, ask: PinPrompt) -> Pinned<Box<dyn Future<Output = Option<PinEntry>> + Send + '_>> {
        Box::pin(async move {
            match self {
                PinPad::Given(entry) => Some(entry.clone()),
                PinPad::Unavailable => None,
                PinPad::Terminal => {
                    let typed = tokio::task::spawn_blocking(move || typed(&ask)).await.ok()??;
                    Some(PinEntry { pin: typed, source: PinSource::Person })
                }
            }
        })
    }
}

/// Asks at the terminal, without an echo. `None` for an empty line: the person would not.
fn typed(ask: &PinPrompt) -> Option<Pin> {
    loop {
        let prompt = match ask {
            PinPrompt::NewPin => {
                "Choose a PIN for this account, six digits or more (nothing is shown while you type): ".to_owned()
            }
            PinPrompt::Pin { tries_left, .. } if *tries_left < 10 => format!("PIN (tries left: {tries_left}): "),
            PinPrompt::Pin { .. } => "PIN (nothing is shown while you type): ".to_owned(),
        };
        let text = hidden(&prompt)?;
        if text.trim().is_empty() {
            return None;
        }
        let pin = match Pin::parse(&text) {
            Ok(pin) => pin,
            Err(error) => {
                say(&format!("Not taken: {error}."));
                continue;
            }
        };
        let again = matches!(ask, PinPrompt::NewPin);
        if again && Zeroizing::new(hidden("The same PIN again: ")?.trim().to_owned()).as_str() != text.trim() {
            say("The two differ. Once more.");
            continue;
        }
        return Some(pin);
    }
}

fn hidden(prompt: &str) -> Option<Zeroizing<String>> {
    rpassword::prompt_password(prompt).ok().map(Zeroizing::new)
}

fn say(words: &str) {
    use std::io::Write as _;
    let _ = writeln!(io::stderr().lock(), "{words}");
}
