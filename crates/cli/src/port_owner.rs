//! Who listens on a port, by Linux's /proc; elsewhere nobody knows.

use std::fmt;
use std::fs;
use std::path::Path;

/// A process that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its id.
    pub pid: u32,
    /// What was typed to start it.
    pub command: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}: {}", self.pid, self.command)
    }
}

/// The process that listens on this TCP port, as far as this user may see it.
pub fn of(port: u16) -> Option<Owner> {
    let inodes: Vec<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening(&table, port))
        .collect();
    let processes = fs::read_dir("/proc").ok()?;
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let pid = pids.filter(|pid| holds(*pid, &inodes)).min()?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = command.split(|&byte| byte == 0).filter(|word| !word.is_empty()).map(String::from_utf8_lossy);
    let command = countersign_protocol::text::escape(&words.collect::<Vec<_>>().join(" "));
    Some(Owner { pid, command })
}

/// The sockets of a table (proc_pid_net(5)) that listen on the port.
fn listening(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let local = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.len() > 9 && row[1].ends_with(&local) && row[3] == LISTEN)
        .filter_map(|row| row[9].parse().ok())
        .collect()
}

fn holds(pid: u32, inodes: &[u64]) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let targets = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
    targets.into_iter().any(|target| inodes.iter().any(|inode| target == Path::new(&format!("socket:[{inode}]"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_listens_on_the_port_is_found() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:2253 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41 1 0 100 0 0 10 0\n\
            1: 0100007F:2253 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 42 1 0 100 0 0 10 0\n\
            2: 0100007F:2254 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 43 1 0 100 0 0 10 0\n";
        assert_eq!(listening(table, 0x2253), [41]);
        assert_eq!(listening(table, 80), [0_u64; 0]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_port_that_this_process_listens_on_is_its_own() {
        let listener = std::net::TcpListener::bind("127.31.7.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let owner = of(port).expect("somebody listens");
        assert_eq!(owner.pid, std::process::id());
        assert!(!owner.command.is_empty());
    }
}
