//! Source of the PIN: a file or `COUNTERSIGN_PIN` (the device then counts as automated), or a prompt on the terminal.

use std::future::Future;
use std::io::{self, IsTerminal as _};
use std::pin::Pin as Pinned;

use countersign_device::pin::Pin;
use countersign_device::ports::user_verifier::{PinPrompt, UserVerifier, Verified};
use countersign_protocol::registration::DeviceClass;
use zeroize::Zeroizing;

use crate::arguments;
use crate::error_code::ErrorCode;
use crate::failure::Failure;
use crate::secret_file;

/// Source of the PIN.
pub enum PinPad {
    /// From a file or a variable; the device counts as automated.
    Given(Pin),
    /// Typed by a person at the terminal.
    Terminal,
    /// There is neither an option nor a terminal.
    Unavailable,
}

impl PinPad {
    /// From `--pin-file`, else `COUNTERSIGN_PIN`, else the terminal.
    ///
    /// # Errors
    /// The file can't be read, or its content is not a valid PIN.
    pub fn from_options(options: &arguments::Pin) -> Result<PinPad, Failure> {
        if let Some(file) = &options.pin_file {
            let text = secret_file::read(file, ErrorCode::PinFile, "the PIN file")?;
            return parse_pin(&text, "--pin-file");
        }
        match std::env::var("COUNTERSIGN_PIN").map(Zeroizing::new) {
            Ok(text) if !text.is_empty() => parse_pin(&text, "COUNTERSIGN_PIN"),
            // Prompts go to standard error, and rpassword reads from the terminal itself.
            _ if io::stderr().is_terminal() => Ok(PinPad::Terminal),
            _ => Ok(PinPad::Unavailable),
        }
    }

    /// Whether there is a source.
    pub fn is_available(&self) -> bool {
        !matches!(self, PinPad::Unavailable)
    }
}

/// The failure of a command that needs a PIN where none is available. `classes`: of the accounts that it is for, none for a new one.
pub fn no_pin(classes: &[DeviceClass]) -> Failure {
    let needed = "a PIN is needed, and there is no terminal to ask for it";
    let message = if classes.is_empty() {
        format!("{needed}; with --pin-file FILE or COUNTERSIGN_PIN the device is enrolled as an automated one")
    } else if classes.contains(&DeviceClass::Automated) {
        format!("{needed}; use --pin-file FILE or set COUNTERSIGN_PIN")
    } else {
        format!(
            "{needed}: only the person for whom this device was enrolled may type it, so run this at a terminal; PINs from files \
             and variables are for devices that were enrolled with one"
        )
    };
    Failure::usage(ErrorCode::NoPin, message)
}

fn parse_pin(text: &str, from: &str) -> Result<PinPad, Failure> {
    match Pin::parse(text) {
        Ok(pin) => Ok(PinPad::Given(pin)),
        Err(error) => Err(Failure::usage(ErrorCode::BadPin, format_args!("the PIN from {from} is not valid: {error}"))),
    }
}

impl UserVerifier for PinPad {
    fn verify(&self, ask: PinPrompt) -> Pinned<Box<dyn Future<Output = Option<Verified>> + Send + '_>> {
        Box::pin(async move {
            match self {
                PinPad::Given(pin) => Some(Verified::Script(pin.clone())),
                PinPad::Unavailable => None,
                PinPad::Terminal => {
                    let typed = tokio::task::spawn_blocking(move || prompt_pin(&ask)).await.ok()??;
                    Some(Verified::Pin(typed))
                }
            }
        })
    }
}

/// Asks at the terminal, without echo. `None` for an empty line: the person declined.
fn prompt_pin(ask: &PinPrompt) -> Option<Pin> {
    loop {
        let prompt = match ask {
            PinPrompt::NewPin => {
                "Choose a PIN for this account, six digits or more (nothing is shown while you type): ".to_owned()
            }
            PinPrompt::Pin { tries_left, .. } if *tries_left < 10 => format!("PIN (tries left: {tries_left}): "),
            PinPrompt::Pin { .. } => "PIN (nothing is shown while you type): ".to_owned(),
        };
        let text = read_hidden(&prompt)?;
        if text.trim().is_empty() {
            return None;
        }
        let pin = match Pin::parse(&text) {
            Ok(pin) => pin,
            Err(error) => {
                print_line(&format!("Not accepted: {error}."));
                continue;
            }
        };
        let again = matches!(ask, PinPrompt::NewPin);
        if again && Zeroizing::new(read_hidden("Repeat the PIN: ")?.trim().to_owned()).as_str() != text.trim() {
            print_line("The two differ. Try again.");
            continue;
        }
        return Some(pin);
    }
}

fn read_hidden(prompt: &str) -> Option<Zeroizing<String>> {
    rpassword::prompt_password(prompt).ok().map(Zeroizing::new)
}

fn print_line(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(io::stderr().lock(), "{text}");
}
