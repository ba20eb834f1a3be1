#![doc = include_str!("../README.md")]

mod answer_rules;
mod arguments;
mod attestation_text;
mod ciba_client;
mod commands;
mod confirmation;
mod demo;
mod device_event_text;
mod device_failure;
mod dispatch;
mod error_code;
mod exit;
mod failure;
mod home;
mod idle_accounts;
mod logging;
mod loopback;
mod named_request;
mod new_files;
mod next_command;
mod offline_providers;
mod open_device;
mod output;
mod pin_pad;
mod port_owner;
mod push_endpoint;
mod push_failure;
mod push_report;
mod qr_code;
mod request_text;
mod secret_file;
mod server_name;
mod shell;
mod stdin_lines;
mod stop_signal;
mod time_format;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::output::Output;

/// Help and version go to standard output. A mistake is told as by any other failure: with `--json` as an object, too.
fn command_line_error(error: &clap::Error) -> ExitCode {
    let home = home_option(std::env::args_os().skip(1));
    let text = error.to_string();
    let completed = next_command::completed(&text, home.as_deref());
    if error.use_stderr() && asks_for_json(std::env::args_os().skip(1)) {
        Output::new(true).usage_error(&completed);
    }
    match completed == text {
        true => drop(error.print()),
        false => Output::new(false).progress(completed.trim_end()),
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Whether `--json` stands among the options of a command line that can't be parsed.
fn asks_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// The folder of `--home` in a command line that can't be parsed.
fn home_option(arguments: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    let mut arguments = arguments.take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        if argument == "--home" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(home) = argument.to_str().and_then(|argument| argument.strip_prefix("--home=")) {
            return Some(PathBuf::from(home));
        }
    }
    None
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return command_line_error(&error),
    };
    logging::start();
    // Once per process; an error would mean that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let output = Output::new(arguments.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.progress(&format!("countersign: the process can't start its threads: {error}"));
            return Exit::Usage.into();
        }
    };
    let home = arguments.home.clone();
    let result = runtime.block_on(dispatch::run(arguments, output));
    // A thread that still waits for a key to be pressed must not keep the process from ending.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(mut failure) => {
            failure.message = next_command::completed(&failure.message, home.as_deref());
            output.failure(&failure);
            failure.exit.into()
        }
    }
}
