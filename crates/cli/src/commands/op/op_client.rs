//! `countersign op client`: the clients that may send authentication requests.

use std::path::PathBuf;

use countersign_op::{AddedClient, ClientRecord, DirectoryError};
use serde_json::{Value, json};

use super::config_entry::ConfigEntry;
use super::open_provider::{open_beside, open_to_look};
use super::{directory_failure, lookup_failure};
use crate::arguments::{AddClient, OpClient, ProviderConfig};
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::next_command::ProviderCommands;
use crate::output::Output;
use crate::request_text::one_line;
use crate::time_format;

/// Runs the command.
pub async fn run(
    command: OpClient,
    config: &ProviderConfig,
    home: Option<PathBuf>,
    output: Output,
) -> Result<Exit, Failure> {
    let hints = ProviderCommands::new(config, home.as_deref());
    let provider = match &command {
        OpClient::List | OpClient::Show { .. } => open_to_look(config, home)?,
        OpClient::Add(_) | OpClient::RotateSecret { .. } | OpClient::Remove { .. } => {
            open_beside(config, home, output)?
        }
    };
    let unknown = |error| lookup_failure(&error, &hints.command("client list"));
    match command {
        OpClient::Add(add) => {
            let added = provider.add_client(&toml_entry(*add)?).await.map_err(directory_failure)?;
            print_with_secret(&added, "client_added", "is added", output)?;
        }
        OpClient::List => {
            let clients = provider.clients().map_err(directory_failure)?;
            if clients.is_empty() {
                output.message(&format!("No clients yet. Add one: {}", hints.command("client add ID")))?;
            }
            for client in &clients {
                output.result(&client_event(client), |paint| {
                    let place = if client.in_file { "file" } else { "added" };
                    let how = client.auth_method.unwrap_or("secret");
                    let name = one_line(&client.name);
                    format!(
                        "{}  {name}  {}",
                        paint.bold(&client.client_id),
                        paint.dim(&format!("{how} · {} · {place}", client.delivery))
                    )
                })?;
            }
        }
        OpClient::Show { client_id } => {
            let clients = provider.clients().map_err(directory_failure)?;
            let client = clients
                .into_iter()
                .find(|client| client.client_id == client_id)
                .ok_or_else(|| unknown(DirectoryError::Unknown { what: format!("client {client_id}") }))?;
            output.result(&client_event(&client), |_| describe(&client))?;
        }
        OpClient::RotateSecret { client_id } => {
            let added = provider.rotate_secret(&client_id).await.map_err(unknown)?;
            print_with_secret(
                &added,
                "secret_rotated",
                "has a new secret; the old one is refused from now on",
                output,
            )?;
        }
        OpClient::Remove { client_id } => {
            let ended = provider.remove_client(&client_id).await.map_err(unknown)?;
            let event = json!({ "event": "client_removed", "client_id": client_id, "withdrawn": ended });
            output.result(&event, |_| format!("{client_id} is removed. Requests withdrawn: {ended}."))?;
        }
    }
    Ok(Exit::Ok)
}

/// Prints a client with its new secret, the only time the secret is shown.
fn print_with_secret(added: &AddedClient, event: &str, what: &str, output: Output) -> Result<(), Failure> {
    let mut line = json!({ "event": event, "client_id": added.client_id });
    if let Some(secret) = &added.secret {
        line["client_secret"] = secret.expose().into();
    }
    output.result(&line, |paint| {
        let mut message = format!("{} {what}.", paint.bold(&added.client_id));
        if let Some(secret) = &added.secret {
            message += &format!("\nIts secret, which is not stored and not shown again:\n\n{}\n", secret.expose());
        }
        message
    })
}

fn client_event(client: &ClientRecord) -> Value {
    json!({
        "event": "client",
        "client_id": client.client_id,
        "name": client.name,
        "in_file": client.in_file,
        "registered": client.registered,
        "added_at": client.added_at.map(|at| at.seconds()),
        "token_endpoint_auth_method": client.auth_method,
        "backchannel_token_delivery_mode": client.delivery,
        "verified": client.verified,
        "entry": client.entry,
    })
}

fn describe(client: &ClientRecord) -> String {
    let name = one_line(&client.name);
    let since = match client.added_at {
        Some(at) if client.registered => format!("It registered itself at {}.", time_format::full(at.seconds())),
        Some(at) => format!("It was added at {}.", time_format::full(at.seconds())),
        None => "It is in the configuration file.".to_owned(),
    };
    let entry = client.entry.as_deref().map(|entry| format!("\n\n{entry}")).unwrap_or_default();
    format!("{}: \"{name}\". {since}{entry}", client.client_id)
}

fn toml_entry(add: AddClient) -> Result<String, Failure> {
    let mut entry = ConfigEntry::default();
    entry.string("client_id", Some(add.client_id));
    entry.string("name", add.name);
    entry.flag("first_party", add.first_party);
    entry.flag("verified", add.verified);
    entry.strings("grant_types", add.grant_types);
    entry.strings("interaction_types", add.interaction_types);
    entry.string("token_endpoint_auth_method", add.token_endpoint_auth_method);
    if let Some(file) = add.jwks_file {
        let jwks = std::fs::read_to_string(&file).map_err(|error| {
            Failure::usage(ErrorCode::JwksFile, format!("{} can't be read: {error}", file.display()))
        })?;
        entry.string("jwks", Some(jwks));
    }
    entry.string("jwks_uri", add.jwks_uri);
    entry.string("backchannel_token_delivery_mode", add.backchannel_token_delivery_mode);
    entry.string("backchannel_client_notification_endpoint", add.backchannel_client_notification_endpoint);
    entry.string("id_token_signed_response_alg", add.id_token_signed_response_alg);
    entry.string("scope", add.scope);
    entry.string("profile", add.profile);
    for given in &add.set {
        entry.set(given)?;
    }
    Ok(entry.into_toml("clients"))
}
