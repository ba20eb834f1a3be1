//! Opens the provider of a configuration: to serve it, or beside the process that serves it.

use std::path::{Path, PathBuf};

use countersign_device::edge::system;
use countersign_gateway::Ports;
use countersign_op::{Config, Overrides, Provider};

use crate::arguments::ProviderConfig;
use crate::failure::Failure;
use crate::home::{self, HomeKind};
use crate::output::Output;

/// Reads the configuration: the file, then the environment, then the command line.
///
/// # Errors
/// Every mistake in it.
pub fn read_config(given: &ProviderConfig) -> Result<Config, Failure> {
    let mut overrides = Overrides::of_environment(std::env::vars_os());
    for each in &given.configure {
        overrides
            .add(each)
            .map_err(|given| Failure::usage("configuration", format!("--configure takes NAME=VALUE, not {given}")))?;
    }
    Config::read_with(&given.config, &overrides).map_err(|errors| Failure::usage("configuration", errors))
}

/// Reads the configuration and opens its provider beside the process that serves it. Tells people where there is none yet: then the
/// folder may be the wrong one.
pub fn open_beside(config: &ProviderConfig, home: Option<PathBuf>, output: Output) -> Result<Provider, Failure> {
    let home = home::folder(home, HomeKind::Provider)?;
    if !output.is_json() && !Provider::is_at(&home) {
        let folder = home.display();
        output.progress(&format!(
            "{folder} is a new provider's folder. If yours serves from another, name that one by --home: it sees nothing of this."
        ));
    }
    open(config, Some(home), Provider::open_for_admin)
}

/// Reads the configuration and opens its provider, to serve or beside the process that serves.
pub fn open<E: std::fmt::Display>(
    config: &ProviderConfig,
    home: Option<PathBuf>,
    open: impl FnOnce(Config, &Path, Ports) -> Result<Provider, E>,
) -> Result<Provider, Failure> {
    let config = read_config(config)?;
    let home = home::folder(home, HomeKind::Provider)?;
    let ports = Ports { clock: system::clock(), random: system::random() };
    open(config, &home, ports).map_err(|error| Failure::usage("provider", error))
}
