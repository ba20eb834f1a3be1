//! `countersign op user`: who can be asked.

use std::path::PathBuf;

use countersign_op::UserRecord;
use countersign_op::config::User;
use countersign_protocol::text::escape;
use serde_json::{Value, json};

use super::config_entry::ConfigEntry;
use super::failed;
use super::open_provider::open_beside;
use crate::arguments::{AddUser, OpUser, ProviderConfig};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the command.
pub async fn run(
    command: OpUser,
    config: &ProviderConfig,
    home: Option<PathBuf>,
    output: Output,
) -> Result<Exit, Failure> {
    let provider = open_beside(config, home, output)?;
    match command {
        OpUser::Add(add) => {
            let user = provider.add_user(&entry(*add)?).await.map_err(failed)?;
            output.result(&line("user_added", &user), |paint| {
                let sub = user.sub.as_str();
                format!("{} can be asked from now on. Next: countersign op link {sub} --config FILE", paint.bold(sub))
            })?;
        }
        OpUser::List => {
            let users = provider.users().map_err(failed)?;
            if users.is_empty() {
                output.message("Nobody yet. Add somebody: countersign op user add SUB --config FILE")?;
            }
            for UserRecord { user, in_file, added_at } in &users {
                let mut event = line("user", user);
                event["in_file"] = (*in_file).into();
                event["added_at"] = added_at.map(|at| at.seconds()).into();
                output.result(&event, |paint| {
                    let locked = if user.locked { "  locked" } else { "" };
                    let place = if *in_file { "file" } else { "added" };
                    let hints = user.hints.iter().map(|hint| escape(hint)).collect::<Vec<_>>().join(", ");
                    format!(
                        "{}  {}{locked}  {}",
                        paint.bold(user.sub.as_str()),
                        escape(&user.name),
                        paint.dim(&format!("{hints} · {place}"))
                    )
                })?;
            }
        }
        OpUser::Hint { user, add, remove } => {
            let sub = provider.user(&user).map_err(failed)?.sub.clone();
            let text = provider.user_text(sub.as_str()).map_err(failed)?;
            let mut entry = ConfigEntry::of_toml(&text, "users")
                .ok_or_else(|| Failure::usage("provider", "the entry can't be read"))?;
            let mut hints = entry.listed("hints");
            if let Some(missing) = remove.iter().find(|hint| !hints.contains(hint)) {
                return Err(Failure::usage("unknown", format!("{} has no hint {missing}", sub.as_str())));
            }
            hints.retain(|hint| !remove.contains(hint));
            hints.extend(add);
            entry.replace_texts("hints", hints);
            let user = provider.change_user(&entry.into_toml("users")).await.map_err(failed)?;
            output.result(&line("user_changed", &user), |_| {
                let hints = user.hints.iter().map(|hint| escape(hint)).collect::<Vec<_>>().join(", ");
                format!("{} is found by: {hints}", user.sub.as_str())
            })?;
        }
        OpUser::Lock { user } => {
            let sub = provider.user(&user).map_err(failed)?.sub.clone();
            let ended = provider.lock_user(&sub).await.map_err(failed)?;
            let event = json!({ "event": "user_locked", "sub": sub, "withdrawn": ended });
            output.result(&event, |_| {
                let sub = sub.as_str();
                format!(
                    "{sub} is locked out: nobody can ask, and no approval yields tokens. Requests withdrawn: {ended}."
                )
            })?;
        }
        OpUser::Unlock { user } => {
            let found = provider.user(&user).map_err(failed)?;
            provider.unlock_user(&found.sub).await.map_err(failed)?;
            let now = provider.user(&user).map_err(failed)?;
            if now.locked {
                return Err(Failure::usage(
                    "in_file",
                    format!("{user} is locked in the configuration file: change it there"),
                ));
            }
            output.result(&json!({ "event": "user_unlocked", "sub": now.sub }), |_| {
                format!("{} can be asked again.", now.sub.as_str())
            })?;
        }
        OpUser::Remove { user } => {
            let sub = provider.user(&user).map_err(failed)?.sub.clone();
            let revoked = provider.remove_user(&sub).await.map_err(failed)?;
            let event = json!({ "event": "user_removed", "sub": sub, "devices_revoked": revoked });
            output.result(&event, |_| format!("{} is removed. Devices revoked: {revoked}.", sub.as_str()))?;
        }
    }
    Ok(Exit::Ok)
}

fn line(event: &str, user: &User) -> Value {
    json!({
        "event": event,
        "sub": user.sub,
        "name": user.name,
        "hints": user.hints,
        "locked": user.locked,
        "allow_automated": user.allow_automated,
    })
}

fn entry(add: AddUser) -> Result<String, Failure> {
    let mut entry = ConfigEntry::default();
    entry.text("sub", Some(add.sub));
    entry.text("name", add.name);
    entry.texts("hints", add.hints);
    entry.flag("allow_automated", add.allow_automated);
    for given in &add.set {
        entry.set(given)?;
    }
    Ok(entry.into_toml("users"))
}
