//! `countersign keys`: what can protect an approval key on this machine, and why not more.

use countersign_device::edge::key_file::{KeyOffer, offers};
use countersign_protocol::registration::KeyProtection;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::open_device;
use crate::output::{Output, Paint};

#[derive(Serialize)]
struct Event {
    event: &'static str,
    /// As `enroll --key` takes it.
    key: &'static str,
    key_protection: KeyProtection,
    available: bool,
    /// Whether `enroll` chooses it by itself.
    chosen: bool,
    /// Why it is not available: a stable code, and words.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Runs the command. Opens no home, and makes none.
pub async fn run(output: Output) -> Result<Exit, Failure> {
    let keyring = open_device::ports()?.keyring;
    let offers = offers(keyring.as_deref()).await;
    // As `enroll` reads it.
    let insisted = std::env::var("COUNTERSIGN_KEY").ok().filter(|key| !key.is_empty());
    let is_chosen =
        |offer: &KeyOffer| offer.unavailable.is_none() && insisted.as_deref().is_none_or(|key| key == name_of(offer));
    let chosen = offers.iter().position(is_chosen);
    for (at, offer) in offers.iter().enumerate() {
        let event = event(offer, chosen == Some(at));
        output.result(&event, |paint| describe(&event, paint))?;
    }
    output.message("Keys in hardware are not supported yet.")?;
    Ok(Exit::Ok)
}

/// As `enroll --key` takes it.
fn name_of(offer: &KeyOffer) -> &'static str {
    if offer.protection == KeyProtection::FileKeyring { "keyring" } else { "file" }
}

fn event(offer: &KeyOffer, chosen: bool) -> Event {
    Event {
        event: "key",
        key: name_of(offer),
        key_protection: offer.protection,
        available: offer.unavailable.is_none(),
        chosen,
        error: offer.unavailable.as_ref().map(|why| why.code()),
        message: offer.unavailable.as_ref().map(ToString::to_string),
    }
}

fn describe(event: &Event, paint: Paint) -> String {
    let what = match event.key_protection {
        KeyProtection::FileKeyring => "a file that opens with the PIN and a secret in this session's keyring",
        _ => "a file that opens with the PIN alone: whoever copies it can guess PINs offline",
    };
    let chosen = if event.chosen { "; `countersign enroll` chooses it by itself" } else { "" };
    let mut out = format!("{}  {what}{chosen}", paint.bold(&format!("{:<8}", event.key)));
    if let Some(why) = &event.message {
        out += &format!("\n          not available: {why}");
    }
    out
}
