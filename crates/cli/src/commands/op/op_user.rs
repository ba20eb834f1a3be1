//! `countersign op user`: the users who can be asked.

use std::path::PathBuf;

use countersign_op::UserRecord;
use countersign_op::config::User;
use serde_json::{Value, json};

use super::config_entry::ConfigEntry;
use super::open_provider::{open_beside, open_to_look};
use super::{directory_failure, lookup_failure};
use crate::arguments::{AddUser, OpUser, ProviderConfig};
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::next_command::ProviderCommands;
use crate::output::Output;
use crate::request_text::one_line;
use crate::shell::word;

/// Runs the command.
pub async fn run(
    command: OpUser,
    config: &ProviderConfig,
    home: Option<PathBuf>,
    output: Output,
) -> Result<Exit, Failure> {
    let hints = ProviderCommands::new(config, home.as_deref());
    let provider = match &command {
        OpUser::List => open_to_look(config, home)?,
        _ => open_beside(config, home, output)?,
    };
    let unknown = |error| lookup_failure(&error, &hints.command("user list"));
    match command {
        OpUser::Add(add) => {
            let user = provider.add_user(&toml_entry(*add)?).await.map_err(directory_failure)?;
            output.result(&user_event("user_added", &user), |paint| {
                let sub = user.sub.as_str();
                format!("{} is added. Next: {}", paint.bold(sub), hints.command(&format!("link {}", word(sub))))
            })?;
        }
        OpUser::List => {
            let users = provider.users().map_err(directory_failure)?;
            if users.is_empty() {
                output.message(&format!("No users yet. Add one: {}", hints.command("user add SUB")))?;
            }
            for UserRecord { user, in_file, added_at } in &users {
                let mut event = user_event("user", user);
                event["in_file"] = (*in_file).into();
                event["added_at"] = added_at.map(|at| at.seconds()).into();
                output.result(&event, |paint| {
                    let locked = if user.locked { "  locked" } else { "" };
                    let place = if *in_file { "file" } else { "added" };
                    let hints = user.hints.iter().map(|hint| one_line(hint)).collect::<Vec<_>>().join(", ");
                    format!(
                        "{}  {}{locked}  {}",
                        paint.bold(user.sub.as_str()),
                        one_line(&user.name),
                        paint.dim(&format!("{hints} · {place}"))
                    )
                })?;
            }
        }
        OpUser::Hint { user, add, remove } => {
            let sub = provider.user(&user).map_err(unknown)?.sub.clone();
            let text = provider.user_entry(sub.as_str()).map_err(directory_failure)?;
            let mut entry = ConfigEntry::of_toml(&text, "users")
                .ok_or_else(|| Failure::usage(ErrorCode::Provider, "the entry can't be read"))?;
            let mut hints = entry.strings_of("hints");
            if let Some(missing) = remove.iter().find(|hint| !hints.contains(hint)) {
                return Err(Failure::usage(ErrorCode::Unknown, format!("{} has no hint {missing}", sub.as_str())));
            }
            hints.retain(|hint| !remove.contains(hint));
            hints.extend(add);
            entry.replace_strings("hints", hints);
            let user = provider.change_user(&entry.into_toml("users")).await.map_err(directory_failure)?;
            output.result(&user_event("user_changed", &user), |_| {
                let hints = user.hints.iter().map(|hint| one_line(hint)).collect::<Vec<_>>().join(", ");
                format!("{} has the hints: {hints}", user.sub.as_str())
            })?;
        }
        OpUser::Lock { user } => {
            let sub = provider.user(&user).map_err(unknown)?.sub.clone();
            let ended = provider.lock_user(&sub).await.map_err(directory_failure)?;
            let event = json!({ "event": "user_locked", "sub": sub, "withdrawn": ended });
            output.result(&event, |_| {
                let sub = sub.as_str();
                format!(
                    "{sub} is locked: requests are refused, and no approval yields tokens. Requests withdrawn: {ended}."
                )
            })?;
        }
        OpUser::Unlock { user } => {
            let found = provider.user(&user).map_err(unknown)?;
            provider.unlock_user(&found.sub).await.map_err(directory_failure)?;
            let now = provider.user(&user).map_err(unknown)?;
            if now.locked {
                return Err(Failure::usage(
                    ErrorCode::InFile,
                    format!("{user} is locked in the configuration file: change it there"),
                ));
            }
            output.result(&json!({ "event": "user_unlocked", "sub": now.sub }), |_| {
                format!("{} is unlocked.", now.sub.as_str())
            })?;
        }
        OpUser::Remove { user } => {
            let sub = provider.user(&user).map_err(unknown)?.sub.clone();
            let revoked = provider.remove_user(&sub).await.map_err(directory_failure)?;
            let event = json!({ "event": "user_removed", "sub": sub, "devices_revoked": revoked });
            output.result(&event, |_| format!("{} is removed. Devices revoked: {revoked}.", sub.as_str()))?;
        }
    }
    Ok(Exit::Ok)
}

fn user_event(event: &str, user: &User) -> Value {
    json!({
        "event": event,
        "sub": user.sub,
        "name": user.name,
        "hints": user.hints,
        "locked": user.locked,
        "allow_automated": user.allow_automated,
    })
}

fn toml_entry(add: AddUser) -> Result<String, Failure> {
    let mut entry = ConfigEntry::default();
    entry.string("sub", Some(add.sub));
    entry.string("name", add.name);
    entry.strings("hints", add.hints);
    entry.flag("allow_automated", add.allow_automated);
    for given in &add.set {
        entry.set(given)?;
    }
    Ok(entry.into_toml("users"))
}
