//! The process that listens on a port, from /proc; on other systems than Linux unknown.

use std::fmt;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// A listening process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Process id.
    pub pid: u32,
    /// Its command line.
    pub command: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}: {}", self.pid, self.command)
    }
}

/// The process that listens on this address, or on this port of all addresses, if this user may see it.
pub fn find(address: SocketAddr) -> Option<Owner> {
    let inodes: Vec<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening(&table, address))
        .collect();
    let processes = fs::read_dir("/proc").ok()?;
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let pid = pids.filter(|pid| holds(*pid, &inodes)).min()?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = command.split(|&byte| byte == 0).filter(|word| !word.is_empty()).map(String::from_utf8_lossy);
    let command = countersign_protocol::text::escape(&words.collect::<Vec<_>>().join(" "));
    Some(Owner { pid, command })
}

/// Inodes of the sockets in a table (proc_pid_net(5)) that listen on the address.
fn listening(table: &str, address: SocketAddr) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    let there = |local: &str| {
        let Some((ip, port)) = local.split_once(':') else { return false };
        let everywhere = ip.bytes().all(|digit| digit == b'0');
        port == format!("{:04X}", address.port()) && (everywhere || ip == in_table(address.ip()))
    };
    rows.filter(|row| row.len() > 9 && there(row[1]) && row[3] == LISTEN)
        .filter_map(|row| row[9].parse().ok())
        .collect()
}

/// The address in the table's format: 32-bit words in the machine's byte order, in hexadecimal.
fn in_table(ip: IpAddr) -> String {
    let octets = match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words = octets.as_chunks::<4>().0.iter().map(|word| format!("{:08X}", u32::from_ne_bytes(*word)));
    words.collect()
}

fn holds(pid: u32, inodes: &[u64]) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let targets = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
    targets.into_iter().any(|target| inodes.iter().any(|inode| target == Path::new(&format!("socket:[{inode}]"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn only_sockets_that_listen_on_the_address_are_found() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:2253 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41 1 0 100 0 0 10 0\n\
            1: 0100007F:2253 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 42 1 0 100 0 0 10 0\n\
            2: 0100007F:2254 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 43 1 0 100 0 0 10 0\n\
            3: 0200007F:2253 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 44 1 0 100 0 0 10 0\n\
            4: 00000000:2255 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 45 1 0 100 0 0 10 0\n";
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(listening(table, at(0x2253)), [41], "neither a connection nor another address's port");
        assert_eq!(listening(table, at(0x2255)), [45], "a socket on all addresses listens there too");
        assert_eq!(listening(table, at(80)), [0_u64; 0]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_port_this_process_listens_on_is_its_own() {
        let listener = std::net::TcpListener::bind("127.31.7.1:0").expect("a free port");
        let owner = find(listener.local_addr().expect("an address")).expect("somebody listens");
        assert_eq!(owner.pid, std::process::id());
        assert!(!owner.command.is_empty());
    }
}
