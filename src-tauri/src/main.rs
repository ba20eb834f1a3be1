//! The program `countersign-app`: opens the device, then the window, and ends with either.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use clap::Parser as _;
use countersign_window::arguments::Arguments;
use countersign_window::{start, window, with_commands};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("COUNTERSIGN_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    // Once per process; an error means that it was done already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let app = tauri::async_runtime::block_on(start::open(arguments))?;
    let built = with_commands(tauri::Builder::default(), app.clone()).build(tauri::generate_context!())?;
    window::open(built.handle(), app.appearance())?;
    tauri::async_runtime::spawn(window::send_snapshots(built.handle().clone(), app.clone()));

    let stop = built.handle().clone();
    let (all, first) = (arguments.stop_with_stdin, arguments.link.as_deref() == Some("-"));
    if all || first {
        // Reading blocks until standard input is closed: it gets a thread of its own.
        std::thread::spawn(move || {
            start::read_links(&app, all);
            if all {
                stop.exit(0);
            }
        });
    }
    built.run(|_, _| {});
    Ok(())
}
