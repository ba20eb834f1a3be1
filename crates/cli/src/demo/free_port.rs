//! Port of the demo: the requested one, or the next free one. For `localhost` it is free at both addresses.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

use countersign_protocol::issuer::LOCALHOST_ADDRESSES;

use crate::error_code::ErrorCode;
use crate::failure::Failure;
use crate::loopback;
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
        match free(address) {
            Ok(free) => return Ok(free),
            Err((_, error)) if error.kind() == io::ErrorKind::AddrInUse && asked.port() == 0 => {}
            Err((at, error)) if error.kind() == io::ErrorKind::AddrInUse && address.port() < u16::MAX => {
                let port = address.port();
                let owner = port_owner::find(at).map(|owner| format!(" by {owner}")).unwrap_or_default();
                address.set_port(port + 1);
                output.progress(&format!("Port {port} is taken{owner}. Trying {}.", port + 1));
            }
            Err((at, error)) => {
                return Err(Failure::usage(ErrorCode::Listen, format_args!("can't listen on {at}: {error}")));
            }
        }
    }
    Err(Failure::usage(
        ErrorCode::Listen,
        format_args!("none of the {TRIES} ports from {asked} on is free; use --listen 127.0.0.1:0"),
    ))
}

/// The address if it is free, with the port that the system chose for port 0. An address that this machine does not have gives way
/// to the other one of `localhost`.
fn free(address: SocketAddr) -> Result<SocketAddr, (SocketAddr, io::Error)> {
    let mut port = address.port();
    let listeners = loopback::bind_all(&loopback::both(address), |mut address| {
        address.set_port(port);
        let listener = TcpListener::bind(address)?;
        port = listener.local_addr()?.port();
        Ok(listener)
    })?;
    let bound = listeners.iter().filter_map(|listener| listener.local_addr().ok());
    let mut bound: Vec<SocketAddr> = bound.collect();
    // The one that was asked for first.
    bound.sort_by_key(|bound| bound.ip() != address.ip());
    bound.first().copied().ok_or_else(|| (address, io::ErrorKind::AddrNotAvailable.into()))
}

/// Whether this is an address of `localhost`: the issuer then has that name, for which browsers make passkeys.
pub fn is_localhost(address: IpAddr) -> bool {
    LOCALHOST_ADDRESSES.contains(&address)
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
    fn a_port_that_is_taken_at_the_other_address_of_localhost_is_not_free() {
        let six = TcpListener::bind("[::1]:0");
        let Ok(held) = six else { return println!("skipped: this machine has no IPv6") };
        let port = held.local_addr().expect("an address").port();
        let chosen = choose(SocketAddr::from(([127, 0, 0, 1], port)), Output::new(true)).expect("another port");
        assert!(chosen.port() != port && is_localhost(chosen.ip()), "{chosen}");
    }

    #[test]
    fn port_0_becomes_a_free_one_and_other_computers_are_refused() {
        let output = Output::new(true);
        assert_ne!(choose(SocketAddr::from(([127, 0, 0, 1], 0)), output).expect("a port").port(), 0);
        assert_eq!(choose(SocketAddr::from(([0, 0, 0, 0], 0)), output).expect_err("not loopback").code, "not_loopback");
    }
}
