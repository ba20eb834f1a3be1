//! Opening the app on this computer, and links from the command line and standard input.

use std::io::{self, BufRead as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use countersign_app::edge::DownloadsFolder;
use countersign_app::{App, Link, LinkText, Options};
use countersign_device::Ports;
use countersign_device::edge::key_file::KeyChoice;
use countersign_device::edge::system;
use countersign_protocol::{limits, text};

use crate::arguments::{Arguments, Key};

/// Why the app could not be opened, where a window can't say so.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system names no folder for data.
    #[error("the system names no data directory; say --home DIR")]
    NoHome,
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Ports(#[from] countersign_device::error::OpenError),
    /// The argument is no link.
    #[error(transparent)]
    Link(#[from] countersign_app::InvalidLink),
}

/// Opens the app as the command line says. Call it within a tokio runtime.
///
/// # Errors
/// [`StartError`]
pub async fn open(arguments: &Arguments) -> Result<App, StartError> {
    let home = match &arguments.home {
        Some(home) => home.clone(),
        None => system::data_directory().ok_or(StartError::NoHome)?.join("countersign").join("app"),
    };
    let link = match arguments.link.as_deref() {
        None | Some("-") => None,
        Some(text) => Some(Link::read(&LinkText::new(text))?),
    };
    let mut ports = Ports::new(system::clock(), system::random())?;
    ports.locale = system::locale();
    ports.key_choice = match arguments.key {
        None => KeyChoice::Strongest,
        Some(Key::Keyring) => KeyChoice::Keyring,
        Some(Key::File) => KeyChoice::File,
    };
    let began = Instant::now();
    let options = Options {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        device_name: device_name(),
        downloads: Arc::new(DownloadsFolder::at(downloads(&home))),
        push: None,
        ticks: Arc::new(move || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)),
    };
    let app = App::open(&home, ports, options).await;
    if let Some(link) = link {
        app.offer_link(link);
    }
    Ok(app)
}

/// Reads links from standard input: the first line alone, or every line until it is closed. Blocks.
pub fn read_links(app: &App, all: bool) {
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        match Link::read(&LinkText::new(line)) {
            Ok(link) => app.offer_link(link),
            Err(error) => tracing::warn!(%error, "ignored a line of standard input"),
        }
        if !all {
            return;
        }
    }
}

/// The computer's name, where it may be shown.
fn device_name() -> String {
    let host = std::fs::read_to_string("/etc/hostname").ok().or_else(|| std::env::var("COMPUTERNAME").ok());
    let host = host.map(|name| name.trim().to_owned()).unwrap_or_default();
    if !host.is_empty() && text::check(&host, limits::NAME_CHARACTERS).is_ok() { host } else { "Computer".to_owned() }
}

/// The user's downloads folder, else a folder in the app's home.
fn downloads(home: &Path) -> PathBuf {
    let named = std::env::var_os("XDG_DOWNLOAD_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let person = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).map(PathBuf::from);
    let usual = person.map(|person| person.join("Downloads")).filter(|folder| folder.is_dir());
    named.or(usual).unwrap_or_else(|| home.join("evidence"))
}
