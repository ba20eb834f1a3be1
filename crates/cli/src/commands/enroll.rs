//! `countersign enroll`: shows provider and user of an enrollment link, asks for confirmation, and enrolls the device.

use std::io::{self, BufRead as _, Read as _};
use std::path::PathBuf;

use countersign_device::{EnrollmentResult, LinkPreview};
use countersign_protocol::link::{EnrollmentLink, LinkError};
use countersign_protocol::registration::{Confirm, DeviceClass, KeyProtection};
use serde::Serialize;

use crate::arguments::Enroll;
use crate::confirmation::{self, Confirmed};
use crate::device_failure;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::next_command;
use crate::open_device;
use crate::output::{Output, Paint};
use crate::pin_pad::{self, PinPad};
use crate::request_text::one_line;

#[derive(Serialize)]
struct Event<'a> {
    event: &'static str,
    #[serde(flatten)]
    enrolled: &'a EnrollmentResult,
}

/// Runs the command.
pub async fn run(enroll: Enroll, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let link = link(&enroll)?;
    // Before a PIN is asked for: without a link it would be of no use.
    let parsed: Result<EnrollmentLink, LinkError> = link.parse();
    parsed.map_err(|error| device_failure::enroll_failed(&error.into()))?;
    let pad = PinPad::from_options(&enroll.pin)?;
    if !pad.is_available() {
        return Err(pin_pad::no_pin(&[]));
    }
    let device = open_device::open(home.clone(), enroll.key).await?;
    let preview = device.preview(&link).await.map_err(|error| device_failure::enroll_failed(&error))?;
    // With --json this is progress, not a result.
    let mut description = describe(&preview, output.paint());
    if let Some(account) = &preview.enrolled_already {
        let unenroll = next_command::of_device(&format!("unenroll {account}"), home.as_deref());
        description += &format!(
            "\n\nThis device is enrolled for {} there already ({account}). This adds a second account, and every request will be \
             listed twice here. To replace the first one, answer what waits there, then: {unenroll}",
            preview.subject_label
        );
    }
    if output.is_json() {
        output.progress(&description)
    } else {
        output.message(&description)?
    }
    if !enroll.yes && confirmation::ask("Enroll this device there?", enroll.link == "-")? == Confirmed::No {
        return Err(Failure {
            exit: Exit::Denied,
            code: ErrorCode::NotEnrolled.code(),
            message: "declined: nothing was enrolled".to_owned(),
        });
    }
    let name = enroll.name.unwrap_or_else(name_of_this_computer);
    let enrolled = device.enroll(&preview, &name, &pad).await.map_err(|error| device_failure::enroll_failed(&error))?;
    output.result(&Event { event: "enrolled", enrolled: &enrolled }, |paint| {
        describe_enrolled(&enrolled, &preview, paint)
    })?;
    Ok(Exit::Ok)
}

/// Provider and user of the link, as the person must see them before agreeing. Everything here is verified.
pub fn describe(preview: &LinkPreview, paint: Paint) -> String {
    let mut out = String::new();
    if preview.test {
        out += &format!("{}\n", paint.badge(94, " TEST: nothing here counts "));
    }
    out += &format!("\n    {}\n", paint.bold(&preview.domain.shown));
    if let Some(ascii) = &preview.domain.ascii {
        out += &format!("    in ASCII: {ascii}\n");
    }
    out += &format!("    {}\n", preview.issuer);
    if preview.new_provider {
        out += "    New provider: this device has no account there yet.\n";
    }
    out += &format!("\nEnrolls this device for: {}", paint.bold(&preview.subject_label));
    if preview.subject_label != preview.subject.as_str() {
        out += &format!(" ({})", one_line(preview.subject.as_str()));
    }
    if preview.confirm == Confirm::None {
        out += "\nThis link needs no confirmation code; that is for demos and tests only.";
    }
    out
}

fn describe_enrolled(enrolled: &EnrollmentResult, preview: &LinkPreview, paint: Paint) -> String {
    let mut out = format!("\n{} {} at {}.", paint.green("Enrolled:"), preview.subject_label, preview.domain.shown);
    if let Some(code) = &enrolled.confirmation_code {
        let (first, second) = code.expose().split_at(code.expose().len() / 2);
        out += &format!(
            "\n\nType this confirmation code where the link came from:   {}",
            paint.bold(&format!("{first} {second}"))
        );
        out += "\nUntil then this account receives no requests.";
    }
    if enrolled.device_class == DeviceClass::Automated {
        out += "\nThe PIN came from a file or a variable, so this device is automated.";
    }
    match enrolled.key_protection {
        KeyProtection::FilePin => {
            out += "\nThe approval key is in a file protected by the PIN alone: anyone who copies the file can guess PINs \
                    offline. `countersign keys` lists what would protect it better, and why it was not used.";
        }
        KeyProtection::FileKeyring => {
            out += "\nThe approval key is in a file that opens with the PIN and a secret in this session's keyring: without \
                    the keyring nobody can approve, and a copy of the file is of no use.";
        }
        _ => {}
    }
    out
}

/// The link as given, or the one at the beginning of standard input.
fn link(enroll: &Enroll) -> Result<String, Failure> {
    if enroll.link != "-" {
        return Ok(enroll.link.clone());
    }
    let link = read_link(&mut io::stdin().lock());
    link.ok_or_else(|| Failure::usage(ErrorCode::NoLink, "standard input has no enrollment link"))
}

/// Longest text in which a link is looked for, in bytes.
const LONGEST_LINK: usize = 16 * 1024;

/// The link in the first lines: blank ones are skipped, and a link that was wrapped is joined. Reads no further than it must: who
/// writes the link may keep standard input open. `None` for nothing but blank lines.
fn read_link(input: &mut impl io::BufRead) -> Option<String> {
    let mut text = String::new();
    while text.len() < LONGEST_LINK {
        let before = text.len();
        let read = input.take(LONGEST_LINK as u64).read_line(&mut text);
        if !matches!(read, Ok(bytes) if bytes > 0) {
            break;
        }
        let is_blank = text[before..].trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty();
        let begun = text.trim_start_matches(|c: char| c.is_whitespace() || "<\"'\u{feff}".contains(c));
        let begins_a_link = ["https:", "http:", "countersign:", "URL:"].iter().any(|scheme| begun.starts_with(scheme));
        match text.parse::<EnrollmentLink>() {
            Ok(_) => break,
            // A wrapped one, which goes on with the next line.
            Err(_) if begins_a_link && !is_blank => {}
            Err(_) if begun.is_empty() => {}
            Err(_) => break,
        }
    }
    let text = text.trim().trim_start_matches('\u{feff}').trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn name_of_this_computer() -> String {
    let variable = |name| std::env::var(name).ok();
    let file = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = variable("COMPUTERNAME").or_else(file).or_else(|| variable("HOSTNAME"));
    name.map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "This computer".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The link, and what was not read.
    fn read(input: &str) -> (Option<String>, String) {
        let mut bytes = input.as_bytes();
        let link = read_link(&mut bytes);
        (link, String::from_utf8(bytes.to_vec()).expect("text"))
    }

    #[test]
    fn a_link_on_standard_input_may_follow_blank_lines_and_be_wrapped() {
        let wrapped = "\u{feff}\n\n<https://id.example/push/enroll#eyJh\nbcd\n";
        let (link, left) = read(wrapped);
        assert_eq!(link.as_deref(), Some("<https://id.example/push/enroll#eyJh\nbcd"));
        assert_eq!(left, "");
        assert_eq!(read("no link\nmore\n"), (Some("no link".to_owned()), "more\n".to_owned()));
        assert_eq!(read("\n \n"), (None, String::new()));
        assert_eq!(read("").0, None);
    }
}
