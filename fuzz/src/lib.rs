//! What the targets share: a provider's reader with a fixed configuration.

use std::path::Path;

use countersign_op::Config;
use countersign_op::fuzzing::Reader;

/// A provider's configuration with a client of each kind and people with hints.
pub const CONFIGURATION: &str = include_str!("configuration.toml");

/// What a provider of that configuration reads with.
pub fn reader() -> Reader {
    let config = Config::parse(CONFIGURATION, Path::new("/nowhere"));
    let Ok(config) = config else { panic!("the configuration of the targets is sound") };
    Reader::new(config)
}
