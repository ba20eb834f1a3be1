//! `countersign op init`: a first configuration with its secrets, and the commands that come next.

use std::path::{Path, PathBuf};

use countersign_device::edge::system;
use countersign_jose::secret::Secret;
use countersign_op::config::{FIRST_CLIENT, FIRST_SECRETS, FIRST_USER, first_config};
use countersign_protocol::issuer::Issuer;
use serde_json::json;

use crate::arguments::ProviderConfig;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::new_files::{NewFile, write_all};
use crate::next_command::ProviderCommands;
use crate::output::Output;
use crate::shell::{quoted, word};

/// Runs the command. Opens neither home nor port.
pub fn run(config: &Path, issuer: &Issuer, home: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let text = first_config(issuer);
    let random = system::random();
    let secrets = FIRST_SECRETS.map(|name| (config.with_file_name(name), Secret::random(&*random)));
    let secrets = secrets.map(|(path, secret)| (path, Secret::new(format!("{}\n", secret.expose()))));
    let mut files = vec![NewFile { path: config.to_owned(), content: &text, is_private: true }];
    for (path, secret) in &secrets {
        files.push(NewFile { path: path.clone(), content: secret.expose(), is_private: true });
    }
    write_all(&files)?;
    let paths: Vec<PathBuf> = secrets.iter().map(|(path, _)| path.clone()).collect();
    let next = next_commands(config, issuer, home, &paths[0]);
    let event = json!({
        "event": "initialized",
        "config": config.display().to_string(),
        "issuer": issuer,
        "secrets": paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
        "next": next,
    });
    output.result(&event, |paint| {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        format!(
            "{} is written, with every setting, and its secrets: {}. Only you can read them.\n\
             It has a user {FIRST_USER} and a client {FIRST_CLIENT}: change them, or keep them to try it.\n\n{}\n\n  {}",
            paint.bold(&config.display().to_string()),
            names.join(", "),
            paint.bold("Next, each in a terminal of its own:"),
            next.join("\n  ")
        )
    })?;
    Ok(Exit::Ok)
}

/// The commands that serve the provider, enroll a device of the user, and ask that user as the client.
fn next_commands(config: &Path, issuer: &Issuer, home: Option<&Path>, secret: &Path) -> [String; 3] {
    let provider = ProviderCommands::new(&ProviderConfig::of(config.to_owned()), home);
    [
        provider.command("serve"),
        provider.command(&format!("link {FIRST_USER}")),
        format!(
            "countersign request --issuer {} --client-id {FIRST_CLIENT} --client-secret-file {} --login-hint {FIRST_USER}",
            word(issuer.as_str()),
            quoted(secret)
        ),
    ]
}
