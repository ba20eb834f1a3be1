//! Runs the command that was typed.

use crate::arguments::{Arguments, Command};
use crate::commands::{
    accounts, answer, enroll, evidence, history, keys, op, pending, push_test, request, unenroll, verify, watch,
};
use crate::demo;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the command and returns its exit code.
///
/// # Errors
/// Why the command ended early.
pub async fn run(arguments: Arguments, output: Output) -> Result<Exit, Failure> {
    let home = arguments.home;
    match arguments.command {
        Command::Demo(demo) => demo::run(demo, home, output).await,
        Command::Op(command) => op::run(command, home, output).await,
        Command::Enroll(enroll) => enroll::run(enroll, home, output).await,
        Command::Accounts => accounts::run(home, output).await,
        Command::Keys => keys::run(output).await,
        Command::Unenroll(unenroll) => unenroll::run(unenroll, home, output).await,
        Command::Pending => pending::run(home, output).await,
        Command::History { which } => history::run(which.as_deref(), home, output).await,
        Command::Answer(answer) => answer::run(answer, home, output).await,
        Command::Watch(watch) => watch::run(watch, home, output).await,
        Command::PushTest(test) => push_test::run(test, home, output).await,
        Command::Request(request) => request::run(request, output).await,
        Command::Evidence { which } => evidence::run(&which, home, output).await,
        Command::Verify(file) => verify::run(&file, output),
    }
}
