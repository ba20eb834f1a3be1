//! Port of the demo: the requested one, or the next free one.

use std::io;
use std::net::{SocketAddr, TcpListener};

use crate::error_code::ErrorCode;
use crate::failure::Failure;
use crate::output::Output;
use crate::port_owner;

/// Ports tried, the requested one included.
const TRIES: u16 = 50;

/// The address to listen on. Prints the process that owns a busy port; port 0 becomes a free one.
///
/// # Errors
/// An address beyond this computer, or no free port nearby.
pub fn choose(asked: SocketAddr, output: Output) -> Result<SocketAddr, Failure> {
    if !asked.ip().is_loopback() {
        let what = format!("a demo listens on loopback addresses only, such as 127.0.0.1, not on {}", asked.ip());
        return Err(Failure::usage(ErrorCode::NotLoopback, what));
    }
    let mut address = asked;
    for _ in 0..TRIES {
        match TcpListener::bind(address).and_then(|listener| listener.local_addr()) {
            Ok(free) => return Ok(free),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && address.port() < u16::MAX => {
                let port = address.port();
                let owner = port_owner::find(address).map(|owner| format!(" by {owner}")).unwrap_or_default();
                address.set_port(port + 1);
                output.progress(&format!("Port {port} is taken{owner}. Trying {}.", port + 1));
            }
            Err(error) => {
                return Err(Failure::usage(ErrorCode::Listen, format_args!("can't listen on {address}: {error}")));
            }
        }
    }
    Err(Failure::usage(
        ErrorCode::Listen,
        format_args!("none of the {TRIES} ports from {asked} on is free; use --listen 127.0.0.1:0"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_gives_way_to_the_next_that_is_free() {
        let output = Output::new(true);
        let busy = TcpListener::bind("127.31.7.3:0").expect("a free port").local_addr().expect("an address");
        let held = TcpListener::bind(busy).expect("the same port");
        let chosen = choose(busy, output).expect("another port");
        assert!(chosen.ip() == busy.ip() && chosen.port() > busy.port(), "{chosen}");
        drop(held);
        assert_eq!(choose(busy, output).expect("free again"), busy);
    }

    #[test]
    fn port_0_becomes_a_free_one_and_other_computers_are_refused() {
        let output = Output::new(true);
        assert_ne!(choose(SocketAddr::from(([127, 0, 0, 1], 0)), output).expect("a port").port(), 0);
        assert_eq!(choose(SocketAddr::from(([0, 0, 0, 0], 0)), output).expect_err("not loopback").code, "not_loopback");
    }
}
