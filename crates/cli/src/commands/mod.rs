//! One file per command; each ends with an exit code or a failure.

mod accounts;
pub mod answer;
pub mod enroll;
mod evidence;
mod history;
mod op;
mod op_link;
pub mod op_serve;
mod pending;
mod request;
mod verify;
mod watch;

use crate::arguments::{Arguments, Command, Op};
use crate::demo;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the command that was typed.
///
/// # Errors
/// Why it ended early.
pub async fn run(arguments: Arguments, output: Output) -> Result<Exit, Failure> {
    let home = arguments.home;
    match arguments.command {
        Command::Demo(demo) => demo::run(demo, home, output).await,
        Command::Op(Op::Serve { provider, stop_with_stdin }) => {
            op_serve::run(&provider, home, stop_with_stdin, output).await
        }
        Command::Op(Op::Link { user, confirm, provider }) => {
            op_link::run(&user, confirm, &provider, home, output).await
        }
        Command::Op(Op::Check { provider }) => op::check::run(&provider, output),
        Command::Op(Op::Backup { to }) => op::backup::run(&to, home, output),
        Command::Op(Op::Client { provider, command }) => op::client::run(command, &provider, home, output).await,
        Command::Op(Op::User { provider, command }) => op::user::run(command, &provider, home, output).await,
        Command::Op(Op::Device { provider, command }) => op::device::run(command, &provider, home, output).await,
        Command::Op(Op::Status { provider }) => op::status::run(&provider, home, output).await,
        Command::Op(Op::Trace { id, provider }) => op::trace::run(&id, &provider, home, output),
        Command::Op(Op::Keys { provider, command }) => op::keys::run(&command, &provider, home, output),
        Command::Enroll(enroll) => enroll::run(enroll, home, output).await,
        Command::Accounts => accounts::run(home, output).await,
        Command::Pending => pending::run(home, output).await,
        Command::History => history::run(home, output).await,
        Command::Answer(answer) => answer::run(answer, home, output).await,
        Command::Watch(watch) => watch::run(watch, home, output).await,
        Command::Request(request) => request::run(request, output).await,
        Command::Evidence { id } => evidence::run(&id, home, output).await,
        Command::Verify(file) => verify::run(&file, output),
    }
}
