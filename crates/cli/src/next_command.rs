//! Commands in hints, with the options that this one was given, so that they do their work where this one did its own.

use std::path::Path;

use crate::arguments::ProviderConfig;
use crate::shell::{quoted, word};

/// Commands of `countersign op` for the same provider.
pub struct ProviderCommands(String);

impl ProviderCommands {
    /// For this configuration, and the home that was given.
    pub fn new(config: &ProviderConfig, home: Option<&Path>) -> ProviderCommands {
        let mut options = format!(" --config {}", quoted(&config.config));
        for each in &config.configure {
            options += &format!(" --configure {}", word(each));
        }
        ProviderCommands(options + &home_option(home))
    }

    /// `countersign op WHAT` with these options.
    pub fn command(&self, what: &str) -> String {
        format!("countersign op {what}{}", self.0)
    }

    /// A sentence that ends with a command, `…: countersign op WHAT`, with the options behind it.
    pub fn complete(&self, sentence: &str) -> String {
        match sentence.split_once("countersign op ") {
            Some((words, what)) => format!("{words}{}", self.command(what)),
            None => sentence.to_owned(),
        }
    }
}

/// `countersign WHAT` for the device in the home that was given.
pub fn of_device(what: &str, home: Option<&Path>) -> String {
    format!("countersign {what}{}", home_option(home))
}

/// A message of the device, whose hints name commands as `countersign WHAT`: with the home that was given behind each.
pub fn completed(message: &str, home: Option<&Path>) -> String {
    const BEGIN: &str = "`countersign ";
    let option = home_option(home);
    let mut out = String::with_capacity(message.len() + option.len());
    let mut rest = message;
    while let Some((before, command)) = rest.split_once(BEGIN) {
        let Some((command, after)) = command.split_once('`') else { break };
        let given = if command.contains(" --home") { "" } else { option.as_str() };
        out += &format!("{before}{BEGIN}{command}{given}`");
        rest = after;
    }
    out + rest
}

fn home_option(home: Option<&Path>) -> String {
    home.map(|home| format!(" --home {}", quoted(home))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_has_the_options_that_were_given() {
        let mut config = ProviderConfig::of("my id.toml".into());
        let sentence = |config: &ProviderConfig, home| {
            ProviderCommands::new(config, home).complete("start it: countersign op serve")
        };
        assert_eq!(sentence(&config, None), "start it: countersign op serve --config 'my id.toml'");
        config.configure.push("policy.ttl=2m".to_owned());
        assert_eq!(
            sentence(&config, Some(Path::new("/srv/id"))),
            "start it: countersign op serve --config 'my id.toml' --configure policy.ttl=2m --home /srv/id"
        );
        assert_eq!(ProviderCommands::new(&config, None).complete("renew it"), "renew it");
        assert_eq!(of_device("pending", Some(Path::new("phone"))), "countersign pending --home phone");
        assert_eq!(of_device("pending", None), "countersign pending");
    }

    #[test]
    fn commands_in_a_message_of_the_device_get_the_home_that_was_given() {
        let message = "no such request; `countersign pending` lists them, and `countersign history --home x` the past";
        let home = Some(Path::new("my phone"));
        assert_eq!(
            completed(message, home),
            "no such request; `countersign pending --home 'my phone'` lists them, and `countersign history --home x` the past"
        );
        for unchanged in [message, "a `countersign without an end", ""] {
            assert_eq!(completed(unchanged, None), unchanged);
        }
        assert_eq!(completed("a `countersign without an end", home), "a `countersign without an end");
    }
}
