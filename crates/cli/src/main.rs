#![doc = include_str!("../README.md")]

mod answer_rules;
mod arguments;
mod ciba_client;
mod commands;
mod demo;
mod device_event_text;
mod device_failure;
mod dispatch;
mod error_code;
mod exit;
mod failure;
mod home;
mod logging;
mod offline_providers;
mod open_device;
mod output;
mod pin_pad;
mod port_owner;
mod qr_code;
mod request_text;
mod stdin_lines;
mod stop_signal;
mod time_format;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::output::Output;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
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
    let result = runtime.block_on(dispatch::run(arguments, output));
    // A thread that still waits for a key to be pressed must not keep the process from ending.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}
