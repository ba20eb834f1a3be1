//! The environment of one test: a loopback address of its own, so that an issuer survives a restart, and a temporary folder.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

use crate::binary;

/// The last lines of a process's standard error that a failing test shows.
const TAIL_LINES: usize = 40;

/// The first port that is given out: below those that systems choose by themselves.
const FIRST_PORT: u16 = 20_000;

/// One test's address and folder. When the test fails, it prints the end of every process's standard error.
pub struct TestEnv {
    address: Ipv4Addr,
    next_port: AtomicU16,
    folder: TempDir,
    authority: OnceLock<PathBuf>,
    proxy: OnceLock<String>,
}

impl TestEnv {
    /// An environment for the calling test.
    ///
    /// # Panics
    /// If no temporary folder can be made.
    pub fn new() -> TestEnv {
        let folder = tempfile::Builder::new().prefix("countersign-").tempdir().expect("a temporary folder");
        let next_port = AtomicU16::new(FIRST_PORT);
        TestEnv { address: own_address(), next_port, folder, authority: OnceLock::new(), proxy: OnceLock::new() }
    }

    /// The test's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the test's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A socket address that nobody listens at: the test's own 127.x.y.z and its next port. No port is tried out: a process that
    /// another thread is just starting could hold on to it for a moment.
    pub fn free_address(&self) -> SocketAddr {
        // Steps leave room for a demo that takes the next port.
        SocketAddr::from((self.address, self.next_port.fetch_add(10, Ordering::Relaxed)))
    }

    /// `countersign` with these arguments, run in the test's folder, without the caller's homes and settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary::countersign());
        command.args(arguments).current_dir(self.folder());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COUNTERSIGN_") {
                command.env_remove(name);
            }
        }
        command.env("HOME", self.folder()).env("XDG_DATA_HOME", self.path("data")).env_remove("DISPLAY");
        command.env_remove("WAYLAND_DISPLAY").env("COUNTERSIGN_LOG", "debug");
        // No test writes into the keyring of the person who runs it.
        command.env("COUNTERSIGN_KEY", "file");
        if let Some(authority) = self.authority.get() {
            command.env("SSL_CERT_FILE", authority);
        }
        if let Some(proxy) = self.proxy.get() {
            command.env("http_proxy", proxy).env("https_proxy", proxy).env_remove("no_proxy").env_remove("NO_PROXY");
        }
        command
    }

    /// From now on, commands trust the certificate authority in this file, and no other.
    pub fn trust(&self, authority: &Path) {
        let _ = self.authority.set(authority.to_owned());
    }

    /// From now on, the environment tells commands to use this proxy.
    pub fn use_proxy(&self, url: &str) {
        let _ = self.proxy.set(url.to_owned());
    }

    /// The last lines of every process's standard error so far.
    pub fn standard_errors(&self) -> String {
        let mut all = String::new();
        let entries = std::fs::read_dir(self.folder()).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "stderr"));
        files.sort();
        for file in files {
            let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap_or_default()).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let _ = writeln!(all, "--- {name} ---\n{}", tail.join("\n"));
        }
        all
    }
}

impl Default for TestEnv {
    fn default() -> TestEnv {
        TestEnv::new()
    }
}

#[expect(clippy::print_stderr, reason = "libtest shows what a failing test printed")]
impl Drop for TestEnv {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("What the processes of this test said on standard error:\n{}", self.standard_errors());
        }
    }
}

/// Made of the process's id and the test's name (libtest calls a test's thread by it), so that no two tests share one.
fn own_address() -> Ipv4Addr {
    let mut hasher = DefaultHasher::new();
    std::process::id().hash(&mut hasher);
    std::thread::current().name().hash(&mut hasher);
    let [a, b, c, ..] = hasher.finish().to_be_bytes();
    // 127.0.0.* is left to people, and neither .0 nor .255 is used.
    Ipv4Addr::new(127, 1 + a % 254, b, 1 + c % 254)
}

/// The address as an issuer of plain http, which is allowed on loopback only.
pub fn http_issuer(address: SocketAddr) -> String {
    debug_assert!(matches!(address.ip(), IpAddr::V4(ip) if ip.is_loopback()));
    format!("http://{address}")
}
