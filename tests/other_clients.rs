//! Interoperability with Auth0's client libraries for Go, Node and Python, unmodified, against a provider with TLS. A real device
//! answers. `make interop` runs these; the programs are in `tests/interop`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use countersign_tests::device::Device;
use countersign_tests::process::Process;
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;
use countersign_tests::tls::Certificates;

const SECRET: &str = "auth0-5b7d20c6e91f4a83b2d47ac05e8f6139";

/// An application that uses one of Auth0's libraries, configured as in docs/clients.md.
const CLIENT: &str = r#"
[[clients]]
client_id = "app"
name = "Example Shop"
secret = "auth0-5b7d20c6e91f4a83b2d47ac05e8f6139"
profile = "auth0"
first_party = true
verified = true
"#;

/// A provider with TLS, and Alice's device.
struct Scene<'a> {
    // In the order in which they end.
    device: Device<'a>,
    _provider: Provider<'a>,
    authority: PathBuf,
    domain: String,
}

impl<'a> Scene<'a> {
    fn open(env: &'a TestEnv) -> Scene<'a> {
        let address = env.free_address();
        let certificates = Certificates::make(address.ip(), env.folder());
        env.trust(&certificates.authority);
        let (cert, key) = (certificates.cert.display(), certificates.key.display());
        let settings = Settings {
            issuer: Some(format!("https://{address}/")),
            more: format!("{CLIENT}\n[tls]\ncert = \"{cert}\"\nkey = \"{key}\"\n"),
            ..Default::default()
        };
        let provider = Provider::start_at(env, "provider", address, &settings);
        let device = Device::enrolled(env, "phone", &provider, "alice");
        Scene { device, _provider: provider, authority: certificates.authority, domain: address.to_string() }
    }

    /// A device that answers the next request by itself.
    fn answering(&self, rule: &str) -> Process {
        self.device.watch(&[rule, "{}", "--count", "1"])
    }

    /// Runs a client's program to its end.
    #[expect(clippy::print_stdout, reason = "libtest shows what a failing test printed")]
    fn run(&self, mut program: Command) -> Output {
        program
            .env("AUTH0_DOMAIN", &self.domain)
            .env("AUTH0_CLIENT_ID", "app")
            .env("AUTH0_CLIENT_SECRET", SECRET)
            .env("AUTH0_USER", "alice")
            .env("SSL_CERT_FILE", &self.authority)
            .env("NODE_EXTRA_CA_CERTS", &self.authority)
            .env("REQUESTS_CA_BUNDLE", &self.authority);
        let output = program.output().expect("the client's program starts");
        println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Approves once, denies once, and compares what the program says.
    fn play(&self, program: impl Fn() -> Command) {
        for (rule, code, said) in [("--approve-if", 0, "Authentication successful"), ("--deny-if", 1, "denied")] {
            let watching = self.answering(rule);
            let output = self.run(program());
            let words = [output.stdout, output.stderr].concat();
            let words = String::from_utf8_lossy(&words).into_owned();
            assert!(words.contains(said), "{rule}: the program says {said}: {words}");
            assert_eq!(output.status.code(), Some(code), "{rule}");
            watching.finish().expect_code(0);
        }
    }
}

fn interop(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop").join(folder)
}

#[test]
#[ignore = "needs Go: make interop ARGS=go-auth0"]
fn go_auth0_initiates_and_logs_in_with_the_grant() {
    let env = TestEnv::new();
    let scene = Scene::open(&env);
    let program = env.path("go-auth0");
    let built =
        Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(interop("go-auth0")).status();
    assert!(built.expect("Go starts").success(), "the program is built");
    scene.play(|| Command::new(&program));
}

#[test]
#[ignore = "needs Node and npm: make interop ARGS=node-auth0"]
fn node_auth0_authorizes_and_polls() {
    let env = TestEnv::new();
    Scene::open(&env).play(|| node("node-auth0.mjs"));
}

#[test]
#[ignore = "needs Node and npm: make interop ARGS=node-auth0"]
fn auth0_auth_js_waits_for_the_answer_by_itself() {
    let env = TestEnv::new();
    Scene::open(&env).play(|| node("auth-js.mjs"));
}

#[test]
#[ignore = "needs Python: make interop ARGS=python-auth0"]
fn auth0_python_polls_with_json() {
    let env = TestEnv::new();
    let python = std::env::var_os("INTEROP_PYTHON").unwrap_or_else(|| "python3".into());
    Scene::open(&env).play(|| {
        let mut command = Command::new(&python);
        command.arg(interop("python-auth0").join("client.py"));
        command
    });
}

fn node(program: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(interop("node-auth0").join(program));
    command
}
