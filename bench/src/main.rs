//! Benchmarks of Countersign on the loopback address: load generators, and a provider in a process of its own.

mod attacks;
mod bench_provider;
mod bench_stop;
mod cpu_time;
mod device_session;
mod failure;
mod fill;
mod http_connection;
mod load;
mod load_client;
mod loopback_tls;
mod machine;
mod memory;
mod plan;
mod provider_child;
mod push_service;
mod report;
mod scenarios;
mod virtual_device;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use countersign_device::edge::system;

use crate::bench_provider::ApprovalMode;
use crate::failure::Failure;
use crate::machine::Machine;
use crate::plan::Measurement;
use crate::report::Report;

/// Measures Countersign. Everything stays on the loopback address.
#[derive(Parser)]
#[command(name = "countersign-bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures, prints a table, and writes it as JSON to target/bench.
    Run(#[command(flatten)] Box<plan::Settings>),
    /// Complete flows at half load for minutes, while the provider's memory is watched.
    Soak(#[command(flatten)] scenarios::soak::Settings),
    /// Serves a provider until stopped: users auto0 to auto99 approve in process; with --devices, users approve on their devices.
    Provider {
        /// The port on 127.0.0.1; 0 picks a free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// The folder for its state; if omitted, a new one under target/bench.
        #[arg(long)]
        home: Option<PathBuf>,
        /// Number of users with an enrollment link for a device; no user then approves in process.
        #[arg(long)]
        devices: Option<usize>,
        /// Number of further users with a device enrolled before the provider serves.
        #[arg(long, default_value_t = 0, requires = "devices")]
        enrolled: usize,
        /// Number of their requests that have expired before the provider serves.
        #[arg(long, default_value_t = 0, requires = "devices")]
        expired: usize,
        /// Where their devices are pushed to: this URL, a slash and the user's number.
        #[arg(long, requires = "devices")]
        push_service: Option<String>,
        /// Each of them has a request that waits when the provider begins to serve.
        #[arg(long, requires = "devices")]
        asked: bool,
        /// Serves TLS itself, with a certificate made for this run.
        #[arg(long)]
        tls: bool,
        /// Stops when standard input ends.
        #[arg(long)]
        stop_with_stdin: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging();
    raise_descriptor_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return ended(Err(Failure::new("the process can't start its threads", error))),
    };
    let result = runtime.block_on(run(arguments.command));
    runtime.shutdown_background();
    ended(result)
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(settings) => measure(*settings).await,
        Command::Soak(settings) => scenarios::soak::run(settings).await,
        Command::Provider { port, home, devices, enrolled, expired, push_service, asked, tls, stop_with_stdin } => {
            let mode = match devices {
                None => ApprovalMode::InProcess,
                Some(users) => ApprovalMode::Devices { users, enrolled, expired, push_service, asked },
            };
            serve(bench_provider::open(port, home, mode, tls).await?, stop_with_stdin).await
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table is what was asked for")]
async fn measure(settings: plan::Settings) -> Result<(), Failure> {
    let folder = settings.out.clone().unwrap_or_else(|| bench_provider::target_directory().join("bench"));
    std::fs::create_dir_all(&folder).map_err(Failure::io("target/bench"))?;
    let (plan, settings) = settings.plan();
    let mut report = Report { machine: Machine::detect(&folder), settings, figures: Vec::new() };
    for measurement in &plan.measurements {
        report.figures.extend(match measurement {
            Measurement::InProcess => scenarios::in_process::measure(&plan).await?,
            Measurement::WithDevice => scenarios::with_device::measure(&plan).await?,
            Measurement::Latency => scenarios::with_device::measure_latency(&plan).await?,
            Measurement::Size => scenarios::size::measure(&plan).await?,
            Measurement::Streams => scenarios::streams::measure(&plan).await?,
            Measurement::Disk => scenarios::disk::measure(&plan).await?,
            Measurement::Existence => scenarios::existence::measure(&plan).await?,
            Measurement::Hostile => scenarios::hostile::measure(&plan).await?,
            Measurement::Push => scenarios::push::measure(&plan).await?,
        });
    }
    println!("{}", report.table());
    let name = format!("{}", system::clock().now().seconds());
    let path = report.write(&folder, &name)?;
    println!("The same as JSON, every window: {}", path.display());
    Ok(())
}

/// Prints issuer and client as one line of JSON, and serves.
#[expect(clippy::print_stdout, reason = "the line is what scripts wait for")]
async fn serve(opened: bench_provider::BoundProvider, stop_with_stdin: bool) -> Result<(), Failure> {
    println!("{}", opened.ready());
    opened.serve(bench_stop::received(stop_with_stdin)).await
}

#[expect(clippy::print_stderr, reason = "this is a program, and nobody else tells why it ended")]
fn ended(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("countersign-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Ten thousand streams are ten thousand descriptors on this side, too.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Logs warnings and errors to standard error, as the `countersign` command does; `COUNTERSIGN_LOG` sets other levels.
fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("COUNTERSIGN_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
