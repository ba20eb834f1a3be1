//! `countersign op keys`: lists the provider's keys, and rotates them.

use std::path::PathBuf;

use countersign_op::{KeyRecord, KeyState, Provider};
use serde_json::{Value, json};

use super::open_provider::{open_beside, open_to_look};
use crate::arguments::{OpKeys, ProviderConfig};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::time_format;

/// Runs the command. Blocks the thread: nothing else runs in this process.
pub fn run(command: &OpKeys, config: &ProviderConfig, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let provider = match command {
        OpKeys::List => open_to_look(config, home)?,
        OpKeys::Rotate { .. } => open_beside(config, home, output)?,
    };
    match command {
        OpKeys::List => list(&provider, output)?,
        OpKeys::Rotate { compromised, push } => {
            let rotated = match push {
                true => provider.rotate_push_key(*compromised),
                false => provider.rotate_keys(*compromised),
            };
            rotated.map_err(|error| Failure::usage(error.code(), error))?;
            list(&provider, output)?;
            let event = json!({ "event": "keys_rotated", "compromised": compromised, "push": push });
            output.result(&event, |paint| {
                let what = match compromised {
                    _ if *push => "The key for push services was changed. Each device subscribes anew when it next fetches.",
                    false => "Rotated. The new token keys are published now and sign in ten minutes; the other new keys sign at once. Existing signatures stay valid.",
                    true => "Rotated. Tokens and enrollment links signed by the former keys are void from now on, and devices reject the former gateway key.",
                };
                let copy = paint.dim("Back up the folder `keys` again.");
                format!("{what} A running provider notices within seconds.\n{copy}")
            })?;
        }
    }
    Ok(Exit::Ok)
}

fn list(provider: &Provider, output: Output) -> Result<(), Failure> {
    let keys = provider.keys().map_err(|error| Failure::usage(error.code(), error))?;
    for key in &keys {
        output.result(&key_event(key), |paint| {
            let state = format!("{}{}", state_text(key.state), times(key));
            format!("{}  {}\n  {}", paint.bold(key.name), key.kid, paint.dim(&state))
        })?;
    }
    Ok(())
}

fn key_event(key: &KeyRecord) -> Value {
    json!({
        "event": "key",
        "name": key.name,
        "kid": key.kid,
        "state": key.state.as_str(),
        "from": key.from,
        "until": key.until,
    })
}

const fn state_text(state: KeyState) -> &'static str {
    match state {
        KeyState::Next => "next: published, will sign",
        KeyState::Signs => "current: signs",
        KeyState::Former => "former: signs no more; its signatures stay valid",
        KeyState::Revoked => "revoked: signatures made since then are void",
    }
}

fn times(key: &KeyRecord) -> String {
    let from = key.from.map(|from| format!(" · from {}", time_format::full(from))).unwrap_or_default();
    let until = key.until.map(|until| format!(" · until {}", time_format::full(until))).unwrap_or_default();
    format!("{from}{until}")
}
