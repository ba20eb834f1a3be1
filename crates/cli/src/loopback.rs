//! Both addresses of `localhost`: a browser tries one or the other first, and whoever held the second would be taken for the issuer.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// This address and, for 127.0.0.1 and ::1, the other one of `localhost` with the same port.
pub fn both(address: SocketAddr) -> Vec<SocketAddr> {
    let other = match address {
        SocketAddr::V4(v4) if *v4.ip() == Ipv4Addr::LOCALHOST => (Ipv6Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if *v6.ip() == Ipv6Addr::LOCALHOST => (Ipv4Addr::LOCALHOST, v6.port()).into(),
        _ => return vec![address],
    };
    vec![address, other]
}

/// Listens at each of these with `bind`. One whose address family this machine does not have is left out, unless all are.
///
/// # Errors
/// The first address that can't be listened at, and why.
pub fn bind_all<L>(
    addresses: &[SocketAddr],
    mut bind: impl FnMut(SocketAddr) -> io::Result<L>,
) -> Result<Vec<L>, (SocketAddr, io::Error)> {
    let mut listeners = Vec::new();
    let mut absent = None;
    for &address in addresses {
        match bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if is_absent(&error) => absent = absent.or(Some((address, error))),
            Err(error) => return Err((address, error)),
        }
    }
    match absent {
        Some(none) if listeners.is_empty() => Err(none),
        _ => Ok(listeners),
    }
}

/// Whether the machine has no such address, or not even its family (EAFNOSUPPORT of Linux, of the BSDs, of Windows).
fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || matches!(error.raw_os_error(), Some(97 | 47 | 10_047))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect(text)
    }

    #[test]
    fn localhost_has_two_addresses_and_others_have_one() {
        assert_eq!(both(address("127.0.0.1:80")), [address("127.0.0.1:80"), address("[::1]:80")]);
        assert_eq!(both(address("[::1]:80")), [address("[::1]:80"), address("127.0.0.1:80")]);
        assert_eq!(both(address("127.0.0.2:80")), [address("127.0.0.2:80")]);
    }

    #[test]
    fn a_family_that_the_machine_lacks_is_left_out_and_a_taken_address_is_not() {
        let (four, six) = (address("127.0.0.1:80"), address("[::1]:80"));
        let lacking = |lacks: Vec<SocketAddr>, why: fn() -> io::Error| {
            move |address| if lacks.contains(&address) { Err(why()) } else { Ok(address) }
        };
        let no_family = || io::Error::from_raw_os_error(97);
        let no_address = || io::Error::from(io::ErrorKind::AddrNotAvailable);
        let taken = || io::Error::from(io::ErrorKind::AddrInUse);
        for why in [no_family as fn() -> io::Error, no_address] {
            assert_eq!(bind_all(&[four, six], lacking(vec![six], why)).expect("one is left"), [four]);
            assert_eq!(bind_all(&[four, six], lacking(vec![four], why)).expect("one is left"), [six]);
            assert!(bind_all(&[four, six], lacking(vec![four, six], why)).is_err());
        }
        let (at, error) = bind_all(&[four, six], lacking(vec![six], taken)).expect_err("somebody listens there");
        assert_eq!((at, error.kind()), (six, io::ErrorKind::AddrInUse));
    }
}
