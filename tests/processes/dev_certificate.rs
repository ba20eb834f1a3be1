//! `countersign op dev-certificate`: its certificate on a running provider, taken by the TLS of other languages and by ours.
//!
//! A peer that is not installed is skipped; the test prints which, and how many.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use countersign_tests::device::Device;
use countersign_tests::process::{Finished, Process};
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;

/// The name in the certificate. No resolver knows it: peers connect to the address and ask for the name.
const NAME: &str = "id.countersign.test";

fn dev_certificate(env: &TestEnv, arguments: &[&str]) -> Finished {
    let command = env.command(&[&["op", "dev-certificate", "--json"], arguments].concat());
    Process::start(env, "dev-certificate", command).finish()
}

/// A TLS client of another language.
struct Peer {
    /// As the test prints it.
    name: &'static str,
    /// The programs that it needs.
    needs: &'static [&'static str],
    /// Connects to the address and asks for [`NAME`]; ends with 0 only if it trusts the certificate. It trusts what the system
    /// does, and where there is a file, the authority in it.
    connect: fn(&Path, SocketAddr, Option<&Path>) -> Command,
}

const PEERS: &[Peer] = &[
    Peer { name: "OpenSSL", needs: &["openssl"], connect: openssl },
    Peer { name: "curl", needs: &["curl"], connect: curl },
    Peer { name: "Python", needs: &["python3"], connect: python },
    Peer { name: "Node", needs: &["node"], connect: node },
    Peer { name: "Go", needs: &["go"], connect: go },
    Peer { name: "Java", needs: &["java", "javac", "keytool"], connect: java },
];

fn with(program: impl AsRef<std::ffi::OsStr>, variable: &str, authority: Option<&Path>) -> Command {
    let mut command = Command::new(program);
    for set in ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE"] {
        command.env_remove(set);
    }
    if let Some(authority) = authority {
        command.env(variable, authority);
    }
    command
}

fn openssl(_: &Path, to: SocketAddr, authority: Option<&Path>) -> Command {
    let mut command = with("openssl", "SSL_CERT_FILE", authority);
    command.args(["s_client", "-brief", "-x509_strict", "-verify_return_error", "-verify_hostname", NAME]);
    command.args(["-servername", NAME, "-connect", &to.to_string()]);
    command
}

fn curl(_: &Path, to: SocketAddr, authority: Option<&Path>) -> Command {
    let mut command = with("curl", "SSL_CERT_FILE", authority);
    command.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--resolve"]);
    command.arg(format!("{NAME}:{}:{}", to.port(), to.ip())).arg(format!("https://{NAME}:{}/healthz", to.port()));
    command
}

fn python(_: &Path, to: SocketAddr, authority: Option<&Path>) -> Command {
    const PROGRAM: &str = "
import socket, ssl, sys
context = ssl.create_default_context()
context.verify_flags |= ssl.VERIFY_X509_STRICT
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as plain:
    context.wrap_socket(plain, server_hostname=sys.argv[3]).close()
";
    let mut command = with("python3", "SSL_CERT_FILE", authority);
    command.args(["-c", PROGRAM, &to.ip().to_string(), &to.port().to_string(), NAME]);
    command
}

fn node(_: &Path, to: SocketAddr, authority: Option<&Path>) -> Command {
    const PROGRAM: &str = "
const [host, port, servername] = process.argv.slice(1);
const socket = require('tls').connect({ host, port, servername }, () => socket.end());
socket.on('error', (error) => { console.error(error.message); process.exit(1); });
";
    let mut command = with("node", "NODE_EXTRA_CA_CERTS", authority);
    command.args(["-e", PROGRAM, &to.ip().to_string(), &to.port().to_string(), NAME]);
    command
}

fn go(folder: &Path, to: SocketAddr, authority: Option<&Path>) -> Command {
    const PROGRAM: &str = r#"package main

import (
	"crypto/tls"
	"fmt"
	"os"
)

func main() {
	connection, err := tls.Dial("tcp", os.Args[1], &tls.Config{ServerName: os.Args[2]})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	connection.Close()
}
"#;
    let (source, program) = (folder.join("peer.go"), folder.join("go-peer"));
    if !program.exists() {
        std::fs::write(&source, PROGRAM).expect("written");
        let built = Command::new("go").args(["build", "-o"]).arg(&program).arg(&source).current_dir(folder).output();
        let built = built.expect("Go starts");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    }
    let mut command = with(program, "SSL_CERT_FILE", authority);
    command.args([&to.to_string(), NAME]);
    command
}

fn java(folder: &Path, to: SocketAddr, authority: Option<&Path>) -> Command {
    const PROGRAM: &str = r#"
import java.net.Socket;
import javax.net.ssl.*;

public class Peer {
    public static void main(String[] args) throws Exception {
        Socket plain = new Socket(args[0], Integer.parseInt(args[1]));
        SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
        try (SSLSocket socket = (SSLSocket) factory.createSocket(plain, args[2], plain.getPort(), true)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            socket.startHandshake();
        }
    }
}
"#;
    let (source, store) = (folder.join("Peer.java"), folder.join("trust.p12"));
    let succeeds = |command: &mut Command| {
        let output = command.output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
    };
    if !source.exists() {
        std::fs::write(&source, PROGRAM).expect("written");
        succeeds(Command::new("javac").arg(&source).current_dir(folder));
    }
    let mut command = Command::new("java");
    if let Some(authority) = authority {
        if !store.exists() {
            let mut import = Command::new("keytool");
            import.args(["-importcert", "-noprompt", "-alias", "countersign-dev", "-storetype", "PKCS12"]);
            import.args(["-storepass", "changeit", "-file"]).arg(authority).arg("-keystore").arg(&store);
            succeeds(&mut import);
        }
        command.arg(format!("-Djavax.net.ssl.trustStore={}", store.display()));
        command.arg("-Djavax.net.ssl.trustStorePassword=changeit");
    }
    command.arg("-cp").arg(folder).args(["Peer", &to.ip().to_string(), &to.port().to_string(), NAME]);
    command
}

/// The first of these programs that is not there.
fn missing(programs: &'static [&'static str]) -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    programs.iter().copied().find(|program| !folders.iter().any(|folder| folder.join(program).is_file()))
}

#[test]
fn clients_of_every_language_take_the_certificate_once_they_trust_its_authority() {
    let env = TestEnv::new();
    let address = env.free_address();
    let made = dev_certificate(&env, &[NAME, &address.ip().to_string()]).expect_code(0).line("dev_certificate");
    assert_eq!(made["names"], serde_json::json!([NAME, address.ip().to_string()]));
    let path = |member: &str| PathBuf::from(made[member].as_str().expect("a path"));
    let authority = path("authority");
    env.trust(&authority);
    let settings = Settings {
        issuer: Some(format!("https://{address}")),
        more: format!("[tls]\ncert = {:?}\nkey = {:?}\n", path("cert"), path("key")),
        ..Default::default()
    };
    let provider = Provider::start_at(&env, "provider", address, &settings);

    let mut skipped = 0;
    for peer in PEERS {
        if let Some(program) = missing(peer.needs) {
            println!("skipped: {}: {program} is not installed", peer.name);
            skipped += 1;
            continue;
        }
        let connect = |authority: Option<&Path>| {
            let mut command = (peer.connect)(env.folder(), address, authority);
            command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{}: {error}", peer.name))
        };
        let output = connect(Some(&authority));
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{} takes the certificate: {said}", peer.name);
        assert!(!connect(None).status.success(), "{} takes it from an authority that it does not trust", peer.name);
    }
    println!("skipped: {skipped} of {}", PEERS.len());

    // By rustls: the device, and the client of `op status`.
    let _phone = Device::enrolled(&env, "phone", &provider, "alice");
    let status = provider.op(&["status"]).expect_code(0).lines("status");
    let fine = |name: &str| status.iter().any(|line| line["name"] == name && line["ok"] == true);
    assert!(fine("address") && fine("certificate"), "{status:?}");
}

#[test]
fn nothing_is_overwritten_and_the_key_is_its_owners_alone() {
    let env = TestEnv::new();
    let folder = env.path("tls");
    std::fs::create_dir(&folder).expect("a folder");
    let to = folder.to_str().expect("text");
    let made = dev_certificate(&env, &["localhost", "--to", to]).expect_code(0).line("dev_certificate");
    let key = PathBuf::from(made["key"].as_str().expect("a path"));
    assert_eq!(key, folder.join("dev-key.pem"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&key).expect("there").permissions().mode() & 0o777, 0o600);
    }
    let content = std::fs::read_to_string(&key).expect("readable");
    let again = dev_certificate(&env, &["localhost", "--to", to]).expect_code(2);
    assert_eq!(again.line("error")["error"], "file_exists");
    assert_eq!(std::fs::read_to_string(&key).expect("readable"), content);
    let listed = std::fs::read_dir(&folder).expect("listed").count();
    assert_eq!(listed, 3, "the authority's key is not kept");
}

#[test]
fn a_certificate_for_addresses_alone_is_refused_for_browsers_make_no_passkeys_there() {
    let env = TestEnv::new();
    let refused = dev_certificate(&env, &["192.168.7.4"]).expect_code(2);
    assert_eq!(refused.line("error")["error"], "no_host_name");
    let refused = dev_certificate(&env, &["https://id.test"]).expect_code(2);
    assert_eq!(refused.line("error")["error"], "usage");
    assert!(!env.path("dev-key.pem").exists());
}

#[test]
fn the_printed_lines_are_a_configuration_and_say_how_to_trust_it() {
    let env = TestEnv::new();
    let command = env.command(&["op", "dev-certificate", "id.test"]);
    let said = Process::start(&env, "dev-certificate", command).finish().expect_code(0).output.join("\n");
    for name in ["SSL_CERT_FILE=", "NODE_EXTRA_CA_CERTS=", "REQUESTS_CA_BUNDLE=", "keytool", "Android", "iPhone"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert!(said.contains("passkeys for that name, never for an IP address"), "{said}");
    let (_, rest) = said.split_once("In provider.toml:").expect("the lines");
    let (lines, _) = rest.split_once("Each machine").expect("their end");
    let config = env.path("provider.toml");
    std::fs::write(&config, lines).expect("written");
    let check = env.command(&["op", "check", "--json"]);
    let checked = Process::start(&env, "check", check).finish().expect_code(0).line("checked");
    assert_eq!((&checked["issuer"], &checked["warnings"]), (&"https://id.test:8787".into(), &serde_json::Value::Null));
}
