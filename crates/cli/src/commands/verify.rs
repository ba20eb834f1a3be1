//! `countersign verify`: verifies evidence offline and names the signature behind each line.

use std::io::Read as _;
use std::path::Path;

use countersign_protocol::answer::Decision;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::evidence::{Basis, Evidence, EvidenceError, FILE_BYTES, Report, ShownLine, TrustAnchor};
use countersign_protocol::registration::KeyProtection;
use countersign_protocol::text;
use countersign_protocol::transcript::{Line, Locale};
use countersign_protocol::webauthn::AttestationResult;
use serde::Serialize;

use crate::arguments::Verify;
use crate::attestation_text::is_of_the_place_alone;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{ErrorEvent, Output, Paint};
use crate::request_text;
use crate::time_format;

/// Runs the command.
pub fn run(verify: &Verify, output: Output) -> Result<Exit, Failure> {
    let trusted = verify.trust.iter().map(|given| parse_trust(given)).collect::<Result<Vec<_>, _>>()?;
    let bytes = read_file(&verify.file)?;
    let (exit, report) = verify_file(&bytes, &trusted, verify.approved);
    match report {
        Ok(report) => output.result(&verified_event(&report), |paint| describe(&report, paint))?,
        Err(error) => {
            let message = error.to_string();
            let event = ErrorEvent::new(ErrorCode::NotVerified.code(), &message);
            output.result(&event, |paint| not_verified(&error, paint))?;
        }
    }
    Ok(exit)
}

/// The reason for people. It may quote the file, which is anybody's.
fn not_verified(error: &EvidenceError, paint: Paint) -> String {
    format!("{} {}.", paint.red("Not verified:"), text::escape(&error.to_string()))
}

/// Verifies the file. What does not verify goes before a missing root, that before what is missing in the file, and that before how
/// it ended, which counts only with `approved`.
fn verify_file(bytes: &[u8], trusted: &[TrustAnchor], approved: bool) -> (Exit, Result<Report, EvidenceError>) {
    let trust = Some(trusted).filter(|trusted| !trusted.is_empty());
    let verified = Evidence::from_file(bytes).and_then(|evidence| evidence.verify(trust));
    let exit = match &verified {
        Err(_) => Exit::Unverified,
        Ok(report) if !report.authenticated => Exit::OwnKeysOnly,
        Ok(report) if !report.is_complete() => Exit::Incomplete,
        Ok(report) if approved && !report.is_approved() => Exit::Denied,
        Ok(_) => Exit::Ok,
    };
    (exit, verified)
}

fn read_file(file: &Path) -> Result<Vec<u8>, Failure> {
    let refused = |error: std::io::Error| {
        Failure::usage(
            ErrorCode::EvidenceFile,
            format_args!("the evidence in {} can't be read: {error}", file.display()),
        )
    };
    // One byte more than the limit, so that a file that is too large is noticed.
    let limit = FILE_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(refused)?;
    } else {
        std::fs::File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(refused)?;
    }
    Ok(bytes)
}

/// `ISSUER=THUMBPRINT`, or a file with both.
fn parse_trust(given: &str) -> Result<TrustAnchor, Failure> {
    if let Some((issuer, root)) = given.rsplit_once('=')
        && let (Ok(issuer), Ok(root)) = (issuer.parse(), root.parse())
    {
        return Ok(TrustAnchor { issuer, root, manifest: None });
    }
    let refused = |why: String| {
        let what = format!(
            "--trust {given} is neither ISSUER=THUMBPRINT nor a file {{\"issuer\",\"root\",\"manifest\"?}}: {why}"
        );
        Failure::usage(ErrorCode::BadTrust, what)
    };
    let text = std::fs::read(given).map_err(|error| refused(error.to_string()))?;
    countersign_protocol::json::parse(&text).map_err(|error| refused(error.to_string()))
}

#[derive(Serialize)]
struct VerifiedEvent<'a> {
    event: &'static str,
    /// Whether issuer and root are trusted.
    authenticated: bool,
    /// Whether there is an outcome, and every manifest that a trust file names.
    complete: bool,
    issuer: &'a str,
    root: String,
    /// Hash of the newest manifest of the chain, for a trust file.
    manifest: Option<String>,
    subject: &'a str,
    device_id: &'a str,
    id: &'a str,
    approval: &'a str,
    r#ref: ApprovalRef,
    kind: &'a countersign_protocol::kind::Kind,
    client: &'a countersign_protocol::challenge::Client,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
    /// The key that signed the answer: `approval_key` or `transport_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_by: Option<&'static str>,
    /// What is known of the approval key, where it signed the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<ApprovalKey>,
    /// The origin of the page that was the device, where it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_of_provider: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    /// Whether the person disputed it afterwards.
    disputed: bool,
    /// What was asked, line by line, with this verifier's captions.
    asked: Vec<Line>,
    lines: Vec<TranscriptLine<'a>>,
}

#[derive(Serialize)]
struct TranscriptLine<'a> {
    #[serde(flatten)]
    line: &'a Line,
    rests_on: &'static str,
    /// This verifier's caption, where the device called it something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    means: Option<&'a str>,
}

/// As in tokens' `approval.key`, and what the answer itself says.
#[derive(Serialize)]
struct ApprovalKey {
    r#type: &'static str,
    protection: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_eligible: Option<bool>,
    /// Whether a passkey was backed up when it signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_state: Option<bool>,
}

impl ApprovalKey {
    fn of(report: &Report) -> Self {
        let statement = &report.statement;
        Self {
            r#type: statement.approval_key_type.as_str(),
            protection: statement.key_protection.claimed.as_str(),
            verified: statement.key_protection.verified.map(KeyProtection::as_str),
            backup_eligible: statement.webauthn.as_ref().map(|passkey| passkey.backup_eligible),
            backup_state: report.backup_state,
        }
    }
}

fn verified_event(report: &Report) -> VerifiedEvent<'_> {
    let key = if report.by_approval_key { "approval_key" } else { "transport_key" };
    VerifiedEvent {
        event: "verified",
        authenticated: report.authenticated,
        complete: report.is_complete(),
        issuer: report.signed_by.issuer.as_str(),
        root: report.signed_by.root.to_string(),
        manifest: report.signed_by.manifest.map(|manifest| manifest.to_string()),
        subject: report.statement.sub.as_str(),
        device_id: report.statement.device_id.as_str(),
        id: report.challenge.jti.as_str(),
        approval: report.challenge.approval.as_str(),
        r#ref: ApprovalRef::of(&report.challenge.approval),
        kind: &report.challenge.kind,
        client: &report.challenge.client,
        decision: report.answer.as_ref().map(|answer| answer.decision),
        answered_by: report.answer.as_ref().map(|_| key),
        key: report.by_approval_key.then(|| ApprovalKey::of(report)),
        page: report.page.as_deref(),
        page_of_provider: report.is_page_of_provider(),
        outcome: report.ending.map(|ending| ending.as_str()),
        disputed: report.disputed,
        asked: report.asked.iter().map(|line| line.line(Locale::En)).collect(),
        lines: report.lines.iter().map(TranscriptLine::of).collect(),
    }
}

impl<'a> TranscriptLine<'a> {
    fn of(shown: &'a ShownLine) -> Self {
        let rests_on = match shown.basis {
            Basis::Challenge => "challenge",
            Basis::Statement => "statement",
            Basis::Device => "device",
        };
        Self { line: &shown.line, rests_on, means: shown.means.as_deref() }
    }
}

fn describe(report: &Report, paint: Paint) -> String {
    let issuer = text::escape(report.signed_by.issuer.as_str());
    let mut out = match report.authenticated {
        true => format!("{} Signed by {issuer}, whose root you trust.", paint.green("Verified.")),
        false => format!(
            "{} Signed by a party that calls itself {issuer}, root {}.\n\
             Whether it is that issuer is not proven: name the root you know with --trust {issuer}=THUMBPRINT.",
            paint.bold("Consistent, issuer not authenticated."),
            report.signed_by.root
        ),
    };
    let decided = match &report.answer {
        None => "gave no answer".to_owned(),
        Some(answer) => {
            let decision = if answer.decision == Decision::Approved { "approved" } else { "denied" };
            let key = match (report.by_approval_key, &report.statement.webauthn) {
                (true, Some(_)) => "passkey",
                (true, None) => "approval key",
                (false, _) => "transport key",
            };
            format!("{decision} at {} (signed by its {key})", time_format::full(answer.iat))
        }
    };
    let (device, user) = (&report.statement.device_id, text::escape(report.statement.sub.as_str()));
    out += &format!("\n\nThe device {device} of {user} {decided}.");
    out += &about_passkey(report);
    if let Some(ending) = report.ending {
        out += &format!("\nThe provider's outcome: {}.", request_text::ending(ending));
    }
    if report.disputed {
        out += &paint.bold("\nThe person disputed it afterwards: \"that wasn't me\".");
    }
    match report.ending {
        None => out += &paint.bold("\nIncomplete: the provider's outcome is missing, so how it ended is not proven."),
        Some(_) if report.lacks_manifest => {
            out += &paint.bold(
                "\nIncomplete: the key manifest that you know is missing, so a key that it revoked may have signed.",
            );
        }
        Some(_) => {}
    }
    out += "\n\nWhat was asked, from the request that the provider signed:";
    for line in &report.asked {
        out += &format!("\n  {}", request_text::line(&line.line(Locale::En), paint));
    }
    if !report.lines.is_empty() {
        out += "\n\nThe lines on the screen, and the source of each:";
        for shown in &report.lines {
            let source = match shown.basis {
                Basis::Challenge | Basis::Statement => "signed by the provider",
                Basis::Device => "added by the device",
            };
            let mut line = shown.line.clone();
            let called = shown.means.as_ref().map(|means| {
                format!("; the device called it \"{}\"", std::mem::replace(&mut line.label, means.clone()))
            });
            out += &format!("\n  {}", request_text::line(&line, paint));
            out += &paint.dim(&format!("  [{source}{}]", called.unwrap_or_default()));
        }
    }
    out
}

/// What a passkey's signature proves and what not, and whose page it was made on.
fn about_passkey(report: &Report) -> String {
    let mut out = String::new();
    if let (true, Some(passkey)) = (report.by_approval_key, &report.statement.webauthn) {
        out += "\nThe key's holder says that the person was verified for exactly this answer. ";
        out += &match (passkey.attestation, report.statement.key_protection.verified) {
            (AttestationResult::Verified, Some(level)) => {
                let holds = format!(
                    "The provider verified its maker's attestation of what holds the key ({}).",
                    level.as_str()
                );
                let alone = " That shows where the key is: any program there can have had it made, and says that the person was verified.";
                if is_of_the_place_alone(level) { holds + alone } else { holds }
            }
            (AttestationResult::Verified, None) => "The provider verified its maker's attestation.".to_owned(),
            (AttestationResult::None, _) => "Nothing attests what holds the key.".to_owned(),
        };
        out += match (passkey.backup_eligible, report.backup_state) {
            (true, Some(true)) => " It was backed up: it may be on several devices.",
            (true, _) => " It may be on several devices.",
            (false, _) => "",
        };
    }
    match (&report.page, report.is_page_of_provider()) {
        (Some(_), Some(true)) => out += "\nThe page came from the provider itself.",
        (Some(page), _) => {
            let page = text::escape(page);
            out += &format!(
                "\nThe page came from {page}; whether that is independent of the provider is for you to judge."
            );
        }
        (None, _) => {}
    }
    out
}

#[cfg(test)]
mod tests {
    use countersign_protocol::transcript::{DisplayError, Role, Source};

    use super::*;

    /// The test vectors shared with implementations in other languages.
    fn sample() -> (String, TrustAnchor) {
        let read = |name: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/");
            std::fs::read_to_string(format!("{folder}{name}")).expect("the vectors are there")
        };
        let world: serde_json::Value = serde_json::from_str(&read("world.json")).expect("JSON");
        let trust = serde_json::json!({ "issuer": world["issuer"], "root": world["root"] });
        (read("evidence.json"), serde_json::from_value(trust).expect("an issuer and a root"))
    }

    #[test]
    fn without_a_trusted_root_consistent_evidence_is_not_authenticated() {
        let (file, trust) = sample();
        assert_eq!(verify_file(file.as_bytes(), &[], false).0, Exit::OwnKeysOnly);
        assert_eq!(verify_file(file.as_bytes(), &[trust], true).0, Exit::Ok);
    }

    #[test]
    fn attack_why_a_hostile_file_does_not_verify_is_written_without_control_characters() {
        let hostile = "challenge:/x\u{1b}[2J\u{1b}[32mVerified.\u{1b}[0m Signed by https://id.bank.example\n";
        let from: Source = hostile.parse().expect("any pointer");
        let role = Role::Client;
        let errors = [
            DisplayError::Misplaced { role, from: from.clone() },
            DisplayError::Twice { role, from: from.clone() },
            DisplayError::OutOfPlace { from: from.clone() },
            DisplayError::OtherCaption { from, label: hostile.to_owned() },
        ];
        for error in errors {
            let text = not_verified(&EvidenceError::Display(error), Paint::without_colours());
            assert!(text.contains("Verified.") && !text.contains(char::is_control), "{text:?}");
        }
    }

    #[test]
    fn another_root_or_a_changed_byte_is_not_verified() {
        let (file, trust) = sample();
        let other = TrustAnchor {
            issuer: "https://id.other.example".parse().expect("an issuer"),
            root: trust.root,
            manifest: None,
        };
        assert_eq!(verify_file(file.as_bytes(), &[other], false).0, Exit::Unverified);
        let changed = file.replacen('A', "B", 1);
        assert_ne!(changed, file);
        assert_eq!(verify_file(changed.as_bytes(), &[], false).0, Exit::Unverified);
        assert_eq!(verify_file(b"", &[], false).0, Exit::Unverified);
    }

    #[test]
    fn a_trusted_root_is_an_issuer_with_a_thumbprint_or_a_file() {
        let (_, known) = sample();
        let given = format!("{}={}", known.issuer, known.root);
        assert_eq!(parse_trust(&given).expect("a trust"), known);
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), serde_json::to_string(&known).expect("JSON")).expect("written");
        assert_eq!(parse_trust(file.path().to_str().expect("a path")).expect("a trust"), known);
        assert_eq!(parse_trust("https://id.example=short").expect_err("no thumbprint").code, "bad_trust");
    }
}
