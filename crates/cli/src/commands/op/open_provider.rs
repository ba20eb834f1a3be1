//! Opens the provider of a configuration: to serve it, or beside the process that serves it.

use std::path::{Path, PathBuf};

use countersign_device::edge::system;
use countersign_gateway::Ports;
use countersign_op::{Config, OpenError, Overrides, Provider};

use crate::arguments::ProviderConfig;
use crate::error_code::ErrorCode;
use crate::failure::Failure;
use crate::home::{self, HomeKind};
use crate::next_command::ProviderCommands;
use crate::output::Output;

/// Reads the configuration: the file, overridden by environment variables, overridden by `--configure`.
///
/// # Errors
/// Every mistake in the configuration.
pub fn read_config(given: &ProviderConfig) -> Result<Config, Failure> {
    let mut overrides = Overrides::of_environment(std::env::vars_os());
    for each in &given.configure {
        overrides.add(each).map_err(|error| Failure::usage(error.code(), error))?;
    }
    Config::read_with(&given.config, &overrides).map_err(|errors| Failure::usage(errors.code(), errors))
}

/// Opens the provider for a command that changes nothing, beside the process that serves it. Makes no home.
///
/// # Errors
/// No provider has served from this home yet, or as [`open`].
pub fn open_to_look(config: &ProviderConfig, home: Option<PathBuf>) -> Result<Provider, Failure> {
    let given = home.clone();
    let home = home::folder(home, HomeKind::Provider)?;
    if !Provider::exists_at(&home) {
        read_config(config)?;
        let serve = ProviderCommands::new(config, given.as_deref()).command("serve");
        let what = format!(
            "no provider has served from {} yet; start it: {serve}, or pass the folder that yours serves from as --home",
            home.display()
        );
        return Err(Failure::usage(ErrorCode::UnusedHome, what));
    }
    open(config, Some(home), Provider::open_for_admin)
}

/// Opens the provider for administration, beside the process that serves it. Prints a remark if the home is new: it may be the wrong
/// folder.
pub fn open_beside(config: &ProviderConfig, home: Option<PathBuf>, output: Output) -> Result<Provider, Failure> {
    let home = home::folder(home, HomeKind::Provider)?;
    if !output.is_json() && !Provider::exists_at(&home) {
        let folder = home.display();
        output.progress(&format!(
            "{folder} is a new home. If your provider serves from another folder, pass that one as --home: it does not see changes made here."
        ));
    }
    open(config, Some(home), Provider::open_for_admin)
}

/// Reads the configuration and opens the provider with `open`.
pub fn open(
    config: &ProviderConfig,
    home: Option<PathBuf>,
    open: impl FnOnce(Config, &Path, Ports) -> Result<Provider, OpenError>,
) -> Result<Provider, Failure> {
    let config = read_config(config)?;
    let home = home::folder(home, HomeKind::Provider)?;
    let ports = Ports { clock: system::clock(), random: system::random() };
    open(config, &home, ports).map_err(|error| Failure::usage(error.code(), error))
}
