//! `countersign op link`: makes an enrollment link, then reads the confirmation code that the new device shows.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use countersign_gateway::{ConfirmError, Gateway, LinkRequest};
use countersign_op::DirectoryError;
use countersign_protocol::id::RegistrationTokenId;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::registration::Confirm;
use serde_json::json;

use super::open_provider::open_beside;
use crate::arguments::{Confirmation, ProviderConfig};
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::next_command::ProviderCommands;
use crate::output::{Output, Paint};
use crate::qr_code;
use crate::request_text::one_line;
use crate::stdin_lines::StdinLines;

/// Runs the command.
pub async fn run(
    user: &str,
    confirm: Confirmation,
    config: &ProviderConfig,
    home: Option<PathBuf>,
    output: Output,
) -> Result<Exit, Failure> {
    let add = ProviderCommands::new(config, home.as_deref()).command("user add SUB");
    let provider = open_beside(config, home, output)?;
    let found = provider.user(user).map_err(|error| {
        let next = match &error {
            DirectoryError::Unknown { .. } => {
                format!("; add one: {add}, or as [[users]] in {}", config.config.display())
            }
            _ => String::new(),
        };
        Failure::usage(error.code(), format!("{error}{next}"))
    })?;
    let confirm = match confirm {
        Confirmation::Code => Confirm::Code,
        Confirmation::None => Confirm::None,
    };
    let request = LinkRequest {
        subject: found.sub.clone(),
        subject_label: found.name.clone(),
        confirm,
        allow_automated: found.allow_automated,
    };
    let gateway = provider.gateway();
    let issued = gateway.issue_link(request).await.map_err(|error| Failure::usage(error.code(), error))?;
    let link = issued.link.expose();
    output.result(&json!({ "event": "link", "enrollment_link": link }), |paint| {
        format!(
            "Open this link on the device. It is for one device and valid for ten minutes:\n\n{link}\n\n{}{}",
            paint.dim("On a computer: countersign enroll 'LINK'"),
            qr_text(&provider.config().issuer, &link, paint)
        )
    })?;
    if confirm == Confirm::None {
        return Ok(Exit::Ok);
    }
    confirm_by_code(gateway, &issued.id, output).await
}

/// The link as a QR code, or why there is none; empty unless standard output is a terminal.
fn qr_text(issuer: &Issuer, link: &str, paint: Paint) -> String {
    if !io::stdout().is_terminal() {
        return String::new();
    }
    match qr_code::blocks(issuer, link, qr_code::columns(), paint) {
        Ok(blocks) => format!("\n\n{blocks}"),
        Err(why) => format!("\n{}", paint.dim(&format!("{why}."))),
    }
}

/// Reads codes until one is right, the third is wrong, or input ends.
async fn confirm_by_code(gateway: &Gateway, link: &RegistrationTokenId, output: Output) -> Result<Exit, Failure> {
    output.progress("Then type the six digits that the device shows and press Enter:");
    let mut lines = StdinLines::start();
    while let Some(code) = lines.next().await {
        if code.trim().is_empty() {
            continue;
        }
        match gateway.confirm(link, &code).await {
            Ok(confirmed) => {
                let line = json!({ "event": "confirmed", "device_id": confirmed.device_id, "device_name": confirmed.device_name });
                let name = one_line(&confirmed.device_name);
                output
                    .result(&line, |paint| format!("{} The device \"{name}\" is active.", paint.green("Confirmed.")))?;
                return Ok(Exit::Ok);
            }
            Err(error @ (ConfirmError::WrongCode { .. } | ConfirmError::NotRegistered)) => {
                output.progress(&format!("Not accepted: {error}."));
            }
            Err(error @ ConfirmError::Ended) => return Err(Failure::unverified(error.code(), error)),
            Err(error) => return Err(Failure::usage(error.code(), error)),
        }
    }
    Err(Failure::usage(
        ErrorCode::NotConfirmed,
        "no code was typed: the device stays unconfirmed and receives no requests; make a new link",
    ))
}
